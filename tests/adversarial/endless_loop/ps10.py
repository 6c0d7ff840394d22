# %%
while True:
    pass

# %%
print("still here")
