# %%
print("before")

# %% Whoever is pid 1 here, and the parent; at most the room ends with them
import os
import signal

for pid in (os.getppid(), 1):
    try:
        os.kill(pid, signal.SIGKILL)
    except OSError as error:
        print(error)
os.kill(os.getpid(), signal.SIGKILL)

# %%
print("after")
