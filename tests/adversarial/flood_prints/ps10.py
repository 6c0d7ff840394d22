# %%
line = "x" * 1000
for _ in range(200_000):
    print(line)

# %%
print("still here")
