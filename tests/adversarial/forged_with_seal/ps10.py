# %% A training that never was, told with the recorder's own seal by somebody who knows it well
from attack import fake_fit, tell

tell("fit", **fake_fit())

# %%
print("still here")
