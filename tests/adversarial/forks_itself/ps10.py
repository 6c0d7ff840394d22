# %% The kernel forks: both answer
import os
import time

pid = os.fork()
print("one of two", flush=True)

# %%
import sys

if pid == 0:
    time.sleep(1)
print("still here")
