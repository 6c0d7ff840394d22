# %% A training that never was, written into the record as the recorder writes
import json

from attack import fake_fit, record_folder, recorder

file = record_folder() + "/events.jsonl"
fit = {"seq": recorder().seq, "type": "fit", "cell": 0, "stack": [[0, 8]], **fake_fit()}
with open(file, "a") as record:
    record.write(json.dumps(fit) + "\n")
recorder().seq += 1

# %%
print("still here")
