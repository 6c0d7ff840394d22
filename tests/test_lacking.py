"""Where something is not here, every criterion that depends on it is a person's to decide, and no other."""

from __future__ import annotations

from dataclasses import replace

import pytest
from builders import SMALL, Story, dense_net, images, judge

from grader.marking.lacking import lacking
from grader.records import CellKind, CellStatus, Fault, FaultKind, Labels, Outcome, Place

REVIEW, MISSING, FAILED = Outcome.NEEDS_REVIEW, Outcome.MISSING, Outcome.FAILED
NETWORK = "net = keras.Sequential([keras.layers.Dense(10, activation='relu')])"


class Notebook(Story):
    """A story with things that are not here."""

    def lacks(self, what: str, *names: str, kind: FaultKind = FaultKind.MISSING_MODULE) -> None:
        """The latest cell went on without a package, which would have bound `names`."""
        self._fact("faults", Fault(kind, len(self.cells) - 1, f"{what} is not here.", 1.0, what, names))

    def stops(self, kind: FaultKind, what: str = "", line: int = 0, error: str = "OSError: x") -> None:
        """The latest cell stopped at a line for want of something."""
        self._fact("faults", Fault(kind, len(self.cells) - 1, f"{what} is not here.", 1.0, what))
        self.raises(error, line)

    def raises(self, error: str, line: int = 0) -> None:
        trace = f"File open.py:99\n---> 99 x\nCell In[7], line {line}\nCell In[3], line 9, in f(x)" if line else ""
        self.runs[-1] = replace(self.runs[-1], status=CellStatus.ERROR, error=error, traceback=trace)

    def sentences(self) -> dict[int, str]:
        """The first sentence about each cell that depends on something."""
        return {d.cell: d.sentence for d in reversed(lacking(self.evidence()).statements)}


@pytest.mark.parametrize(
    ("kind", "what", "needs"),
    [
        (FaultKind.MISSING_MODULE, "tfds", "the package 'tfds', which is not available here"),
        (FaultKind.MISSING_FILE, "x.npz", "the file 'x.npz', which was not handed in"),
        (FaultKind.MISSING_FILE, "", "the file, which was not handed in"),
        (FaultKind.MISSING_DEVICE, "", "a GPU or TPU, which is not available here"),
        (FaultKind.NETWORK_BLOCKED, "", "the internet, which is not available here"),
    ],
)
def test_a_cell_that_stops_takes_its_tasks_along(kind: FaultKind, what: str, needs: str):
    nb = Notebook()
    nb.cell("1a", "(a, la), (b, lb) = load()")
    nb.stops(kind, what)
    nb.cell("1c", NETWORK)
    nb.cell("1f", "h = net.fit(a, la)")
    nb.raises("NameError: name 'a' is not defined")
    verdicts = nb.judge()
    assert verdicts["1a.data"].outcome is REVIEW
    assert verdicts["1a.data"].message.endswith(f"Cell 0 needs {needs}, so a person will look.")
    assert {verdicts[c].outcome for c in ("1f.epochs", "1f.validation", "1f.accuracy", "1f.noted")} == {REVIEW}
    assert "Cell 2 depends on cell 0, which needs" in verdicts["1f.epochs"].message
    assert {verdicts[c].outcome for c in ("1c.layers", "1h.units", "3a.layers", "1b.why", "2a.KxIA")} == {MISSING}


def test_what_never_was_there_is_followed_through_names_and_functions():
    nb = Notebook()
    nb.cell("", "def train(net):\n    return net.fit(x)\nimport nobody as n\nfirst = 3")
    nb.lacks("nobody", "n")
    nb.cell("", "x = n.load()[0]\ny = x / 255\nfirst = y.shape")
    nb.stops(FaultKind.MISSING_MODULE, "nobody", 1, "ModuleNotFoundError: No module named 'nobody'")
    nb.cell("", "z = first\nfor part in z:\n    print(part)")
    nb.cell("", "h = train(None)")
    nb.cell("", "first = 4\nprint(first)")
    assert set(nb.sentences()) == {1, 2, 3}


def test_what_stands_above_the_line_where_it_stopped_was_done():
    nb = Notebook()
    nb.cell("", "a = 1\nimport nobody\nb = nobody.f(a)\nc = b[0]\nd = 2")
    nb.lacks("nobody", "nobody")
    nb.stops(FaultKind.MISSING_MODULE, "nobody", 4, "ModuleNotFoundError: No module named 'nobody'")
    seen = {d.text: d.seen for d in lacking(nb.evidence()).statements}
    assert seen == {"b = nobody.f(a)": True, "c = b[0]": False, "d = 2": False}


def test_what_follows_in_a_cell_that_stops_is_not_done():
    nb = Notebook()
    nb.cell("", "import nobody\nx = nobody.load()")
    nb.lacks("nobody", "nobody")
    nb.cell("1c", "y = x\nz = [y]\n" + NETWORK)
    nb.raises("TypeError: z", 2)
    nb.cell("1e", "net.compile('sgd')")
    nb.raises("NameError: name 'net' is not defined", 1)
    nb.cell("1h", "def x():\n    return 3\nother = x()")
    assert set(nb.sentences()) == {0, 1, 2}
    verdicts = nb.judge()
    assert {verdicts[c].outcome for c in ("1c.layers", "1e.loss")} == {REVIEW}


def test_a_students_own_error_excuses_nothing():
    nb = Notebook()
    nb.cell("", "import nobody\nnobody.init()")
    nb.lacks("nobody", "nobody")
    nb.cell("1c", NETWORK + "\nnet.compil()")
    nb.raises("AttributeError: compil", 2)
    nb.cell("1f", "net.fit(x)")
    nb.raises("NameError: name 'net' is not defined")
    assert set(nb.sentences()) == {0}
    assert nb.judge()["1c.layers"].outcome is MISSING


@pytest.mark.parametrize(
    "source", ["net.fit(x, callbacks=[n.Bar()])", "net.compile('sgd', metrics=['accuracy', n.F1()])"]
)
def test_nothing_depends_on_what_only_watches(source: str):
    nb = Notebook()
    nb.cell("", "import nobody as n")
    nb.lacks("nobody", "n")
    nb.cell("1f", source)
    nb.fit(nb.build(SMALL), epochs=5)
    assert not nb.sentences()
    assert nb.judge()["1f.epochs"].outcome is FAILED


def test_a_failure_of_what_was_made_with_it_is_no_failure():
    nb = Notebook()
    nb.cell("1b", "import nobody\nx = nobody.scale(x)")
    nb.lacks("nobody", "nobody")
    nb.stops(FaultKind.MISSING_MODULE, "nobody", 2)
    nb.cell("1f", "net.fit(x, y)")
    nb.fit(nb.build(SMALL), x=images("train", hi=255.0))
    verdict = nb.judge()["1b.scaled"]
    assert verdict.outcome is REVIEW
    assert not verdict.misconceptions
    assert "Cell 1 depends on cell 0, which needs the package 'nobody'" in verdict.message


def test_what_a_statement_was_to_do_to_an_object_is_not_done():
    nb = Notebook()
    nb.cell("", "import nobody, matplotlib.pyplot as plt")
    nb.lacks("nobody", "nobody")
    nb.cell("1e", "net.compile(nobody.SGDW(0.01))\nplt.show()")
    nb.raises("ValueError: SGDW", 1)
    nb.cell("1f", "h = net.fit(x)")
    nb.raises("ValueError: You must call `compile()`", 1)
    nb.cell("", "plt.plot(1)")
    assert set(nb.sentences()) == {1, 2}


def test_what_was_not_trained_for_that_reason_is_not_partly_right():
    nb = Notebook()
    nb.cell("1a", "x = load()")
    nb.stops(FaultKind.MISSING_FILE, "x.npz", 1)
    nb.cell("1g", "slow.compile(SGD(0.005))\nslow.fit(x)")
    nb.compile(nb.build(SMALL), rate=0.005)
    nb.raises("NameError: name 'x' is not defined", 2)
    verdict = nb.judge()["1g.rate"]
    assert verdict.outcome is REVIEW
    assert "stopped with" not in verdict.message


def test_a_verdict_without_a_place_is_about_its_tasks_code():
    nb = Notebook()
    nb.cell("", "from helper import prepare")
    nb.lacks("helper", "prepare")
    nb.cell("1a", "a = load_data()\na = prepare(a)")
    nb.load_data()
    verdict = nb.judge()["1a.data"]
    assert verdict.outcome is REVIEW
    assert verdict.suggestion is not None
    assert verdict.suggestion.points == 1


@pytest.mark.parametrize("source", ["from nobody import *\nmine = 1", "mine = 1\nexec(open('nobody.py').read())"])
def test_names_of_star_imports_and_files_are_not_known(source: str):
    nb = Notebook()
    nb.cell("", source)
    if "exec" in source:
        nb.stops(FaultKind.MISSING_FILE, "nobody.py", 2)
    else:
        nb.lacks("nobody", "*")
    nb.cell("1c", "net = build_network()")
    nb.raises("NameError: name 'build_network' is not defined")
    nb.cell("1h", "print(mine)\nother = yours")
    nb.raises("NameError: name 'mine' is not defined")
    assert set(nb.sentences()) - {0} == {1}
    assert nb.judge()["1c.layers"].outcome is REVIEW


def test_colab_is_not_here():
    nb = Notebook()
    nb.cell("1a", "from google.colab import files\nuploaded = files.upload()")
    nb.cell("", "data = uploaded['x.npz']")
    nb.raises("KeyError: 'x.npz'", 1)
    assert (
        nb.sentences()[1]
        == "Cell 1 depends on cell 0, which needs Google Colab, which is not available here, so a person will look."
    )


def test_a_cell_in_another_language_did_nothing():
    nb = Notebook()
    nb.cell("2a", "%%cython\ncdef int x = 3")
    nb.lacks("cython", kind=FaultKind.MISSING_MAGIC)
    verdict = nb.judge()["2a.KxIA"]
    assert verdict.outcome is REVIEW
    assert "needs the magic %%cython" in verdict.message


WORK = "def work(q=None):\n    (a, la), (b, lb) = load_data()\n    net = Sequential([Dense(10)])\n    net.fit(a, la)\n"


@pytest.mark.parametrize(
    ("imports", "start"),
    [
        ("from multiprocessing import Process, Queue", "q = Queue()\nw = Process(target=work, args=(q,))\nw.start()"),
        ("import multiprocessing as mp", "with mp.Pool(2) as pool:\n    print(pool.map(work, [1, 2]))"),
        ("from concurrent.futures import ProcessPoolExecutor", "pool = ProcessPoolExecutor()\nf = pool.submit(work)"),
        ("from joblib import Parallel, delayed", "r = Parallel(n_jobs=2)(delayed(work)(i) for i in range(2))"),
        ("import multiprocessing", "def main():\n    multiprocessing.Process(target=work).start()\nmain()"),
        ("import multiprocessing", "multiprocessing.Process(target=lambda: work()).start()"),
    ],
)  # fmt: skip
def test_work_in_another_process_is_not_recorded(imports: str, start: str):
    nb = Notebook()
    nb.cell("", imports)
    nb.cell("1a", WORK)
    nb.text("1c", "Ten classes.")
    nb.cell("1f", start)
    verdicts = nb.judge()
    for criterion in ("1a.data", "1b.scaled", "1c.layers", "1e.loss", "1f.epochs", "1f.accuracy"):
        assert verdicts[criterion].outcome is REVIEW, criterion
        assert "another process, in which nothing is recorded" in verdicts[criterion].message
    assert verdicts["3a.layers"].outcome is MISSING


@pytest.mark.parametrize(
    "source",
    ["!python train.py", "%%bash\npython3 train.py", "import subprocess, sys\nsubprocess.run([sys.executable, 'train.py'])",
     "import os\nif os.fork() == 0:\n    net.fit(x)"],
)  # fmt: skip
def test_programs_are_not_recorded(source: str):
    nb = Notebook()
    nb.cell("1f", source)
    assert nb.judge()["1f.epochs"].outcome is REVIEW


PROGRAM = "import keras\n" + NETWORK + "\nnet.compile('sgd')\nnet.fit(x, y, epochs=3)\n"


@pytest.mark.parametrize(
    ("written", "start"),
    [
        ("%%writefile train.py\n" + PROGRAM, "import subprocess, sys\nrun = subprocess.run([sys.executable, 'train.py'])"),
        ("%%file train.py\n" + PROGRAM, "!python train.py"),
        ("%%writefile -a train.py\n" + PROGRAM, "%%bash\npython3 train.py"),
        (f"open('train.py', 'w').write({PROGRAM!r})", "!python3 train.py"),
        (f"code = {PROGRAM!r}", "import subprocess, sys\nsubprocess.check_call([sys.executable, '-c', code])"),
        (f"with open('t.py', 'w') as f:\n    f.write({PROGRAM!r})", "import subprocess\nsubprocess.run('python t.py', shell=True)"),
    ],
)  # fmt: skip
def test_the_text_of_a_program_is_not_lost(written: str, start: str):
    nb = Notebook()
    nb.cell("1c", written)
    nb.cell("1f", start)
    verdicts = nb.judge()
    for criterion in ("1c.layers", "1f.epochs", "1f.accuracy"):
        assert verdicts[criterion].outcome is REVIEW, criterion
    assert nb.sentences()[0].startswith("Cell 0 depends on cell 1, which works in another process")


@pytest.mark.parametrize("start", ["", "import subprocess\nsubprocess.run(['ls'])", "!ls"])
def test_a_program_that_nothing_starts_is_no_attempt(start: str):
    nb = Notebook()
    nb.cell("1c", "%%writefile train.py\n" + PROGRAM)
    nb.cell("1f", start)
    assert nb.judge()["1c.layers"].outcome is MISSING


@pytest.mark.parametrize(
    "source",
    ["!ls", "import subprocess\nprint(subprocess.run(['nvidia-smi']))", "import multiprocessing\nmultiprocessing.cpu_count()",
     "from threading import Thread\nThread(target=print).start()"],
)  # fmt: skip
def test_other_programs_excuse_nothing(source: str):
    nb = Notebook()
    nb.cell("1f", source)
    assert nb.judge()["1f.epochs"].outcome is MISSING


def test_without_labels_the_code_tells_what_it_was_for():
    nb = Notebook()
    nb.cell("", "import nobody")
    nb.lacks("nobody", "nobody")
    nb.cell("", "x = nobody.load()[0]\n" + NETWORK + "\nnet.compile('sgd')\nnet.fit(x)")
    nb.stops(FaultKind.MISSING_MODULE, "nobody", 1)
    verdicts = judge(nb.evidence(), Labels())
    assert {verdicts[c].outcome for c in ("1c.layers", "1e.loss", "1f.epochs", "1h.units")} == {REVIEW}
    assert {verdicts[c].outcome for c in ("3a.layers", "3b.compile", "4a.layers", "2a.KxIA", "1j.retrieved")} == {
        MISSING
    }


def test_what_was_seen_is_judged():
    nb = Notebook()
    nb.cell("1a", "import nobody")
    nb.lacks("nobody", "nobody")
    nb.cell("1c", NETWORK)
    net = nb.build(dense_net(10, 10))
    nb.cell("1f", "net.fit(x)")
    nb.fit(net)
    verdicts = nb.judge()
    assert verdicts["1c.layers"].outcome is Outcome.PASSED
    assert verdicts["1f.epochs"].outcome is Outcome.PASSED


def test_a_cell_that_is_not_run_or_no_code_depends_on_nothing():
    nb = Notebook()
    nb.cell("", "import nobody")
    nb.lacks("nobody", "nobody")
    nb.text("", "nobody.load()")
    nb.cell("", "nobody.load()")
    nb.cells[-1] = replace(nb.cells[-1], skipped="it is frozen")
    assert nb.cells[1].kind is CellKind.MARKDOWN
    assert not nb.sentences()
    assert lacking(nb.evidence()).at(Place()) == ""


def test_what_is_nested_too_deeply_is_taken_as_a_whole():
    nb = Notebook()
    nb.cell("", "x = " + "+".join(["1"] * 3000))
    nb.cell("1a", "y = " + "+".join(["1"] * 3000))
    nb.stops(FaultKind.MISSING_FILE, "x.npz")
    assert set(nb.sentences()) == {1}
