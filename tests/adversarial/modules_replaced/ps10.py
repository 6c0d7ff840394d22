# %% Modules that everybody uses, replaced or gone
import sys
import types

for name in [n for n in sys.modules if "grade_recorder" in n or n in ("json", "zipfile", "hashlib", "hmac", "struct", "inspect", "functools")]:
    sys.modules[name] = types.ModuleType(name)

# %%
import builtins

print_, open_ = builtins.print, builtins.open
builtins.open = builtins.isinstance = builtins.len = None

# %%
print("after")
