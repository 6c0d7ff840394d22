# %% Memory that no process maps: anonymous files and shared-memory segments
print("before")

# %%
import os
import time

kept = []
for number in range(40):
    descriptor = os.memfd_create(str(number))
    for _ in range(64):
        os.write(descriptor, bytes(1 << 20))
    kept.append(descriptor)
time.sleep(5)
print("REACHED 40 anonymous files of 64 MiB")

# %%
print("after")
