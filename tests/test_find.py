"""Submissions are found however they were handed in, and nothing else is touched."""

import errno
import io
import itertools
import json
import os
import stat
import string
import unicodedata
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.errors import NothingToGradeError, UsageError
from grader.intake import choose, tree, unpack
from grader.intake.find import find_submissions
from grader.intake.names import HandedIn, handed_in, natural, safe_id, unique_ids
from grader.intake.read import read_submission
from grader.records import Submission, SubmissionRef, Unreadable


def notebook(*sources: str) -> str:
    cells = [{"cell_type": "code", "source": source, "metadata": {}, "outputs": []} for source in sources]
    return json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5})


FULL = notebook("# 1a\nimport keras", "# 1b\nx = 1", "# 1c\nkeras.Sequential()")
SHORT = notebook("# 1a\nimport keras")


@pytest.fixture
def grown(tmp_path: Path):
    """Make files from {'ada/ps10.ipynb': content} below a folder 'in', and return it."""

    def grow(files: dict[str, str | bytes], under: str = "in") -> Path:
        for name, content in files.items():
            path = tmp_path / under / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if name.endswith("/"):
                path.mkdir(exist_ok=True)
            else:
                path.write_bytes(content.encode() if isinstance(content, str) else content)
        return tmp_path / under

    return grow


@pytest.fixture
def find(tmp_path: Path):
    runs = itertools.count()

    def run(*paths: Path) -> list[SubmissionRef]:
        return find_submissions(list(paths), tmp_path / "unpacked" / str(next(runs)))

    return run


def zipped(files: dict[str, str | bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return stream.getvalue()


def shown(refs: list[SubmissionRef], root: Path) -> dict[str, str]:
    """Id → source below the folder."""
    return {ref.id: str(ref.source.relative_to(root)) for ref in refs}


# ------------------------------------------------------------------ single files


def test_a_notebook_with_what_it_mentions(grown, find) -> None:
    files = {"ada.ipynb": notebook("import helper, numpy", "open('data.csv')"), "helper.py": "from .deeper import x"}
    root = grown(files | {"deeper.py": "", "data.csv": "1", "private.txt": "secret", "ben.ipynb": FULL, "other.py": ""})
    (ref,) = find(root / "ada.ipynb")
    assert (ref.id, ref.name, ref.source, ref.root) == ("ada", "ada", root / "ada.ipynb", root)
    assert ref.companions == (Path("data.csv"), Path("deeper.py"), Path("helper.py"))
    assert ref.ignored == ()
    assert ref.origin == str(root / "ada.ipynb")


def test_a_picture_that_a_notebook_shows_goes_with_it_whatever_outputs_are_stored_before_it(grown, find) -> None:
    output = {"output_type": "display_data", "metadata": {}, "data": {"image/png": "A" * 70_000_000}}
    cells = [
        {"cell_type": "code", "source": "plot()", "metadata": {}, "outputs": [output]},
        {"cell_type": "markdown", "source": "![](my%20photo.jpg) and ![](Zähler.png)", "metadata": {}},
    ]
    text = json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5})
    root = grown({"ada.ipynb": text, "my photo.jpg": "", "Zähler.png": "", "other.jpg": ""})
    assert find(root / "ada.ipynb")[0].companions == (Path("my photo.jpg"), Path("Zähler.png"))


def test_a_script_and_a_renamed_notebook(grown, find) -> None:
    root = grown({"ada.py": "x = 1", "ben.ipynb.txt": SHORT})
    assert shown(find(root / "ada.py", root / "ben.ipynb.txt"), root) == {"ada": "ada.py", "ben": "ben.ipynb.txt"}


def test_another_file_named_directly_reads_as_unreadable(grown, find) -> None:
    (ref,) = find(grown({"ada.pdf": "%PDF"}) / "ada.pdf")
    found = read_submission(ref)
    assert isinstance(found, Unreadable)
    assert "hand in the notebook" in found.reason


def test_the_same_file_twice_is_one_submission(grown, find) -> None:
    root = grown({"ada.ipynb": FULL, "ben.ipynb": FULL})
    assert [ref.id for ref in find(root, root / "ada.ipynb", root / ".." / "in" / "ben.ipynb")] == ["ada", "ben"]


def test_a_path_that_is_not_there(grown, find) -> None:
    root = grown({"ada.ipynb": FULL})
    with pytest.raises(UsageError, match=r"nobody\.ipynb does not exist"):
        find(root / "ada.ipynb", root / "nobody.ipynb")


def test_a_path_that_is_neither_file_nor_folder(tmp_path, find) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UsageError, match="neither a file nor a folder"):
        find(tmp_path / "pipe")


# ------------------------------------------------------------------ folders


def test_a_folder_of_files(grown, find) -> None:
    files = {"ben10.ipynb": FULL, "ben2.ipynb": SHORT, "cora.py": "import keras", "tool.py": "print()", "notes.txt": ""}
    root = grown({**files, "ada.ipynb": notebook("import keras, tool"), ".hidden.ipynb": FULL, "data/x.csv": "1"})
    refs = find(root)
    assert list(shown(refs, root).items()) == [
        *(("ada", "ada.ipynb"), ("ben2", "ben2.ipynb"), ("ben10", "ben10.ipynb"), ("cora", "cora.py"))
    ]
    assert [ref.companions for ref in refs] == [(Path("tool.py"),), (), (), ()]


def test_a_folder_of_student_folders(grown, find) -> None:
    root = grown(
        {
            "Ada/ps10.ipynb": FULL,
            "Ada/data/x.csv": "1",
            "ben/deep/down/ps10.ipynb": SHORT,
            "ben/deep/down/near.txt": "",
            "ben/far.txt": "",
            "cora/report.pdf": "",
            "dan/": "",
            "README.md": "",
            "tool.py": "import keras",
            "expected.json": "{}",
        }
    )
    refs = find(root)
    assert shown(refs, root) == {
        "Ada": "Ada/ps10.ipynb",
        "ben": "ben/deep/down/ps10.ipynb",
        "cora": "cora",
        "dan": "dan",
    }
    assert [ref.companions for ref in refs] == [(Path("data/x.csv"),), (Path("near.txt"),), (Path("report.pdf"),), ()]
    assert [bool(ref.sha256) for ref in refs] == [True, True, False, False]
    assert "report.pdf (a printed notebook, which does not run)" in read_submission(refs[2]).reason
    assert read_submission(refs[3]).notes == ("no notebook or script was handed in; found: nothing",)


def test_of_several_notebooks_the_one_that_answers_most(grown, find) -> None:
    other_sheet = notebook(*(f"# {task}\nx = 1" for task in ("1a", "1b", "1c", "2a", "2b")))
    template = notebook("# 1a\n# YOUR CODE", "# 1b\npass", "# 1c", "import keras")
    files = {"a_template.ipynb": template, "b_draft.ipynb": SHORT, "sheet9.ipynb": other_sheet, "z_final.ipynb": FULL}
    root = grown(
        {f"ada/{name}": content for name, content in files.items()} | {"ada/helper.py": "", "ben/x.ipynb": FULL}
    )
    ada = find(root)[0]
    assert ada.source.name == "z_final.ipynb"
    assert ada.ignored == ("a_template.ipynb", "b_draft.ipynb", "sheet9.ipynb")
    assert ada.companions == (Path("helper.py"),)


def test_of_equal_notebooks_the_first_by_name(grown, find) -> None:
    root = grown({"ada/a10.ipynb": FULL, "ada/a9.ipynb": FULL, "ben/broken.ipynb": "{", "ben/z.ipynb": notebook("x")})
    assert shown(find(root), root) == {"ada": "ada/a9.ipynb", "ben": "ben/z.ipynb"}


LONGER = notebook(
    "# 1a\nimport keras", "# 1b\nx = 1", "# 1c\nkeras.Sequential()  # does not work yet, I do not know why"
)


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        ("Version 1/ps10.ipynb", "Version 2/ps10.ipynb"),
        ("ps10_v9.ipynb", "ps10_v10.ipynb"),
        ("ps10.ipynb", "ps10 (1).ipynb"),
        ("ps10.ipynb", "ps10-final.ipynb"),
        ("ps10_final.ipynb", "ps10_final_v2.ipynb"),
        ("ps10_v3.ipynb", "ps10_final.ipynb"),
        ("old/ps10.ipynb", "ps10.ipynb"),
        ("Entwurf/ps10.ipynb", "ps10.ipynb"),
        ("ps10_draft2.ipynb", "ps10.ipynb"),
        ("ps10.ipynb", "ps10_2.ipynb"),
        ("ps10_2019-12-01.ipynb", "ps10_2019-12-03.ipynb"),
        ("attempt_2026-11-20-10-00-00/a.ipynb", "attempt_2026-11-22-18-30-00/a.ipynb"),
        ("abgabe1/ps10.ipynb", "abgabe2/ps10.ipynb"),
    ],
)
def test_of_several_versions_the_later_one(grown, find, earlier, later) -> None:
    root = grown({f"ada/{earlier}": LONGER, f"ada/{later}": FULL, "ben/ps10.ipynb": FULL})
    ada = find(root)[0]
    assert str(ada.source.relative_to(root)) == f"ada/{later}"
    assert ada.ignored == (earlier,)
    assert ada.chosen == f"{later}, the later version"


@pytest.mark.parametrize(
    ("most", "other"),
    [
        ("exercise_1.ipynb", "exercise_2.ipynb"),
        ("ps10.ipynb", "ps11.ipynb"),
        ("solution.ipynb", "template_v2.ipynb"),
        ("ps10-Copy1.ipynb", "ps10.ipynb"),
        ("renewal.ipynb", "renewal-alternative.ipynb"),
    ],
)
def test_files_that_are_no_versions_of_one_another(grown, find, most, other) -> None:
    root = grown({f"ada/{most}": LONGER, f"ada/{other}": FULL, "ben/ps10.ipynb": FULL})
    ada = find(root)[0]
    assert ada.source.name == most
    assert ada.chosen == f"{most}, it answers most of the sheet"


def test_a_later_version_that_was_only_begun_is_not_taken(grown, find) -> None:
    root = grown({"ada/v1.ipynb": FULL, "ada/v2.ipynb": SHORT, "ben/ps10.ipynb": FULL})
    assert find(root)[0].source.name == "v1.ipynb"


def test_work_of_another_kind_that_a_platform_names_after_a_student_has_a_row(grown, find) -> None:
    root = grown(
        {
            "Ada One_1111111_assignsubmission_file_ps10.ipynb": FULL,
            "Ada One_1111111_assignsubmission_file_report.pdf": "",
            "Ben Two_2222222_assignsubmission_file_ps10.html": "<html>",
            "Cora Three_3333333_assignsubmission_file_ps10.rar": "Rar!",
            "Dan Four_4444444_assignsubmission_file_ps10.zip": zipped({"ps10.ipynb": FULL}),
            "Dan Four_4444444_assignsubmission_file_ps10.tar.gz": "",
            "readme.txt": "",
        }
    )
    assert [(ref.name, ref.source.suffix) for ref in find(root)] == [
        *(("Ada One", ".ipynb"), ("Ben Two", ".html"), ("Cora Three", ".rar"), ("Dan Four", ".ipynb"))
    ]


def test_a_script_counts_where_there_is_no_notebook(grown, find) -> None:
    root = grown(
        {
            "ada/main.py": "import keras, net\n# 1a\nx = 1",
            "ada/net.py": "import keras\n# 1a\n# 1b",
            "ada/old.py": "import keras",
            "ben/ps10.ipynb": FULL,
            "ben/ps10.py": "import keras",
            "cora/a.py": "import b",
            "cora/b.py": "import a",
        }
    )
    ada, ben, cora = find(root)
    assert (ada.source.name, ada.ignored) == ("main.py", ("old.py",))
    assert (ben.source.name, ben.ignored, ben.companions) == ("ps10.ipynb", ("ps10.py",), (Path("ps10.py"),))
    assert cora.source.name == "a.py"


def test_a_folder_with_one_notebook_is_one_submission(grown, find) -> None:
    root = grown({"ps10.ipynb": FULL, "helper.py": "x = 1", "ps10.py": "import keras", "data/x.csv": "1"}, under="ada")
    (ref,) = find(root)
    assert (ref.id, ref.source.name) == ("ada", "ps10.ipynb")
    assert ref.companions == (Path("helper.py"), Path("ps10.py"), Path("data/x.csv"))


def test_a_folder_with_one_file_that_bears_a_students_name(grown, find) -> None:
    assert [ref.id for ref in find(grown({"ada.ipynb": FULL}))] == ["ada"]
    assert [ref.id for ref in find(grown({"ps10.py": "import keras", "net.py": "x"}, under="ben"))] == ["ben"]


def test_a_notebook_beside_another_students_script(grown, find) -> None:
    root = grown({"ada.ipynb": FULL, "ben.py": "import keras"})
    assert [ref.id for ref in find(root)] == ["ada", "ben"]


def test_a_students_repository(grown, find) -> None:
    root = grown({".git/config": "", "ps9/ps9.ipynb": SHORT, "ps10/ps10.ipynb": FULL, "README.md": ""}, under="ada-ann")
    (ref,) = find(root)
    assert (ref.id, ref.source.name, ref.ignored) == ("ada-ann", "ps10.ipynb", ("ps9/ps9.ipynb",))
    unpacked = grown({"README.md": "", "src/a.txt": "", "work/ps10.ipynb": FULL}, under="ben-main")
    assert [ref.id for ref in find(unpacked)] == ["ben-main"]


def test_one_student_in_a_class_folder_keeps_the_name(grown, find) -> None:
    assert [ref.id for ref in find(grown({"ada/ps10.ipynb": FULL}))] == ["ada"]
    moodle = grown({"README.md": "", "Ada L_12_assignsubmission_file/ps10.ipynb": FULL}, under="moodle")
    assert [(ref.id, ref.name, ref.participant) for ref in find(moodle)] == [("Ada-L", "Ada L", "12")]


def test_named_student_folders(grown, find) -> None:
    root = grown(
        {
            "ada/a.ipynb": FULL,
            "ada/b.ipynb": SHORT,
            "ben/ps10.py": "import keras",
            "cora/x.txt": "",
            "dan/n.ipynb": FULL,
        }
    )
    refs = find(*sorted(root.iterdir()))
    assert shown(refs, root) == {"ada": "ada/a.ipynb", "ben": "ben/ps10.py", "cora": "cora", "dan": "dan/n.ipynb"}
    classes = grown(
        {"one/ada.ipynb": FULL, "one/ben.ipynb": FULL, "two/cora/x.ipynb": FULL, "two/dan/x.ipynb": FULL}, "both"
    )
    assert [ref.id for ref in find(classes / "one", classes / "two")] == ["ada", "ben", "cora", "dan"]


def test_files_and_student_folders_mixed(grown, find) -> None:
    root = grown({"ada.ipynb": FULL, "ben/ps10.ipynb": FULL, "cora/ps10.py": "import keras", "data/x.csv": "1"})
    assert [ref.id for ref in find(root)] == ["ada", "ben", "cora"]


def test_a_class_folder_inside_a_folder(grown, find) -> None:
    root = grown({"submissions/ada/x.ipynb": FULL, "submissions/ben/x.ipynb": FULL})
    assert [ref.id for ref in find(root)] == ["ada", "ben"]


def test_what_is_passed_over(grown, find) -> None:
    root = grown(
        {
            "ada/ps10.ipynb": FULL,
            "ada/.ipynb_checkpoints/ps10-checkpoint.ipynb": FULL,
            "ada/__pycache__/x.py": "",
            "ada/myenv/pyvenv.cfg": "",
            "ada/myenv/lib/tool.py": "import keras",
            "ada/._ps10.ipynb": "",
            "ada/~lock.ipynb": "",
            ".cache/ps10.ipynb": FULL,
            "__MACOSX/ada/ps10.ipynb": FULL,
            "expected/ada.expected.json": "{}",
            "reports/results.json": "{}",
            "reports/index.html": "",
            "reports/ada/executed.ipynb": FULL,
            "old/feedback.html": "",
            "old/executed.ipynb": FULL,
            "ben/ps10.ipynb": FULL,
        }
    )
    refs = find(root)
    assert [ref.id for ref in refs] == ["ada", "ben"]
    assert refs[0].companions == ()
    assert refs[0].ignored == ()


@pytest.mark.parametrize("name", ["empty", "reports", "texts", "hollow"])
def test_nothing_to_grade(grown, find, name) -> None:
    root = grown(
        {"empty/": "", "reports/results.json": "", "reports/grades.csv": "", "texts/notes.txt": "", "hollow/a/": ""}
    )
    with pytest.raises(NothingToGradeError, match=r"Nothing to grade under .*looked for notebooks \(\.ipynb\)"):
        find(root / name)


def test_no_path_at_all(find) -> None:
    with pytest.raises(NothingToGradeError, match="no path at all"):
        find()


# ------------------------------------------------------------------ links, permissions, bounds


def test_links_are_not_followed_out_of_the_tree(grown, find, tmp_path) -> None:
    root = grown({"ada/real.ipynb": FULL, "ben/ps10.ipynb": FULL})
    secret = tmp_path / "secret.txt"
    secret.write_text("secret")
    (root / "ada" / "out.txt").symlink_to(secret)
    (root / "ada" / "copied.ipynb").symlink_to(root / "ben" / "ps10.ipynb")
    (root / "ada" / "inside.txt").symlink_to(root / "ada" / "real.ipynb")
    (root / "ada" / "loop").symlink_to(root / "ada")
    (root / "ada" / "gone").symlink_to(root / "nowhere")
    (root / "cora").symlink_to(tmp_path)
    refs = find(root)
    assert shown(refs, root) == {"ada": "ada/real.ipynb", "ben": "ben/ps10.ipynb"}
    assert refs[0].companions == (Path("inside.txt"),)


def test_what_cannot_be_read(grown, find, monkeypatch) -> None:
    root = grown({"ada/ps10.ipynb": FULL, "ben/ps10.ipynb": FULL, "ben/x.txt": ""})
    scandir = os.scandir

    def refusing(path):
        if Path(path).name == refused:
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refusing)
    refused = "ben"
    ada, ben = find(root)
    assert (ada.id, ben.id, ben.source) == ("ada", "ben", root / "ben")
    refused = "in"
    with pytest.raises(UsageError, match="cannot be read: Permission denied"):
        find(root)


def test_files_that_vanish_cost_nothing(grown, monkeypatch) -> None:
    root = grown({"ada.ipynb": FULL, "x.txt": "x"})
    files = [root / "x.txt", root / "gone.txt"]
    assert choose.companions(root / "ada.ipynb", root, files) == (Path("x.txt"),)
    assert choose.digest(root / "gone.ipynb", root, [], {}) == ""
    assert len(choose.digest(root / "ada.ipynb", root, [Path("gone.txt")], {})) == 64


def test_companions_are_bounded(grown, monkeypatch) -> None:
    root = grown({f"x{n}.txt": "x" * 1000 for n in range(5)} | {"ada.ipynb": FULL})
    monkeypatch.setattr(choose, "MOST_COMPANIONS", 3)
    assert len(choose.companions(root / "ada.ipynb", root, tree.walk(root))) == 3
    monkeypatch.setattr(choose, "LARGEST_COMPANIONS_MIB", 0)
    assert choose.companions(root / "ada.ipynb", root, tree.walk(root)) == ()


def test_trees_are_bounded(grown, monkeypatch) -> None:
    root = grown({"a.txt": "", "b/c.txt": "", "b/d/e.txt": ""})
    monkeypatch.setattr(tree, "DEEPEST", 1)
    assert [path.name for path in tree.walk(root)] == ["a.txt", "c.txt"]
    monkeypatch.setattr(tree, "MOST_FILES", 1)
    assert [path.name for path in tree.walk(root)] == ["a.txt"]


def test_the_digest_is_of_contents(grown, find) -> None:
    first = grown(
        {"ada/ps10.ipynb": FULL, "ada/x.csv": "1", "ben/ps10.ipynb": FULL, "ben/x.csv": "1", "cora/ps10.ipynb": FULL}
    )
    ada, ben, cora = find(first)
    assert ada.sha256 == ben.sha256 != cora.sha256
    (first / "ben" / "x.csv").write_text("2")
    assert find(first)[1].sha256 != ada.sha256


# ------------------------------------------------------------------ archives


def test_an_archive_as_moodle_packs_it(grown, find, tmp_path) -> None:
    files = {
        "Ada Lovelace_101_assignsubmission_file/ps10.ipynb": FULL,
        "Ada Lovelace_101_assignsubmission_onlinetext/onlinetext.html": "<p>",
        "Ben B_102_assignsubmission_file_/work/ps10.ipynb": SHORT,
        "Cora C_103_assignsubmission_file/ps10.pdf": "",
        "Dan D_104_assignsubmission_onlinetext/onlinetext.html": "<p>",
        "Ada Lovelace_105_assignsubmission_file/ps10.zip": zipped({"deep/ps10.ipynb": FULL, "deep/x.csv": ""}),
        "__MACOSX/._x": "",
    }
    root = grown({"class.zip": zipped(files)})
    refs = find(root / "class.zip")
    assert [(ref.id, ref.name, ref.participant) for ref in refs] == [
        ("Ada-Lovelace-101", "Ada Lovelace", "101"),
        ("Ada-Lovelace-105", "Ada Lovelace", "105"),
        ("Ben-B", "Ben B", "102"),
        ("Cora-C", "Cora C", "103"),
        ("Dan-D", "Dan D", "104"),
    ]
    assert [type(read_submission(ref)) for ref in refs] == [*[Submission] * 3, Unreadable, Unreadable]
    assert refs[1].companions == (Path("x.csv"),)
    assert refs[1].origin == f"{root}/class.zip/Ada Lovelace_105_assignsubmission_file/ps10.zip/deep/ps10.ipynb"
    assert all(ref.source.is_relative_to(tmp_path / "unpacked") for ref in refs)
    assert [ref.id for ref in find(root)] == [ref.id for ref in refs]


def test_flat_archives_of_moodle_and_canvas(grown, find) -> None:
    flat = {
        "Ada L_7_assignsubmission_file_draft.ipynb": SHORT,
        "Ada L_7_assignsubmission_file_ps10.ipynb": FULL,
        "lovelacebea_LATE_8_99_ps10.ipynb": FULL,
        "meiercora_9_100_ps10-1.py": "import keras",
    }
    refs = find(grown({"all.zip": zipped(flat)}) / "all.zip")
    assert [(ref.id, ref.participant, ref.ignored) for ref in refs] == [
        ("Ada-L", "7", ("Ada L_7_assignsubmission_file_draft.ipynb",)),
        ("lovelacebea", "8", ()),
        ("meiercora", "9", ()),
    ]


def test_one_students_archive(grown, find) -> None:
    root = grown({"ada.zip": zipped({"ps10.ipynb": FULL, "x.csv": "1"}), "none.zip": zipped({"x.txt": ""})})
    assert [(ref.id, ref.companions) for ref in find(root / "ada.zip")] == [("ada", (Path("x.csv"),))]
    ada, none = find(root)
    assert (ada.id, none.id) == ("ada", "none")
    assert read_submission(none).reason.startswith("The archive holds no notebook")
    assert [ref.id for ref in find(root / "none.zip")] == ["none"]


def test_a_broken_archive_is_unreadable_and_stops_nobody(grown, find) -> None:
    root = grown(
        {
            "ada/x.ipynb": FULL,
            "ben.zip": b"PK\x03\x04 broken",
            "cora/work.zip": b"",
            "dan.zip": zipped({"a.ipynb": FULL}),
        }
    )
    refs = find(root)
    assert [ref.id for ref in refs] == ["ada", "ben", "cora", "dan"]
    assert [type(read_submission(ref)) for ref in refs] == [Submission, Unreadable, Unreadable, Submission]
    assert "The archive is damaged" in read_submission(refs[1]).reason
    assert [ref.id for ref in find(root / "ben.zip", root / "ada" / "x.ipynb")] == ["ben", "x"]


def test_archives_beside_a_notebook(grown, find) -> None:
    data = grown({"ps10.ipynb": FULL, "images.zip": zipped({"x.png": ""})}, under="ada")
    assert [(ref.id, ref.companions) for ref in find(data)] == [("ada", (Path("images.zip"),))]
    files = grown({"ada.ipynb": FULL, "ben.zip": zipped({"ps10.ipynb": FULL})})
    assert [ref.id for ref in find(files)] == ["ada", "ben"]
    scripts = grown({"ada.py": "import keras", "ben.zip": zipped({"ps10.py": "import keras"})}, under="scripts")
    assert [ref.id for ref in find(scripts)] == ["ada", "ben"]


def test_a_full_disk_is_not_the_archives_fault(grown, find, monkeypatch) -> None:
    root = grown({"ada.zip": zipped({"ps10.ipynb": FULL})})

    def full(*_args):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(unpack.shutil, "copyfileobj", full)
    with pytest.raises(UsageError, match=r"ada\.zip cannot be unpacked here: No space left on device"):
        find(root / "ada.zip")


def test_hostile_members_stay_inside(tmp_path) -> None:
    path = tmp_path / "evil.zip"
    link = zipfile.ZipInfo("link.ipynb")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(path, "w") as archive:
        for name in (
            "../up.txt",
            "/abs.txt",
            "C:\\win.txt",
            "a/../../b.txt",
            "a\\..\\..\\c.txt",
            "ok/../no.txt",
            "x/" * 50 + "d",
        ):
            archive.writestr(name, "x")
        archive.writestr(link, "/etc/passwd")
        archive.writestr("fine\\sub\\ps10.ipynb", FULL)
        archive.writestr("fine/._ps10.ipynb", "")
        archive.writestr("ctrl\x01/" + "ä" * 150 + ".ipynb", "x")
        archive.writestr("long/" + "n" * 300, "x")
        archive.writestr("one", "1")
        archive.writestr("one/two", "2")
        with pytest.warns(UserWarning, match="Duplicate name"):
            archive.writestr("one", "3")
    assert unpack.unpack(path, tmp_path / "out" / "evil") == ""
    found = {str(p.relative_to(tmp_path / "out" / "evil")) for p in (tmp_path / "out").rglob("*") if p.is_file()}
    assert found == {"fine/sub/ps10.ipynb", "ctrl_/" + "ä" * 90 + ".ipynb", "long/" + "n" * 180, "one"}
    assert (tmp_path / "out/evil/one").read_text() == "1"
    assert {p.name for p in tmp_path.iterdir()} == {"evil.zip", "out"}
    assert not any(p.is_symlink() for p in (tmp_path / "out").rglob("*"))


def test_bombs_are_refused_before_they_are_unpacked(tmp_path, monkeypatch) -> None:
    bomb = tmp_path / "bomb.zip"
    bomb.write_bytes(zipped({"zeros.ipynb": b"0" * (20 << 20)}))
    assert "unpacks to 20 MiB, not credible" in unpack.why_not(bomb)
    assert unpack.unpack(bomb, tmp_path / "out").startswith("The archive unpacks to")
    assert not (tmp_path / "out").exists()
    monkeypatch.setattr(unpack, "HIGHEST_RATIO", 10**6)
    assert unpack.why_not(bomb) == ""
    monkeypatch.setattr(unpack, "LARGEST_FILE_MIB", 1)
    assert "not credible" in unpack.why_not(bomb)
    monkeypatch.setattr(unpack, "MOST_FILES", 0)
    assert "holds 1 files" in unpack.why_not(bomb)


def test_archives_that_cannot_be_opened_say_why(tmp_path) -> None:
    good = zipped({"a.ipynb": FULL})
    path = tmp_path / "x.zip"
    locked = bytearray(good)
    locked[good.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(locked)
    assert "has a password" in unpack.why_not(path)
    damaged = bytearray(good)
    damaged[50] ^= 0xFF
    path.write_bytes(damaged)
    assert "is damaged" in unpack.unpack(path, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    assert unpack.why_not(tmp_path / "gone.zip") == "The archive cannot be opened: No such file or directory."


def test_names_in_old_archives(tmp_path) -> None:
    path = tmp_path / "names.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("aaaa1.ipynb", "x")
        archive.writestr("bbbb2.ipynb", "x")
        archive.writestr("ccccc.ipynb", "x")
    data = (
        path.read_bytes()
        .replace(b"aaaa1", b"\x81bun1")
        .replace(b"bbbb2", "übn2".encode())
        .replace(b"ccccc", b"\xff\xfe\x81\x82\x83")
    )
    path.write_bytes(data)
    assert unpack.unpack(path, tmp_path / "out") == ""
    names = {p.name for p in (tmp_path / "out").iterdir()}
    assert {"übun1.ipynb", "übn2.ipynb"} <= names
    assert len(names) == 3


# ------------------------------------------------------------------ names


@pytest.mark.parametrize(
    ("name", "id_"),
    [
        ("ada", "ada"),
        ("Übungsblatt 10", "Übungsblatt-10"),
        ("Лев Толстой", "Лев-Толстой"),
        ("作业（十）", "作业-十"),
        ("ANN_ex10 (1)", "ANN_ex10-1"),
        ("U\u0308bung", "Übung"),
        ("a/b\\c:d*e?f", "a-b-c-d-e-f"),
        ("\u202egnp.ipynb", "gnp.ipynb"),
        ("..", "submission"),
        (".hidden", "hidden"),
        ("-rf", "rf"),
        ("=cmd()", "cmd"),
        ("index.html", "index.html-submission"),
        ("CON", "CON-submission"),
        ("con.txt", "con.txt-submission"),
        ("v1.2", "v1.2"),
        ("a..b", "a.b"),
        ("trailing.", "trailing"),
        ("", "submission"),
        ("ä" * 100, "ä" * 40),
    ],
)
def test_safe_ids(name, id_) -> None:
    assert safe_id(name) == id_


@pytest.mark.parametrize(
    ("name", "who"),
    [
        ("Full Name_1234567_assignsubmission_file", HandedIn("Full Name", "1234567")),
        ("Full_Name_1234567_assignsubmission_file_", HandedIn("Full Name", "1234567")),
        ("Participant_12_assignsubmission_onlinetext", HandedIn("Participant", "12", online_text=True)),
        ("doejohn_LATE_4_5_ps10", HandedIn("doejohn", "4")),
        ("doejohn_4_5_ps10", HandedIn("doejohn", "4")),
        ("bitdiddle+ps10+2019-12-09 10:00:00 UTC", HandedIn("bitdiddle")),
        ("Lovelace_Ada_ada_12", HandedIn("Lovelace_Ada_ada_12")),
        ("bi\u202edi\x00  x", HandedIn("bidi x")),
        ("\udcff", HandedIn("unnamed")),
    ],
)
def test_names_of_learning_platforms(name, who) -> None:
    assert handed_in(name) == who


def test_ids_are_unique_whatever_the_case() -> None:
    names = [HandedIn(name) for name in ("ada", "Ada", "ada-2", "ada", "ada", "ben/", "ben?")]
    assert unique_ids(names) == ["ada", "Ada-3", "ada-2", "ada-4", "ada-5", "ben", "ben-2"]


@given(st.lists(st.builds(HandedIn, st.text(max_size=40), st.text("0123456789", max_size=3)), max_size=8))
def test_ids_are_safe_and_unique(wanted) -> None:
    ids = unique_ids(wanted)
    assert len({each.casefold() for each in ids}) == len(wanted)
    for each in ids:
        assert each == unicodedata.normalize("NFC", each)
        assert 0 < len(each.encode()) <= 100
        assert each[0] not in ".-~ "
        assert each[-1] not in ". "
        assert all(unicodedata.category(c)[0] in "LMN" or c in "_.-" for c in each)
        assert ".." not in each
        assert Path(each).name == each


@given(st.lists(st.text(string.ascii_letters + string.digits + "é²", max_size=6)), st.randoms())
def test_natural_order_is_an_order(names, random) -> None:
    shuffled = random.sample(names, len(names))
    assert sorted(names, key=natural) == sorted(shuffled, key=natural)
    assert natural("ex2") < natural("ex10")
