# %% Messages that the recorder does not cut: by the kernel's own session, past every bound
kernel = get_ipython().kernel
send = type(kernel.session).send
for size in (1 << 20, 40 << 20, 200 << 20):
    for _ in range(3):
        send(kernel.session, kernel.iopub_socket, "stream", {"name": "stdout", "text": "x" * size}, parent=kernel.get_parent())

# %%
for _ in range(2000):
    send(kernel.session, kernel.iopub_socket, "display_data", {"data": {"text/plain": "x" * 50_000}, "metadata": {}}, parent=kernel.get_parent())

# %%
x = 1
