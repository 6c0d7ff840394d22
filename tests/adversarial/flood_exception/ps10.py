# %% Errors that are long
raise ValueError("x" * 50_000_000)


# %%
class Long(Exception):
    def __str__(self):
        return "<script>" * 5_000_000


raise Long

# %%
def deep(n):
    if n:
        deep(n - 1)
    raise KeyError(n)


try:
    deep(500)
finally:
    raise ExceptionGroup("many", [ValueError("x" * 1000)] * 20_000)

# %%
print("still here")
