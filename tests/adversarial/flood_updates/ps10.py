# %% Displays that replace one another
from IPython.display import HTML, clear_output, display

shown = display(HTML("x"), display_id=True)
for number in range(3000):
    shown.update(HTML("y" * 60_000))

# %%
for number in range(3000):
    clear_output()
    print("z" * 10_000)

# %%
x = 1
