# %% A pipe that nobody writes to, and one that never ends
import os
import shutil

from attack import record_folder

folder = record_folder()
os.unlink(folder + "/events.jsonl")
os.mkfifo(folder + "/events.jsonl")
shutil.rmtree(folder + "/arrays")
os.symlink("/dev/zero", folder + "/arrays")

# %%
print("still here")
