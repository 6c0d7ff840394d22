# %%
print("before")

# %%
import ctypes

ctypes.string_at(0)

# %%
print("after")
