# %%
name = input("Your name: ")

# %%
import getpass

getpass.getpass()

# %%
import sys

print(repr(sys.stdin.read()))

# %%
import os

print(os.read(0, 10))

# %%
print("still here")
