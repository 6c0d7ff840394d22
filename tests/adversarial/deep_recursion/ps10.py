# %%
def deeper(n):
    return deeper(n + 1)


deeper(0)

# %%
import sys

sys.setrecursionlimit(20_000)
deeper(0)

# %%
nested = []
for _ in range(100_000):
    nested = [nested]
nested

# %%
print("still here")
