# %%
import sys

sys.exit()

# %%
print("after sys.exit()")
quit()

# %%
print("after quit()")
exit(3)

# %%
raise SystemExit("enough")

# %%
print("still here")
