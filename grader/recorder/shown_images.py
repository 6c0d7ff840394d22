"""What student code displays: images given to matplotlib, Pillow or IPython; and no waiting for a screen."""

from __future__ import annotations

import sys
import weakref
from types import ModuleType
from typing import Any

import numpy as np

from .record import Recorder, quietly, wrap

SIDE = 28
INLINE = "module://matplotlib_inline.backend_inline"
SHOWN = 20_000
"""Most displays that are recorded."""


class FigureHooks:
    def __init__(self, recorder: Recorder, most_rendered: int) -> None:
        self.recorder = recorder
        self._most_rendered = most_rendered
        self._rendered = 0
        self._shown = 0
        self._waiting: list[tuple[Any, list[list[int]], str | None]] = []
        """(axes, where, digest of the image) until the title is final."""
        self._noted: weakref.WeakSet[Any] = weakref.WeakSet()
        """Figures with an image in them."""

    # -------------------------------------------------- matplotlib

    def install_axes(self, module: ModuleType) -> None:
        wrap(module.Axes, ["imshow", "matshow", "pcolormesh", "pcolor", "pcolorfast"], self._drawing)

    def install_figures(self, module: ModuleType) -> None:
        """`IPython.core.pylabtools`: where the notebook turns figures into pictures."""
        wrap(module, ["print_figure"], self._rendering)

    def install_pyplot(self, module: Any) -> None:
        wrap(module, ["show"], self._showing)
        wrap(module, ["imsave"], self._saving)
        original = module.switch_backend
        module.switch_backend = lambda _name=None: original(INLINE)

    def install_matplotlib(self, module: Any) -> None:
        module.use = lambda *_args, **_kwargs: None

    def install_canvas(self, module: ModuleType) -> None:
        """Nobody will press a key: whatever waits for one returns at once."""
        module.FigureCanvasBase.start_event_loop = lambda *_args, **_kwargs: None

    def install_figure_class(self, module: ModuleType) -> None:
        module.Figure.waitforbuttonpress = lambda *_args, **_kwargs: True
        module.Figure.ginput = lambda *_args, **_kwargs: []

    def _drawing(self, original: Any) -> Any:
        hooks = self

        def draw(axes: Any, *args: Any, **kwargs: Any) -> Any:
            __tracebackhide__ = True
            if hooks.recorder.inside:
                return original(axes, *args, **kwargs)
            with hooks.recorder:
                result = original(axes, *args, **kwargs)
            # pcolormesh(X, Y, C), imshow(X), imshow(X=…)
            data = next((a for a in reversed(args) if np.ndim(a) >= 2), kwargs.get("X", kwargs.get("Z")))
            quietly(hooks._note)(axes, data)
            return result

        return draw

    def _note(self, axes: Any, data: Any) -> None:
        if self._shown >= SHOWN:
            return
        self._shown += 1
        self._waiting.append((weakref.ref(axes), self.recorder.stack(), self._digest(data)))
        self._noted.add(axes.figure)
        if len(self._waiting) > 200:
            self.flush()

    def _digest(self, data: Any) -> str | None:
        tiles = image_tiles(np.asarray(data))
        return self.recorder.array(tiles) if tiles is not None else None

    def flush(self) -> None:
        """Write what was drawn, with the titles that it has by now."""
        waiting, self._waiting = self._waiting, []
        for reference, stack, digest in waiting:
            title = quietly(_title)(reference()) or ""
            self.recorder.emit("shown", stack, images=[digest] if digest else [], title=title[:300])

    def _rendering(self, original: Any) -> Any:
        hooks = self

        def print_figure(figure: Any, *args: Any, **kwargs: Any) -> Any:
            quietly(hooks._figure)(figure)
            hooks._rendered += 1
            if hooks._rendered > hooks._most_rendered:
                return None
            return original(figure, *args, **kwargs)

        return print_figure

    def _figure(self, figure: Any) -> None:
        self.flush()
        if figure not in self._noted and figure.axes and self._shown < SHOWN:
            self._shown += 1
            self.recorder.emit("shown", images=[], title=str(figure.axes[0].get_title())[:300])

    def _showing(self, original: Any) -> Any:
        hooks = self

        def show(*args: Any, **kwargs: Any) -> Any:
            quietly(hooks.flush)()
            return original(*args, **kwargs)

        return show

    def _saving(self, original: Any) -> Any:
        hooks = self

        def imsave(fname: Any, arr: Any, *args: Any, **kwargs: Any) -> Any:
            quietly(hooks._picture)(arr)
            return original(fname, arr, *args, **kwargs)

        return imsave

    # -------------------------------------------------- Pillow and IPython

    def install_pillow(self, module: ModuleType) -> None:
        hooks = self

        def show(image: Any, *_args: Any, **_kwargs: Any) -> None:
            quietly(hooks._picture)(image)

        module.Image.show = show

    def install_display(self, formatter: Any) -> None:
        """IPython's formatter: pictures displayed as a cell's last value or with `display`."""
        hooks = self
        original = formatter.format

        def format(value: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: A001
            pillow = sys.modules.get("PIL.Image")
            if pillow is not None and isinstance(value, pillow.Image):
                quietly(hooks._picture)(value)
            return original(value, *args, **kwargs)

        formatter.format = format

    def _picture(self, data: Any) -> None:
        if self._shown < SHOWN and not self.recorder.inside:
            self._shown += 1
            digest = self._digest(data)
            self.recorder.emit("shown", images=[digest] if digest else [], title="")


def _title(axes: Any) -> str:
    if axes is None:
        return ""
    figure = axes.figure
    whole = figure._suptitle.get_text() if len(figure.axes) == 1 and figure._suptitle is not None else ""
    return str(axes.get_title() or whole)


def image_tiles(data: np.ndarray[Any, Any]) -> np.ndarray[Any, Any] | None:
    """The 28 × 28 images of a picture that is one or a montage of them: shape (n, 28, 28); None for others.

    A grey picture may come with a channel axis, or as three equal ones.
    """
    data = np.squeeze(np.ma.getdata(data))
    if data.ndim == 3 and data.shape[2] in (3, 4) and data.shape[0] % SIDE == 0:
        if not (data[..., 0] == data[..., 1]).all() or not (data[..., 0] == data[..., 2]).all():
            return None
        data = data[..., 0]
    if data.ndim != 2 or data.dtype.kind not in "biuf" or not data.size:
        return None
    rows, columns = data.shape
    if rows % SIDE or columns % SIDE or rows * columns > 2000 * SIDE * SIDE:
        return None
    tiles = data.reshape(rows // SIDE, SIDE, columns // SIDE, SIDE).swapaxes(1, 2)
    return np.ascontiguousarray(tiles.reshape(-1, SIDE, SIDE))
