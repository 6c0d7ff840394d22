# %% Changing what is not one's own
import glob
import os
import site
import sys

from attack import attempt, places


def written(path):
    """Whether the file could be opened for writing: nothing is written."""
    existed = os.path.lexists(path)
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600))
    if not existed:
        os.unlink(path)
    return path


for path in (
    places.out + "/results.json", places.out + "/forged.html", places.other + "/ps10.py", places.repository + "/x",
    places.repository + "/rubrics/ps10.yaml", places.home + "/.bashrc", places.shared + "/x", "/x", "/etc/x", "/usr/x",
    "/usr/bin/python3", "/var/tmp/x", "/opt/x", "/srv/x", "/dev/x", "/run/x", "/proc/x", "/sys/x",
):

    @attempt(f"writing {path}")
    def _():
        return written(path)


# %% The interpreter and its packages, which the next submission uses too
for folder in {*site.getsitepackages(), os.path.dirname(os.__file__), sys.prefix, sys.base_prefix}:

    @attempt(f"a file in {folder}")
    def _():
        return written(folder + "/x.pth")


@attempt("the interpreter")
def _():
    return written(os.path.realpath(sys.executable))


@attempt("the official data")
def _():
    for file in glob.glob(os.environ["KERAS_HOME"] + "/datasets/fashion-mnist/*"):
        written(file)
        return file


@attempt("the recorder's code")
def _():
    import inspect

    recorder = next(m for n, m in sys.modules.items() if n.endswith("recorder.record"))
    return written(inspect.getfile(recorder))


# %% The same with other calls
@attempt("the mode of a file of the host")
def _():
    before = os.stat(places.secret).st_mode
    os.chmod(places.secret, 0o666)
    return os.stat(places.secret).st_mode != before  # the call may be answered without being carried out


@attempt("renaming the folder of the interpreter's packages")
def _():
    folder = site.getsitepackages()[0]
    os.rename(folder + "/pip", folder + "/pip")
    return folder


@attempt("times of a file of the host")
def _():
    os.utime(places.secret, (0, 0))
    return os.stat(places.secret).st_mtime == 0


# %%
print("still here")
