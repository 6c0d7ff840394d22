# %% Every readable file is searched for the secrets that lie about
import os
import subprocess

from attack import attempt, places


@attempt("a secret somewhere in the tree")
def _():
    # not in the notebook's own folder, where the word that is looked for stands
    command = (
        "find / -xdev -path /proc -prune -o -path /sys -prune -o -path '*/site-packages/tensorflow' -prune"
        " -o -type f -size -64k -print0 2>/dev/null | xargs -0 grep -l -I -s -e " + places.prefix
    )
    found = subprocess.run(command, shell=True, capture_output=True, text=True, timeout=100).stdout.split()
    return [file for file in found if not file.startswith(os.getcwd()) and not file.endswith("/places.json")]


# %%
print("still here")
