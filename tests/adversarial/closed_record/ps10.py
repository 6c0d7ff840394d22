# %% Only the record is closed; another file takes its place
import os

from attack import record_folder

folder = record_folder()
for descriptor in os.listdir("/proc/self/fd"):
    try:
        if os.readlink(f"/proc/self/fd/{descriptor}").endswith("events.jsonl"):
            os.dup2(os.open("/dev/null", os.O_WRONLY), int(descriptor))
    except OSError:
        pass

# %%
print("still here")
