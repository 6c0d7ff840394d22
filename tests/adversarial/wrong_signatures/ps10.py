# %% Speaks to the kernel's own sockets, without its key
import glob
import os
import struct

import zmq

from attack import attempt

context = zmq.Context()
found = [f for pattern in ("/run/k/*", os.environ["JUPYTER_RUNTIME_DIR"] + "/*", "/tmp/k-*/*") for f in glob.glob(pattern)]
sockets = [f for f in found if not f.endswith(".json")]
for path in sockets:
    for kind in (zmq.DEALER, zmq.SUB, zmq.REQ):
        opened = context.socket(kind)
        opened.linger = 0
        opened.connect("ipc://" + path)
        if kind != zmq.SUB:
            for frames in ([b"<IDS|MSG>", b"wrong", b"{}", b"{}", b"{}", b"{}"], [b"x" * 100_000], [b""] * 500):
                try:
                    opened.send_multipart(frames, zmq.NOBLOCK)
                except zmq.ZMQError:
                    pass
        opened.close()
print(len(sockets), "sockets")

# %% And with it: it stands in the connection file
import json

from jupyter_client import BlockingKernelClient

files = [f for f in found if f.endswith(".json")]
for file in files[:1]:
    client = BlockingKernelClient()
    client.load_connection_file(file)
    client.start_channels()
    client.execute("print('from within')")
    client.shutdown(restart=True)
print("asked")

# %%
import time

time.sleep(1)
print("still here")
