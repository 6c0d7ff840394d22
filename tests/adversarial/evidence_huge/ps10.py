# %% A record that is long: as many good lines as fit, then one without an end
import os

from attack import record_folder

folder = record_folder()
try:
    with open(folder + "/events.jsonl", "a") as file:
        line = '{"seq": %d, "type": "scalar", "cell": 0, "stack": [], "name": "x", "value": 1.0}\n'
        for seq in range(400_000):
            file.write(line % (seq + 100))
        for _ in range(100):
            file.write("x" * (1 << 20))
except OSError as error:
    print(error.strerror)

# %%
print("still here")
