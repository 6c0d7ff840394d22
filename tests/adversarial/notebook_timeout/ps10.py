# %%
import time

print("before")
for _ in range(3):
    time.sleep(2)

# %%
time.sleep(600)

# %%
print("after")
