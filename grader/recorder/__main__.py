"""Starts the kernel with the recorder in it: `python -P -m <this package> SETTINGS.json -f CONNECTION`.

SETTINGS: evidence (folder), argv (list), file (path of a script or ''), output_bytes, figures, trainer (socket or '').
"""

from __future__ import annotations

import ast
import errno
import json
import os
import socket
import sys
from pathlib import Path
from typing import Any

from ipykernel.iostream import IOPubThread
from ipykernel.ipkernel import IPythonKernel
from ipykernel.kernelapp import IPKernelApp

from ..wire.hash_chain import HashChain
from .absent import import_failed
from .bridge import Bridge
from .cell_compiler import CellCompiler, without_recorder
from .cell_source import GUARD, GuardImports, remaining_imports, without_installs
from .dataset_index import PRELOADED, DatasetIndex
from .dataset_loaders import install_datasets
from .hooks import quietly
from .imports import ImportWatch
from .magics import install_magics
from .missing_files import tell_missing_files
from .model_hooks import ModelHooks
from .namespace import Namespace
from .networks import Networks
from .output_limit import Messages
from .preloaded import Preloaded
from .record import FORMAT, Recorder
from .seeds import seed_keras, seed_start, seed_tensorflow, settle
from .shown_images import FigureHooks
from .tampering import TamperDetector
from .trainer_client import TrainerClient


class _Kernel(IPythonKernel):
    compiler_class = CellCompiler


class Recording:
    """The parts, and what ties them to the shell's events."""

    def __init__(self, settings: dict[str, Any], kernel: Any) -> None:
        self.recorder = Recorder(Path(settings["evidence"]))
        self.networks = Networks(self.recorder)
        trainer = TrainerClient(settings["trainer"]) if settings["trainer"] else None
        self.models = ModelHooks(self.recorder, self.networks, trainer)
        self.figures = FigureHooks(self.recorder, settings["figures"])
        self.bridge = Bridge(self.recorder)
        self.messages = Messages(kernel, settings["output_bytes"])
        self.preloaded = Preloaded()
        if self.preloaded.fashion_mnist:
            PRELOADED[:] = [DatasetIndex(*(x for x, _ in self.preloaded.fashion_mnist), hashes=self.preloaded.hashes)]
        self.watch = ImportWatch(self.preloaded)
        self.kernel = kernel
        self.shell = kernel.shell
        self.shell.compile.recorder = self.recorder
        self.namespace = Namespace(self.recorder, self.networks, set(self.shell.user_ns))
        self._to_shell(settings)
        self._to_imports()
        self.tamper_detector = self.models.tamper_detector = TamperDetector(self.recorder, self.networks, self.models)

    def _to_shell(self, settings: dict[str, Any]) -> None:
        shell = self.shell
        install_magics(shell, self.messages.notice)
        shell.user_ns[GUARD] = import_failed(self.messages.notice)
        shell.user_ns_hidden[GUARD] = None
        shell.input_transformers_cleanup.insert(0, without_installs)
        self.guard = GuardImports(self._private_keras)
        shell.ast_transformers.append(self.guard)
        shell.events.register("pre_run_cell", self.before_cell)
        shell.events.register("post_run_cell", self.after_cell)
        sys.argv = list(settings["argv"])
        self._hide_recorder()
        if "" not in sys.path:  # modules that were handed in lie where the notebook runs
            sys.path.insert(0, "")
        if settings["file"]:
            shell.user_ns["__file__"] = settings["file"]
            shell.user_ns_hidden["__file__"] = settings["file"]

    def _hide_recorder(self) -> None:
        original = self.shell._get_exc_info

        def exc_info(exc_tuple: Any = None) -> Any:
            kind, value, trace = original(exc_tuple)
            return kind, value, without_recorder(trace) or trace

        self.shell._get_exc_info = exc_info

    def _to_imports(self) -> None:
        watch = self.watch
        watch.before("tensorflow", settle)
        watch.after("tensorflow", seed_tensorflow)
        watch.after("keras", seed_keras)
        watch.after("keras", self.models.install)
        watch.after("keras", self.started)
        self.figures.install(watch, self.shell.display_formatter)
        watch.after("cv2", tell_missing_files(self.messages.notice))
        install_datasets(self.recorder, watch, self.preloaded.fashion_mnist)
        self.bridge.install(watch)

    def started(self, keras: Any) -> None:
        """Once Keras is imported: the record's first event, with versions."""
        from importlib.metadata import version

        self.recorder.emit("start", [], format=FORMAT, keras=keras.__version__, tensorflow=version("tensorflow"))

    def before_cell(self, info: Any) -> None:
        """`info` is IPython's; the first cell brings the key of the hash chain, student code has not run yet."""
        cell = str(info.cell_id or "")
        if cell.isdigit():  # a cell within a cell (%%capture) has none
            if self.recorder.cell is None:  # not earlier: the kernel's own start uses a random number or two
                seed_start()
                if key := self.kernel.get_parent()["metadata"].pop("seal", ""):
                    self.recorder.hash_chain = HashChain(key)
            self.recorder.cell = int(cell)
            self.shell.compile.cell_source = info.raw_cell

    def after_cell(self, result: Any) -> None:
        """`result` is IPython's `ExecutionResult`: look at what the cell left, then write its end."""
        if not str(result.info.cell_id or "").isdigit():
            return
        if result.error_in_exec is not None:
            quietly(self._finish_imports)(result)
        for step in (self.figures.flush, self.networks.end_cell, self._scan):
            quietly(step)()
        quietly(self.tamper_detector.report_changes)()
        quietly(self.recorder.emit)("end_cell", [])

    def _private_keras(self, idiom: str, today: str, line: int) -> None:
        if self.recorder.cell is not None:
            quietly(self.recorder.emit)("bridged", [[self.recorder.cell, line]], idiom=idiom, today=today)

    def _finish_imports(self, result: Any) -> None:
        trace = result.error_in_exec.__traceback__
        while trace is not None and trace.tb_frame.f_code.co_filename not in self.recorder.places:
            trace = trace.tb_next
        if trace is None or not trace.tb_frame.f_code.co_name.startswith("<"):
            return
        for statement in remaining_imports(result.info.transformed_cell, trace.tb_lineno):
            module = self.guard.visit(ast.Module(body=[statement], type_ignores=[]))
            code = compile(module, trace.tb_frame.f_code.co_filename, "exec")
            quietly(exec)(code, self.shell.user_ns)

    def _scan(self) -> None:
        with self.recorder:
            self.namespace.scan(self.shell.user_ns)


def no_network(event: str, args: tuple[Any, ...]) -> None:
    """An audit hook: connections leave this machine in no room; here they fail at once, in the same way."""
    if event == "socket.connect":
        address = args[1]
        if isinstance(address, tuple) and str(address[0]) not in {"127.0.0.1", "::1", "localhost"}:
            raise OSError(errno.ENETUNREACH, "Network is unreachable: notebooks are graded without internet access")
    elif event == "socket.getaddrinfo" and args[0] not in {None, "localhost", "127.0.0.1", "::1", ""}:
        raise OSError(errno.ENETUNREACH, "Network is unreachable: notebooks are graded without internet access")


def without_loopback() -> None:
    """Where there are no Internet sockets at all, do without the one through which forked children print."""
    try:
        socket.socket().close()
    except OSError:
        IOPubThread._setup_pipe_in = lambda thread: setattr(thread, "_pipe_flag", False)  # type: ignore[method-assign]


def main() -> None:
    """Runs until the kernel is shut down or killed."""
    settings = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    # Student code and what it starts need not see where this is.
    if (here := os.environ.pop("PYTHONPATH", None)) in sys.path:
        sys.path.remove(here)
    # What goes wrong until here is in the log; nobody reads what comes after, so that it cannot grow.
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    without_loopback()
    app = IPKernelApp.instance(kernel_class=_Kernel)
    app.initialize(sys.argv[2:])  # type: ignore[no-untyped-call]
    Recording(settings, app.kernel)
    sys.addaudithook(no_network)
    app.start()  # type: ignore[no-untyped-call]


if __name__ == "__main__":
    main()
