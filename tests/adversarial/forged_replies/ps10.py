# %% Says that the running cell has ended, and goes on
import time

kernel = get_ipython().kernel
parent = kernel.get_parent()
send = type(kernel.session).send
print("a")
send(kernel.session, kernel.iopub_socket, "status", {"execution_state": "idle"}, parent=parent)
stream = getattr(kernel, "shell_stream", None)
ident = kernel._shell_parent_ident.get() if hasattr(kernel, "_shell_parent_ident") else None
for reply in ({"status": "ok", "execution_count": 1}, {"status": "error", "ename": "x" * 1000, "evalue": 3, "traceback": "no list"}):
    try:
        send(kernel.session, stream, "execute_reply", reply, parent=parent, ident=ident)
    except Exception as error:
        print(type(error).__name__)
time.sleep(2)

# %% Replies that are no replies
odd = [None, [], "x", 7, {"status": ["ok"]}, {"status": "error", "traceback": [[1]] * 10}, {"data": {"text/plain": 5, "image/png": []}, "metadata": 3}]
for content in odd:
    for kind in ("stream", "display_data", "execute_result", "error", "update_display_data", "clear_output", "comm_open", "nonsense"):
        try:
            send(kernel.session, kernel.iopub_socket, kind, content, parent=kernel.get_parent())
        except Exception as error:
            pass

# %% Deep ones
deep = {}
for _ in range(900):
    deep = {"a": deep}
send(kernel.session, kernel.iopub_socket, "display_data", {"data": {"application/json": deep}, "metadata": {}}, parent=kernel.get_parent())

# %% Notes that only the recorder writes
notes = [{"fault": "memory"}, {"fault": "missing_module", "module": "x" * 100_000}, {"fault": ["list"]}, "x", {"fault": "tampered"}] * 100
for note in notes:
    send(kernel.session, kernel.iopub_socket, "stream", {"name": "stdout", "text": ""}, parent=kernel.get_parent(), metadata={"grade": note})

# %%
print("still here")
