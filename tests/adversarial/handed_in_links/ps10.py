# %% Links handed in beside the notebook: the grader copies what was handed in
import os

from attack import attempt

for name in ("shadow.txt", "notes.txt", "environ.csv", "etc/passwd", "etc/hostname", "neighbour/notes.txt", "neighbour/ps10.py"):

    @attempt(name)
    def _():
        return not os.path.islink(name.split("/")[0]) and open(name, "rb").read(80)


# %%
print("still here")
