# %% Threads without end
import threading
import time

made = []
try:
    while len(made) < 20_000:
        thread = threading.Thread(target=time.sleep, args=(5,), daemon=True)
        thread.start()
        made.append(thread)
except RuntimeError as error:
    print("stopped:", error)
print("REACHED 20,000 threads" if len(made) == 20_000 else f"held: {len(made)} threads")

# %%
time.sleep(6)
print("still here")
