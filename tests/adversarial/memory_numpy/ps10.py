# %%
print("before")

# %%
import numpy as np

kept = []
while True:
    kept.append(np.ones((4096, 4096)))

# %%
print("after")
