# %% Every place that can be written is filled
import os

from attack import record_folder

places = [".", "/tmp", os.environ["HOME"], os.environ["KERAS_HOME"], "/dev/shm", record_folder(), "/run/k", "/var/tmp"]


def fill(folder):
    """Bytes that fitted, at most 2400 MiB."""
    written = 0
    try:
        for number in range(80):
            with open(f"{folder}/fill{number}", "wb", buffering=0) as file:
                for _ in range(30):
                    written += file.write(bytes(1 << 20))
    except OSError as error:
        print(folder, "full after", written >> 20, "MiB:", error.strerror)
    return written


total = sum(fill(folder) for folder in places if os.access(folder, os.W_OK)) >> 20
print("REACHED more than 2000 MiB on disk:" if total > 2000 else "held:", total, "MiB")

# %% And what is full stays usable
for folder in places:
    for number in range(80):
        if os.path.exists(f"{folder}/fill{number}"):
            os.unlink(f"{folder}/fill{number}")

# %%
open("more.bin", "wb").write(bytes(500 << 20))

# %%
print("still here")
