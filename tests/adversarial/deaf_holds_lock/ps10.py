# %% A sleep that keeps Python's lock: no thread of the kernel runs
import ctypes

ctypes.PyDLL(None).sleep(600)

# %%
print("after")
