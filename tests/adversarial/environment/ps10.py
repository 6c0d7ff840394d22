# %% What the grader was started with
import glob
import os

from attack import attempt, places


@attempt("a secret in the environment")
def _():
    return [name for name, value in os.environ.items() if places.prefix in value or "TOKEN" in name]


def lines(what):
    for file in glob.glob(f"/proc/[0-9]*/{what}") + glob.glob(f"/proc/[0-9]*/task/*/{what}"):
        try:
            yield open(file, "rb").read()
        except OSError:
            pass


@attempt("a secret in some process's environment")
def _():
    return [text for text in lines("environ") if places.prefix.encode() in text]


@attempt("a secret on some process's command line")
def _():
    return [text for text in lines("cmdline") if places.prefix.encode() in text or b"grade" in text.split(b"\0")[0]]


@attempt("processes of the machine")
def _():
    pids = [entry for entry in os.listdir("/proc") if entry.isdigit()]
    return len(pids) > 8 and len(pids)


@attempt("the marker's process")
def _():
    return open(f"/proc/{places.pid}/stat").read()


@attempt("names of the machine's users")
def _():
    return [line for line in open("/etc/passwd") if line.split(":")[0] not in {"root", "student", "nobody"}]


# %%
print("still here")
