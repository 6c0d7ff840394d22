# %% A file that is large without holding anything
import os

open("small", "wb").truncate(10_000)
try:
    open("large", "wb").truncate(10 << 30)
    print("REACHED a file of 10 GB")
except OSError as error:
    print("held:", error.strerror)

# %%
descriptor = os.open("reserved", os.O_CREAT | os.O_WRONLY)
try:
    os.posix_fallocate(descriptor, 0, 10 << 30)
    print("REACHED a reserved file of 10 GB")
except OSError as error:
    print("held:", error.strerror)
os.close(descriptor)

# %%
open("small", "wb").truncate(10_000)
print("still here")
