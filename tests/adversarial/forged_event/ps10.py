# %% The recorder itself is asked to tell of a training that never was
import keras

from attack import fake_fit, recorder

hidden = recorder()
print("written:", hidden.emit("fit", [[0, 3]], **fake_fit()))
print("written:", keras.Model.fit.__closure__ is not None)
for cell in keras.Model.fit.__closure__:
    reached = getattr(cell.cell_contents, "recorder", None)
    if reached is not None:
        print("written:", reached.emit("fit", [[0, 3]], **fake_fit(id="t2")))
