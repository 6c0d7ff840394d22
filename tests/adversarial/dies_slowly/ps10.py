# %% The kernel goes, a child keeps its sockets open
import os
import time

if os.fork():
    os._exit(1)
else:
    time.sleep(600)

# %%
print("after")
