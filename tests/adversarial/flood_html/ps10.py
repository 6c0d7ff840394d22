# %%
from IPython.display import HTML, display

for _ in range(20):
    display(HTML("<b>x</b>" * 1_250_000))

# %%
x = 1
