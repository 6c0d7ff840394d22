"""Running: what becomes of each kind of cell, whatever it does."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import pytest
from nbformat.v4 import new_output
from running import LEVEL, run, small_data, submission

from grader.errors import GradeError, SandboxError
from grader.execution import faults, hints
from grader.execution.kernel import Kernel
from grader.execution.outputs import PRINTED, Budget, as_seen, inert, printed, without_progress
from grader.execution.run import Progress, RunSettings, run_submission
from grader.records import CellRun, CellStatus, FaultKind
from grader.sandbox import Bounds, sandbox_level

pytestmark = pytest.mark.xdist_group("run")  # one worker runs the notebooks of all its tests

# ------------------------------------------------------------------ text


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("plain\ntext\n", "plain\ntext\n"),
        ("10%\r100%\n", "100%\n"),
        ("long line\rabc\n", "abcg line\n"),
        ("ab\bc\n", "ac\n"),
        ("12\b\b\b\b\r34\n", "34\n"),
        ("\x1b[1mbold\x1b[0m\n", "bold\n"),
        ("ends\r\n", "ends\n"),
    ],
)
def test_text_is_what_a_terminal_would_show(text: str, seen: str):
    assert as_seen(text) == seen


PROGRESS = [
    "Epoch 1/3",
    "1875/1875 ━━━━━━━━━━━━━━━━━━━━ 3s 1ms/step - accuracy: 0.7 - loss: 0.9 - val_accuracy: 0.78 - val_loss: 0.6",
    " 1/20 ━━━━━━━━━━━━━━━━━━━━ 3s 190ms/step",
    "     34/Unknown 1s 4ms/step - loss: 0.3",
    "60000/60000 [==============================] - 2s 33us/sample - loss: 0.5 - acc: 0.8",
    "  100/60000 [..............................] - ETA: 5:12",
    "1875/1875 - 3s - 1ms/step - accuracy: 0.7762 - loss: 0.6",
    "1875/1875 - 3s - loss: 0.66 - accuracy: 0.7762",
    "Train on 60000 samples, validate on 10000 samples",
]


@pytest.mark.parametrize("line", PROGRESS)
def test_progress_bars_are_not_what_the_student_printed(line: str):
    assert without_progress(f"before\n{line}\nafter\n") == "before\nafter\n"


@pytest.mark.parametrize(
    "line",
    [
        "test accuracy: 0.78",
        "3/4 of them",
        "Epoch 3: val accuracy 0.8",
        "0.781 / 0.792",
        "784*10+10 = 7850",
        "5s later - it works",
    ],
)
def test_other_lines_stay(line: str):
    assert without_progress(line) == line


def test_printed_is_stdout_and_results_in_order():
    outputs = [
        new_output("stream", name="stdout", text="one\n"),
        new_output("stream", name="stderr", text="warning\n"),
        new_output("execute_result", data={"text/plain": "42"}),
        new_output("display_data", data={"text/plain": "<Figure size 640x480 with 1 Axes>", "image/png": "x"}),
        new_output("stream", name="stdout", text="x" * (PRINTED + 100)),
    ]
    text = printed(outputs)
    assert text.startswith("one\n42\nxxx")
    assert len(text) < PRINTED + 50


@pytest.mark.parametrize(
    ("data", "seen"),
    [
        (
            {"text/plain": "<IPython.core.display.Markdown object>", "text/markdown": "**8070**, since $a<b$"},
            "**8070**, since $a<b$\n",
        ),
        ({"text/plain": "<IPython.core.display.Latex object>", "text/latex": "$8070$"}, "$8070$\n"),
        ({"text/plain": "<IPython.core.display.Math object>", "text/latex": "$8070$"}, "$8070$\n"),
        (
            {"text/plain": "<IPython.core.display.HTML object>", "text/html": "<p>a &lt; 8070</p><p>b<br>c</p>"},
            "a < 8070\nb\nc\n",
        ),
        ({"text/plain": "   a\n0  1", "text/html": "<table><tr><td>1</td></tr></table>"}, "   a\n0  1\n"),
        ({"text/plain": "<IPython.core.display.Image object>", "image/png": "AAAA"}, ""),
        ({"text/plain": "<Figure size 640x480 with 1 Axes>", "image/png": "AAAA"}, ""),
        ({"text/plain": ["'8070", "'"]}, "'8070'\n"),
    ],
)
def test_what_is_displayed_counts_as_what_it_says(data, seen):
    assert printed([new_output("display_data", data)]) == seen


@pytest.mark.parametrize(
    ("markdown", "kept"),
    [
        ("**x** because $w < 1$ & $w > 0$", "**x** because $w < 1$ & $w > 0$"),
        ("![a](https://pictures.example/a.png)", "[a](https://pictures.example/a.png)"),
        ("a <script>alert(1)</script><b>b</b>", "a <b>b</b>"),
        ("<img src='https://pictures.example/a.png'>", "<img>"),
    ],
)
def test_markdown_stays_in_the_executed_notebook_and_loads_nothing(markdown, kept):
    data = inert({"text/plain": "<IPython.core.display.Markdown object>", "text/markdown": markdown})
    assert data["text/markdown"] == kept


def test_pictures_have_a_budget_of_their_own():
    budget = Budget(1000)
    message = {
        "msg_type": "display_data",
        "content": {"data": {"image/png": "x" * (9 << 20), "text/plain": "<Figure>"}},
    }
    assert budget.admit(message)
    assert message["content"]["data"] == {"text/plain": "<Figure> (picture not kept)"}
    assert not budget.flooded


# ------------------------------------------------------------------ faults


@pytest.mark.parametrize(
    ("name", "value", "kind", "words"),
    [
        ("NameError", "name 'x' is not defined", FaultKind.CELL_ERROR, "NameError: name 'x' is not defined"),
        (
            "ValueError",
            "Exception encountered when calling Sequential.call().\n\nBad shape",
            FaultKind.CELL_ERROR,
            "ValueError: Bad shape",
        ),
        ("KeyError", "", FaultKind.CELL_ERROR, "KeyError"),
        ("KeyError", "'COLAB_TPU_ADDR'", FaultKind.MISSING_DEVICE, "GPU or TPU"),
        ("SystemError", "GPU device not found", FaultKind.MISSING_DEVICE, "GPU device not found"),
        ("ValueError", "Please provide a TPU Name to connect to.", FaultKind.MISSING_DEVICE, "not there"),
        ("SyntaxError", "invalid syntax (601982502_22.py, line 6)", FaultKind.CELL_ERROR, "invalid syntax (line 6)"),
        ("SystemExit", "3", FaultKind.CELL_ERROR, "SystemExit"),
        ("StdinNotImplementedError", "raw_input was called, but …", FaultKind.INPUT_REQUESTED, "keyboard"),
        ("ModuleNotFoundError", "No module named 'cv2'", FaultKind.MISSING_MODULE, "'cv2'"),
        ("ImportError", "cannot import name 'a' from 'b'", FaultKind.CELL_ERROR, "cannot import"),
        ("FileNotFoundError", "[Errno 2] No such file or directory: 'boot.png'", FaultKind.MISSING_FILE, "'boot.png'"),
        ("FileNotFoundError", "data/x.txt not found.", FaultKind.MISSING_FILE, "'data/x.txt'"),
        ("FileNotFoundError", "", FaultKind.MISSING_FILE, "a file that was not handed in"),
        (
            "ValueError",
            "File not found: filepath=/content/drive/MyDrive/net.h5. Please ensure the file is an accessible `.keras` file",
            FaultKind.MISSING_FILE,
            "'/content/drive/MyDrive/net.h5'",
        ),
        (
            "OSError",
            "Unable to open file (unable to open file: name = 'w.h5', errno = 2, error message = 'No such file or directory')",
            FaultKind.MISSING_FILE,
            "'w.h5'",
        ),
        (
            "NotFoundError",
            "{{function_node __wrapped__ReadFile_device_/job:x}} scans/a.png; No such file or directory [Op:ReadFile]",
            FaultKind.MISSING_FILE,
            "'scans/a.png'",
        ),
        ("NotFoundError", "Failed to find any matching files for ./run/ckpt", FaultKind.MISSING_FILE, "'./run/ckpt'"),
        (
            "URLError",
            "<urlopen error [Errno 2] No such file or directory: '/x.csv'>",
            FaultKind.MISSING_FILE,
            "'/x.csv'",
        ),
        ("OSError", "File `'other.py'` not found.", FaultKind.MISSING_FILE, "'other.py'"),
        ("LibsndfileError", "Error opening 'a b.wav': System error.", FaultKind.MISSING_FILE, "'a b.wav'"),
        ("ValueError", "Layer `a/b` was not found in the model", FaultKind.CELL_ERROR, "Layer"),
        ("KeyError", "\"['a/b'] not found in axis\"", FaultKind.CELL_ERROR, "axis"),
        ("KeyError", "'x.csv'", FaultKind.CELL_ERROR, "KeyError"),
        ("HTTPError", "HTTP Error 404: Not Found", FaultKind.NETWORK_BLOCKED, "internet"),
        ("URLError", "<urlopen error [Errno 101] Network is unreachable>", FaultKind.NETWORK_BLOCKED, "internet"),
        ("Exception", "URL fetch failure on https://x: None -- unreachable", FaultKind.NETWORK_BLOCKED, "internet"),
        ("MemoryError", "", FaultKind.MEMORY, "4096 MiB"),
        ("_ArrayMemoryError", "Unable to allocate 9 GiB", FaultKind.MEMORY, "4096 MiB"),
        ("OSError", "[Errno 12] Cannot allocate memory", FaultKind.MEMORY, "4096 MiB"),
        ("OSError", "[Errno 28] No space left on device: 'x'", FaultKind.DISK, "512 MiB"),
        ("OSError", "[Errno 27] File too large", FaultKind.DISK, "512 MiB"),
        ("RuntimeError", "can't start new thread", FaultKind.CELL_ERROR, "512 processes and threads"),
        ("BlockingIOError", "[Errno 11] Resource temporarily unavailable", FaultKind.CELL_ERROR, "512 processes"),
        ("OSError", "[Errno 24] Too many open files", FaultKind.CELL_ERROR, "4096 open files"),
    ],
)
def test_an_exception_becomes_a_fault(name: str, value: str, kind: FaultKind, words: str):
    fault = faults.fault_of(name, value, 3, 1.5, Bounds())
    assert fault is not None
    assert (fault.kind, fault.cell, fault.seconds) == (kind, 3, 1.5)
    assert words in fault.message


@pytest.mark.parametrize("code", ["", "0", "None"])
def test_an_orderly_exit_is_no_fault(code: str):
    assert faults.fault_of("SystemExit", code, 0, 0.0, Bounds()) is None


@pytest.mark.parametrize(
    ("cells", "cell", "name", "told"),
    [
        (["a = scaled(1)", "x = 0\ndef scaled(x): pass"], 0, "scaled", "in a later cell (cell 1, line 2)"),
        (["a = w", "class w: pass"], 0, "w", "in a later cell (cell 1, line 1)"),
        (["a = np.pi", "import numpy as np"], 0, "np", "in a later cell"),
        (["use(p)", "for p, q in []: pass"], 0, "q", "in a later cell"),
        (["use(f)", "with open('x') as f: pass"], 0, "f", "in a later cell"),
        (["use(g)", "def h():\n    global g\n    g = 1"], 0, "g", "in a later cell"),
        (["use(m)", "match 1:\n    case [*_] as m: pass"], 0, "m", "in a later cell"),
        (["use(n)", "%matplotlib inline\nif (n := 3): pass"], 0, "n", "in a later cell (cell 1, line 2)"),
        (["x = y\ny = 2"], 0, "y", "further down in this cell (cell 0, line 2)"),
        (["y = 1 / 0", "y"], 1, "y", "in a cell that stopped before it could be used (cell 0, line 1)"),
        (["a = local", "def f():\n    local = 1"], 0, "local", ""),
        (["a = i", "[i for i in range(3)]\nlambda i: i"], 0, "i", ""),
        (["a = nowhere"], 0, "nowhere", ""),
    ],
)
def test_where_a_name_that_is_not_defined_is_defined(cells, cell, name, told):
    failed = [CellRun(index, CellStatus.ERROR, 0.1) for index in range(cell)]
    hint = hints.hint("NameError", f"name '{name}' is not defined", cell, submission(*cells), failed)
    assert told in hint
    assert bool(told) == bool(hint)


def test_a_name_that_only_a_cell_that_is_not_run_defines():
    given = submission("y = 1", "y", "y = 2")
    frozen = tuple(replace(cell, skipped="frozen" if cell.index != 1 else "") for cell in given.cells)
    hint = hints.hint("NameError", "name 'y' is not defined", 1, replace(given, cells=frozen), [])
    assert hint == "`y` is defined in a cell that is not run (cell 0, line 1): frozen."


def test_a_script_is_told_the_line():
    later = replace(submission("a = y", "y = 2", script=True).cells[1], first_line=7)
    given = submission("a = y", "y = 2", script=True)
    given = replace(given, cells=(given.cells[0], later))
    assert "(line 7)" in hints.hint("NameError", "name 'y' is not defined", 0, given, [])


def test_a_syntax_error_in_a_merge_conflict_is_named():
    given = submission("x", "<<<<<<< HEAD\nx\n=======\ny\n>>>>>>> mine", "def f(:")
    assert "merge conflict (cell 1, lines 1 to 5)" in hints.hint("SyntaxError", "invalid syntax", 1, given, [])
    assert hints.hint("SyntaxError", "invalid syntax", 2, given, []) == ""
    assert hints.hint("ValueError", "1", 1, given, []) == ""


def test_a_value_that_cannot_be_displayed_stops_nothing():
    assert faults.fault_of("NoneType", "None", 0, 0.0, Bounds()) is None


def test_an_unknown_sandbox_is_refused():
    with pytest.raises(SandboxError, match="moat"):
        sandbox_level("moat")


# ------------------------------------------------------------------ real kernels

CELLS = {
    "first imports": "import nobody\nfrom keras.layers import NoSuchLayer\nfrom google.colab import drive\nimport json\n"
    "drive.mount('/content/drive')\nprint('went on')",
    "uses missing": "print(json.dumps(1))\nnobody.imread('x.png')[0]",
    "stops": "1 / 0\nimport textwrap",
    "after": "print(textwrap.dedent(' a'))",
    "input": "print('before')\ninput('press enter')",
    "getpass": "import getpass\ngetpass.getpass()",
    "exit": "import sys\nsys.exit()",
    "quit": "quit()",
    "exit code": "raise SystemExit(3)",
    "file": "open('nothing.csv')",
    "network": "import urllib.request\nurllib.request.urlopen('https://example.com')",
    "magics": "!pip install nothing-at-all\n%pip install nothing\n!ls\n%tensorflow_version 2.x\n%matplotlib qt\n%load_ext nosuchextension",
    "displays": "from IPython.display import HTML, Markdown, display\ndisplay(Markdown('**eight** ' + str(8000 + 70)))\n"
    "HTML('<b>seven</b>')",
    "out of order": "print(comes_later(1))\ndef local(): pass",
    "comes later": "def comes_later(x):\n    return x",
    "local page": "import urllib.request\nurllib.request.urlopen('file:///nothing/x.csv')",
    "bare pip": "pip install a b\n!pip install c\nx = 5\nprint(x)",
    "bash": "%%bash\necho shell",
    "capture": "%%capture caught\nprint('hidden')",
    "captured": "print(caught.stdout)",
    "unknown magic": "%nosuchmagic",
    "syntax": "def f(:",
    "companion": "import helper\nprint(open('data/notes.txt').read(), helper.VALUE, sorted(__import__('os').listdir('.')))",
    "environment": "import os\nprint({k for k in os.environ if 'CANARY' in k}, os.environ['HOME'] != '/root', 'PYTHONPATH' in os.environ, 'JPY_PARENT_PID' in os.environ)",
    "screen": "import matplotlib, time\nmatplotlib.use('TkAgg')\nimport matplotlib.pyplot as plt\nt = time.time()\nfor i in range(3):\n"
    "    plt.figure(); plt.imshow([[i, 1]]); plt.pause(20)\n    assert plt.waitforbuttonpress()\nassert plt.ginput(1) == []\nplt.show()\nprint(time.time() - t < 15)",
    "many figures": "for i in range(80):\n    plt.figure(figsize=(1, 1)); plt.plot([i]); plt.show()",
    "one huge print": "print('x' * 60_000_000)",
    "huge repr": "'y' * 30_000_000",
    "huge error": "raise ValueError('z' * 30_000_000)",
    "quiet": "print('still here')",
    "subprocess": "import subprocess, sys\nprint(subprocess.run([sys.executable, '-c', 'print(7)'], capture_output=True, text=True).stdout)",
    "async": "import asyncio\nawait asyncio.sleep(0)\nprint('awaited')",
    "pending": "print('ran', __name__)",
}


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory):
    folder = tmp_path_factory.mktemp("run")
    root = folder / "handed-in"
    (root / "data").mkdir(parents=True)
    (root / "helper.py").write_text("VALUE = 3\n")
    (root / "data" / "notes.txt").write_text("a note")
    given = submission(*CELLS.values(), root=root, companions=("helper.py", "data/notes.txt"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CANARY_TOKEN", "secret")
        return run(given, folder, output_mib=16)


def _index(name: str) -> int:
    return list(CELLS).index(name)


def test_messages_of_other_kinds_that_cannot_be_taken_in_are_left_alone():
    kernel = Kernel.__new__(Kernel)
    assert kernel.process_message({"msg_type": "comm_open", "content": {}, "parent_header": {}}, None, 0) is None


@pytest.mark.kernel
@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("first imports", "went on\n"),
        ("after", "a\n"),
        ("bare pip", "\n5\n"),
        ("displays", "**eight** 8070\nseven\n"),
        ("bash", "shell\n"),
        ("captured", "hidden\n"),
        ("companion", "a note 3 ['data', 'helper.py']\n"),
        ("environment", "set() True False False\n"),
        ("screen", "True\n"),
        ("quiet", "still here\n"),
        ("subprocess", "7\n"),
        ("async", "awaited\n"),
        ("pending", "ran __main__\n"),
    ],
)
def test_a_cell_runs(everything, name: str, words: str):
    cell = everything.cell(_index(name))
    assert cell.status is CellStatus.OK, cell.traceback
    assert words in cell.printed


@pytest.mark.kernel
@pytest.mark.parametrize(
    ("name", "kinds"),
    [
        ("first imports", [FaultKind.MISSING_MODULE, FaultKind.CELL_ERROR]),
        ("uses missing", [FaultKind.MISSING_MODULE]),
        ("stops", [FaultKind.CELL_ERROR]),
        ("input", [FaultKind.INPUT_REQUESTED]),
        ("getpass", [FaultKind.INPUT_REQUESTED]),
        ("exit", []),
        ("quit", []),
        ("exit code", [FaultKind.CELL_ERROR]),
        ("file", [FaultKind.MISSING_FILE]),
        ("local page", [FaultKind.MISSING_FILE]),
        ("out of order", [FaultKind.CELL_ERROR]),
        ("network", [FaultKind.NETWORK_BLOCKED]),
        ("magics", []),
        ("unknown magic", []),
        ("syntax", [FaultKind.CELL_ERROR]),
        ("one huge print", [FaultKind.OUTPUT_FLOOD]),
        ("huge error", [FaultKind.CELL_ERROR]),
        ("many figures", []),
    ],
)
def test_each_fault_is_named(everything, name: str, kinds: list[FaultKind]):
    assert [fault.kind for fault in everything.faults(_index(name))] == kinds


@pytest.mark.kernel
def test_a_name_of_a_later_cell_is_said_to_be_there(everything):
    later = _index("comes later")
    assert (
        f"`comes_later` is defined in a later cell (cell {later}, line 1)"
        in everything.faults(_index("out of order"))[0].message
    )


@pytest.mark.kernel
def test_nothing_is_installed_and_the_shell_works(everything):
    text = everything.cell(_index("magics")).printed
    assert text.count("Nothing is installed here") == 2
    assert "helper.py" in text


@pytest.mark.kernel
def test_what_was_printed_before_an_error_is_kept(everything):
    cell = everything.cell(_index("input"))
    assert cell.printed == "before\n"
    assert cell.error.startswith("StdinNotImplementedError")


@pytest.mark.kernel
def test_the_executed_notebook_is_bounded_and_whole(everything):
    notebook = everything.result.executed
    assert [cell.source for cell in notebook.cells] == list(CELLS.values())
    assert sum(len(str(cell.outputs)) for cell in notebook.cells) < 30 << 20
    error = notebook.cells[_index("stops")].outputs[-1]
    assert (error.output_type, error.ename) == ("error", "ZeroDivisionError")
    drawn = [o for o in notebook.cells[_index("many figures")].outputs if "image/png" in o.get("data", {})]
    assert 40 < len(drawn) < 62


@pytest.mark.kernel
def test_the_level_is_recorded(everything):
    assert everything.result.sandbox == LEVEL


@pytest.mark.kernel
def test_limits_of_cells(tmp_path: Path):
    deaf = "import time\nwhile True:\n    try:\n        time.sleep(60)\n    except KeyboardInterrupt:\n        pass"
    ran = run(submission("print(1)\nwhile True: pass", "print(2)", deaf, "print(3)"), tmp_path, cell_s=1.5)
    assert [c.status for c in ran.result.cells] == [
        CellStatus.TIMEOUT,
        CellStatus.OK,
        CellStatus.TIMEOUT,
        CellStatus.NOT_RUN,
    ]
    assert [f.kind for f in ran.result.faults] == [
        FaultKind.CELL_TIMEOUT,
        FaultKind.CELL_TIMEOUT,
        FaultKind.KERNEL_DIED,
    ]
    assert ran.cell(0).printed == "1\n"
    assert ran.cell(1).printed == "2\n"


@pytest.mark.kernel
def test_the_limit_of_the_notebook(tmp_path: Path):
    ran = run(submission("x = 1", "import time\ntime.sleep(60)", "x"), tmp_path, notebook_s=2)
    assert [c.status for c in ran.result.cells] == [CellStatus.OK, CellStatus.TIMEOUT, CellStatus.NOT_RUN]
    assert [f.kind for f in ran.result.faults] == [FaultKind.TIMEOUT]


@pytest.mark.kernel
def test_a_kernel_that_dies(tmp_path: Path):
    ran = run(submission("import os", "os._exit(3)", "print(1)"), tmp_path)
    assert [c.status for c in ran.result.cells] == [CellStatus.OK, CellStatus.ERROR, CellStatus.NOT_RUN]
    assert [f.kind for f in ran.result.faults] == [FaultKind.KERNEL_DIED]


@pytest.mark.kernel
def test_too_much_memory(tmp_path: Path):
    """One allocation is refused, and the cells that follow run; many processes together are ended."""
    single = "import numpy as np\na = np.ones(10**8)"
    many = "import os, time\nfor _ in range(5):\n    if not os.fork():\n        a = b'x' * 200_000_000; time.sleep(30)\ntime.sleep(30)"
    ran = run(submission(single, "print(1)", many, "print(2)"), tmp_path, memory_mib=500)
    assert [(f.kind, f.cell) for f in ran.result.faults] == [(FaultKind.MEMORY, 0), (FaultKind.MEMORY, 2)]
    assert [c.status for c in ran.result.cells] == [
        CellStatus.ERROR,
        CellStatus.OK,
        CellStatus.ERROR,
        CellStatus.NOT_RUN,
    ]


@pytest.mark.kernel
def test_a_message_too_long_for_the_grader_loses_only_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A forger goes past the recorder's bounds; the connection breaks, is named and made anew."""
    forge = (
        "k = get_ipython().kernel\nfrom jupyter_client.session import Session\n"
        "Session.send(k.session, k.iopub_socket, 'stream', {'name': 'stdout', 'text': 'x' * 40_000_000}, parent=k.get_parent())"
    )
    monkeypatch.setattr("grader.execution.kernel.OUTPUTS_S", 4)
    ran = run(submission(forge, "print('next')"), tmp_path)
    assert [f.kind for f in ran.result.faults] == [FaultKind.OUTPUT_FLOOD]
    assert ran.cell(1).printed == "next\n"


@pytest.mark.kernel
def test_a_script(tmp_path: Path):
    source = "import sys\nif __name__ == '__main__':\n    print(sys.argv, __file__.endswith('work/s.py'))"
    ran = run(submission(source, script=True), tmp_path)
    assert ran.cell(0).printed == "['s.py'] True\n"


@pytest.mark.kernel
def test_calling_a_run_off(tmp_path: Path):
    stop = threading.Event()
    said: list[Progress] = []

    def on_progress(progress: Progress) -> None:
        said.append(progress)
        if progress.text.startswith("cell"):
            threading.Timer(0.5, stop.set).start()

    settings = RunSettings(small_data(tmp_path / "data"), sandbox=LEVEL, stop=stop)
    with pytest.raises(KeyboardInterrupt):
        run_submission(submission("import time\ntime.sleep(60)"), tmp_path, settings, on_progress)
    assert [p.text for p in said] == ["starting", "cell 1 of 1"]


@pytest.mark.kernel
def test_a_kernel_that_does_not_start_is_our_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("grader.execution.run._environment", lambda room: {})
    with pytest.raises(GradeError, match="did not start"):
        run_submission(
            submission("1"), tmp_path, RunSettings(small_data(tmp_path / "data"), sandbox=LEVEL), lambda _: None
        )
