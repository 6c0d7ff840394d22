# %%
import time

while True:
    try:
        time.sleep(1)
    except KeyboardInterrupt:
        pass

# %%
print("after")
