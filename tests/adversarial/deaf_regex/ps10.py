# %% Matching that takes for ever
import re

re.match(r"(a+)+$", "a" * 64 + "b")

# %%
print("after")
