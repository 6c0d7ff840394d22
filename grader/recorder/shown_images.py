"""What student code displays: images given to matplotlib, Pillow or IPython; and no waiting for a screen."""

from __future__ import annotations

import sys
import weakref
from typing import Any

import numpy as np

from .hooks import noted_before, quietly, wrap
from .imports import ImportWatch
from .record import Recorder

SIDE = 28
_IMAGES = ("imshow", "matshow", "pcolormesh", "pcolor", "pcolorfast")
INLINE = "module://matplotlib_inline.backend_inline"
SHOWN = 20_000
"""Most displays that are recorded."""


class FigureHooks:
    """Records what is drawn; `most_rendered` figures become pictures in the notebook, later ones do not."""

    def __init__(self, recorder: Recorder, most_rendered: int) -> None:
        self.recorder = recorder
        self._most_rendered = most_rendered
        self._rendered = 0
        self._shown = 0
        self._waiting: list[tuple[Any, list[list[int]], str | None]] = []
        """(axes, where, digest of the image) until the title is final."""
        self._noted: weakref.WeakSet[Any] = weakref.WeakSet()
        """Figures with an image in them."""

    def install(self, watch: ImportWatch, formatter: Any) -> None:
        """Hook the modules once they are imported, and IPython's `formatter` of displayed values."""
        watch.after("matplotlib", lambda matplotlib: setattr(matplotlib, "use", lambda *_, **__: None))
        watch.after("matplotlib.axes._axes", lambda axes: wrap(axes.Axes, _IMAGES, self._drawing))
        watch.after("matplotlib.pyplot", self._install_pyplot)
        watch.after("matplotlib.backend_bases", _no_event_loop)
        watch.after("matplotlib.figure", _no_waiting)
        # Where the notebook turns figures into pictures.
        watch.after("IPython.core.pylabtools", lambda module: wrap(module, ["print_figure"], self._rendering))
        watch.after("PIL.Image", lambda module: setattr(module.Image, "show", lambda image, *_, **__: self._see(image)))
        formatter.format = noted_before(self._displayed)(formatter.format)

    # -------------------------------------------------- matplotlib

    def _install_pyplot(self, pyplot: Any) -> None:
        wrap(pyplot, ["show"], noted_before(lambda *_, **__: self.flush()))
        wrap(pyplot, ["imsave"], noted_before(self._saved))
        original = pyplot.switch_backend
        pyplot.switch_backend = lambda _name=None: original(INLINE)

    def _drawing(self, original: Any) -> Any:
        def draw(axes: Any, *args: Any, **kwargs: Any) -> Any:
            __tracebackhide__ = True
            if self.recorder.inside:
                return original(axes, *args, **kwargs)
            with self.recorder:
                result = original(axes, *args, **kwargs)
            quietly(self._note)(axes, args, kwargs)
            return result

        return draw

    def _note(self, axes: Any, args: Any, kwargs: Any) -> None:
        # pcolormesh(X, Y, C), imshow(X), imshow(X=…)
        data = next((a for a in reversed(args) if np.ndim(a) >= 2), kwargs.get("X", kwargs.get("Z")))
        if self._shown >= SHOWN:
            return
        self._shown += 1
        self._waiting.append((weakref.ref(axes), self.recorder.stack(), quietly(self._digest)(data)))
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
        def print_figure(figure: Any, *args: Any, **kwargs: Any) -> Any:
            quietly(self._figure)(figure)
            self._rendered += 1
            return original(figure, *args, **kwargs) if self._rendered <= self._most_rendered else None

        return print_figure

    def _figure(self, figure: Any) -> None:
        self.flush()
        if figure not in self._noted and figure.axes and self._shown < SHOWN:
            self._shown += 1
            self.recorder.emit("shown", images=[], title=str(figure.axes[0].get_title())[:300])

    # -------------------------------------------------- Pillow and IPython

    def _saved(self, fname: Any, arr: Any, *_: Any, **__: Any) -> None:  # noqa: ARG002 - named as in matplotlib
        self._picture(arr)

    def _see(self, image: Any) -> None:
        quietly(self._picture)(image)

    def _displayed(self, value: Any, *_: Any, **__: Any) -> None:
        """A cell's last value, or what `display` is given."""
        pillow = sys.modules.get("PIL.Image")
        if pillow is not None and isinstance(value, pillow.Image):
            self._picture(value)

    def _picture(self, data: Any) -> None:
        if self._shown < SHOWN and not self.recorder.inside:
            self._shown += 1
            digest = quietly(self._digest)(data)
            self.recorder.emit("shown", images=[digest] if digest else [], title="")


def _no_event_loop(backend_bases: Any) -> None:
    """Nobody will press a key: whatever waits for one returns at once."""
    backend_bases.FigureCanvasBase.start_event_loop = lambda *_, **__: None


def _no_waiting(figure: Any) -> None:
    figure.Figure.waitforbuttonpress = lambda *_, **__: True
    figure.Figure.ginput = lambda *_, **__: []


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
