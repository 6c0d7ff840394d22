# %% Open files without end, then everything closed again
import os

opened = []
try:
    while len(opened) < 1_000_000:
        opened.append(os.open("/dev/null", os.O_RDONLY))
except OSError as error:
    message = error.strerror
for descriptor in opened:
    os.close(descriptor)
print("REACHED a million open files" if len(opened) == 1_000_000 else f"held: {len(opened)}: {message}")

# %%
print("still here")
