# %% The recorder's files become other things
import os
import socket

from attack import places, record_folder


folder = record_folder()
os.makedirs(folder + "/arrays", exist_ok=True)
os.symlink(places.secret, folder + "/arrays/secret.npz")
os.symlink("/", folder + "/arrays/root")
os.mkfifo(folder + "/arrays/fifo.npz")
os.mkdir(folder + "/arrays/folder.npz")
deep = folder
for _ in range(200):
    deep += "/d"
    os.mkdir(deep)
server = socket.socket(socket.AF_UNIX)
server.bind(folder + "/arrays/socket.npz")
for number in range(3000):
    open(f"{folder}/arrays/{number}.npz", "w").close()


# %% Events that name them
def event(seq, event_type, **facts):
    import json

    return json.dumps({"seq": seq, "type": event_type, "cell": 0, "stack": [], **facts}) + "\n"


array = dict(shape=[60000, 784], dtype="float64", minimum=0.0, maximum=1.0, kind="images", lo=0.0, hi=1.0, encoding="")
with open(folder + "/events.jsonl", "a") as file:
    for number, name in enumerate(("secret", "fifo", "folder", "socket", "root", "5")):
        file.write(event(10 + number, "array", digest=f"{number:032x}", file=f"arrays/{name}.npz", **array))
    file.write('{"a":' * 100_000 + "\n")
    file.write("[" * 5_000_000 + "\n")
    file.write('{"seq": 1e999, "type": "fit"}\n' * 1000)

# %% And the record itself
os.rename(folder + "/events.jsonl", folder + "/old")
os.symlink(places.secret, folder + "/events.jsonl")
with open(folder + "/huge", "wb") as file:
    try:
        file.truncate(1 << 40)
    except OSError as error:
        print(error.strerror)

# %%
print("still here")
