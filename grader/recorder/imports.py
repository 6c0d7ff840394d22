"""Acts when student code imports a module, so that notebooks pay only for what they use."""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import sys
from collections.abc import Callable, Sequence
from types import FunctionType, ModuleType
from typing import Any

from .hooks import quietly
from .preloaded import Preloaded

OTHER_KERAS = ("tf_keras", "keras_core")
"""Packages of their own that Keras' earlier and later days had; Keras itself stands for them."""
KERAS_TREES = ("tensorflow.keras", "tensorflow._api.v2.keras", "keras._tf_keras.keras", "keras", *OTHER_KERAS)
"""One library under several names: what is imported as `tensorflow.keras` is another set of modules."""

Action = Callable[[ModuleType], None]


def keras_name(name: str) -> str | None:
    """'layers.core' for 'keras.layers.core', 'tensorflow.keras.layers.core', …; '' for Keras itself; None otherwise."""
    for tree in KERAS_TREES:
        if name == tree:
            return ""
        if name.startswith(tree + "."):
            return name[len(tree) + 1 :]
    return None


class ImportWatch(importlib.abc.MetaPathFinder):
    """First on `sys.meta_path`: runs actions after a module, and makes up the modules that a maker knows."""

    def __init__(self, preloaded: Preloaded | None = None) -> None:
        self._preloaded = preloaded or Preloaded()
        self._before: dict[str, list[Callable[[], None]]] = {}
        self._after: dict[str, list[Action]] = {}
        self.after_keras: Callable[[str, ModuleType], None] | None = None
        """Called with the name within Keras and the module, for every module of Keras' public trees."""
        self.make: Callable[[str], ModuleType | None] | None = None
        self._busy: set[str] = set()
        sys.meta_path.insert(0, self)

    def before(self, name: str, action: Callable[[], None]) -> None:
        """Call `action()`, which does not raise, when `name`, for which something waits, is about to be imported."""
        self._before.setdefault(name, []).append(action)

    def after(self, name: str, action: Action) -> None:
        """Call `action(module)` once `name` is imported; at once if it already is."""
        if name in sys.modules:
            quietly(action)(sys.modules[name])
        else:
            self._after.setdefault(name, []).append(action)

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """None leaves a module to the finders that follow: nothing waits for it."""
        if (module := self._preloaded.module(fullname)) is not None:
            return importlib.machinery.ModuleSpec(fullname, _Hidden(module, self._preloaded, self))
        within = keras_name(fullname)
        if within is not None and within.startswith("src") and fullname not in self._after:
            return None
        if fullname in self._busy or (within is None and fullname not in self._after):
            return None
        if within is not None and self.make is not None:
            made = quietly(self.make)(fullname)
            if made is not None:
                return importlib.machinery.ModuleSpec(fullname, _Made(made), is_package=True)
        self._busy.add(fullname)
        try:
            for finder in sys.meta_path:
                if finder is not self and (spec := finder.find_spec(fullname, path, target)) is not None:
                    break
            else:
                return None
        finally:
            self._busy.discard(fullname)
        for action in self._before.get(fullname, ()):
            action()
        if spec.loader is not None and hasattr(spec.loader, "exec_module"):
            spec.loader = _Watched(spec.loader, self)
        return spec

    def executed(self, module: ModuleType) -> None:
        """Run the actions that wait for a module, which is complete."""
        name = module.__name__
        within = keras_name(name)
        if within is not None and self.after_keras is not None:
            quietly(self.after_keras)(within, module)
        for action in self._after.pop(name, []):
            quietly(action)(module)

    def shown(self, modules: list[ModuleType]) -> None:
        """The same for modules that were complete before, in this order.

        What later ones copied from earlier ones becomes what they would have found.
        """
        for number, module in enumerate(modules):
            before = dict(vars(module)) if module.__name__ in self._after else {}
            self.executed(module)
            for key, was in before.items():
                hooked = vars(module).get(key)
                if isinstance(was, FunctionType) and hooked is not was:
                    for later in modules[number + 1 :]:
                        if vars(later).get(key) is was:
                            setattr(later, key, hooked)


class _Watched(importlib.abc.Loader):
    """A loader that tells the watch when its module is complete, then leaves no trace."""

    def __init__(self, loader: Any, watch: ImportWatch) -> None:
        self._loader = loader
        self._watch = watch

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType | None:
        module: ModuleType | None = self._loader.create_module(spec)
        return module

    def exec_module(self, module: ModuleType) -> None:
        if module.__spec__ is not None:
            module.__spec__.loader = self._loader
        module.__loader__ = self._loader
        self._loader.exec_module(module)
        self._watch.executed(module)


class _Made(importlib.abc.Loader):
    """Gives out a module that is made already, as a package."""

    def __init__(self, module: ModuleType) -> None:
        self._module = module

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType:  # noqa: ARG002
        return self._module

    def exec_module(self, module: ModuleType) -> None:
        module.__path__ = []


class _Hidden(_Made):
    """Brings to light a module that was loaded before, and those that came with it."""

    def __init__(self, module: ModuleType, preloaded: Preloaded, watch: ImportWatch) -> None:
        super().__init__(module)
        self._preloaded, self._watch = preloaded, watch
        self._spec, self._loader = module.__spec__, module.__loader__

    def exec_module(self, module: ModuleType) -> None:
        module.__spec__, module.__loader__ = self._spec, self._loader
        self._watch.shown(self._preloaded.show(module.__name__))
