# %%
print("before")

# %% Each child makes children, and none of them ends
import os
import time

kernel = os.getpid()
stop = time.monotonic() + 6
while time.monotonic() < stop:
    try:
        os.fork()
    except OSError:
        time.sleep(0.05)
if os.getpid() != kernel:
    time.sleep(600)

# %%
print("after")
