"""Stage 1: paths → `SubmissionRef`s, whatever way they were handed in.

`tree` lists folders, `names` reads what platforms call them, `unpack` opens archives, `choose` says which file answers.

A path may be

- a notebook or script: one submission;
- a folder with several notebooks (or, where it has none, scripts) at its top: each file is a submission, and so
  is each folder inside that holds one;
- a folder of student folders: each folder is a submission, even one without a notebook. Of several notebooks in
  it (at any depth) the one that answers most, in its latest version, is graded and the others are named; scripts
  count only where there is no notebook; an archive is looked into where there is neither;
- one student's folder or repository: it holds `.git`, or exactly one notebook (or script, where there is none) at
  its top, or exactly one at any depth beside a README or the like;
- one of several folders most of which hold one notebook at most (`grade submissions/*`): each is a student's;
- a zip archive of any of these, as Moodle, Canvas or a file manager packs it; archives in a folder of files are
  a submission each.

Hidden folders, caches, virtual environments, reports of earlier runs and links that lead elsewhere are passed over.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from grader.errors import NothingToGradeError, UsageError
from grader.intake import choose, tree
from grader.intake.names import HandedIn, for_people, handed_in, natural, safe_id, unique_ids
from grader.intake.read import is_notebook, is_script, may_be_work
from grader.intake.unpack import names_in, unpack
from grader.records import SubmissionRef

_REPOSITORY_FILES = re.compile(
    r"(readme|license)(\.\w+)?|requirements\.txt|environment\.ya?ml|pyproject\.toml|setup\.py|pipfile|dockerfile|makefile",
    re.IGNORECASE,
)
_SAYS_NOBODY = re.compile(
    r"\d|problem|exercise|assignment|homework|notebook|solution|submission|untitled|main|sheet|task|final"
    r"|übung|uebung|aufgabe|abgabe|lösung|loesung|blatt",
    re.IGNORECASE,
)
"""File names that name the sheet rather than the student."""

_MOST_ARCHIVES = 5
"""Archives in one student's folder that are looked into."""


@dataclass(frozen=True, slots=True)
class _Found:
    """A submission before it has an id."""

    who: HandedIn
    source: Path
    origin: str
    companions: tuple[Path, ...] = ()
    ignored: tuple[str, ...] = ()
    chosen: str = ""

    @property
    def root(self) -> Path:
        return self.source if self.source.is_dir() else self.source.parent


def find_submissions(paths: Sequence[Path], unpack_to: Path) -> list[SubmissionRef]:
    """The submissions under the given paths, in natural order of their ids.

    Archives are unpacked into folders below `unpack_to`, which must stay until the run ends.
    Raises UsageError for a path that is not there or cannot be listed, NothingToGradeError when nothing is found.
    """
    finder = _Finder(unpack_to, students=_are_students([Path(path) for path in paths]))
    by_source: dict[Path, _Found] = {}
    for path in paths:
        for each in finder.under(Path(path)):
            by_source.setdefault(each.source.resolve(), each)
    ordered = sorted(by_source.values(), key=lambda f: (natural(f.who.name), f.who.number, natural(f.origin)))
    if not any(f.source.is_file() or any(tree.walk(f.source)) or not _listable(f.source) for f in ordered):
        where = ", ".join(str(path) for path in paths) or "no path at all"
        raise NothingToGradeError(
            f"Nothing to grade under {for_people(where)}: looked for notebooks (.ipynb), scripts (.py) and archives "
            "(.zip), there and in the folders inside."
        )
    digests: dict[Path, bytes] = {}
    refs = [
        SubmissionRef(
            id=id_,
            name=each.who.name,
            source=each.source,
            root=each.root,
            companions=each.companions,
            ignored=each.ignored,
            chosen=each.chosen,
            sha256=choose.digest(each.source, each.root, each.companions, digests),
            origin=each.origin,
            participant=each.who.number,
        )
        for id_, each in zip(unique_ids([f.who for f in ordered]), ordered, strict=True)
    ]
    return sorted(refs, key=lambda ref: natural(ref.id))


def _are_students(paths: Sequence[Path]) -> bool:
    """Whether several folders were named that look like one student's each."""
    folders = [path for path in paths if path.is_dir()]
    single = [f for f in folders if sum(map(is_notebook, tree.walk(f))) <= 1]
    return len(folders) > 1 and 2 * len(single) > len(folders)


def _listable(folder: Path) -> bool:
    try:
        tree.look(folder, folder)
    except OSError:
        return False
    return True


class _Finder:
    """One search; remembers where archives were unpacked."""

    def __init__(self, unpack_to: Path, *, students: bool) -> None:
        self.unpack_to = unpack_to
        self.students_named = students
        self.unpacked = 0

    def under(self, path: Path) -> list[_Found]:
        """Everything under a path that the user named."""
        if not path.exists():
            raise UsageError(f"{for_people(str(path))} does not exist.")
        if path.is_file():
            if path.suffix.lower() == ".zip":
                return self.archive(path, for_people(str(path)))
            beside = choose.mentioned(path, tree.walk(path.parent, deep=False))
            return [self.file(path, beside, for_people(str(path)))]
        if not path.is_dir():
            raise UsageError(f"{for_people(str(path))} is neither a file nor a folder.")
        name, origin = path.resolve().name, for_people(str(path))
        if self.students_named and not tree.is_report(path):
            return [self.student(path, handed_in(name), origin)]
        try:
            return self.folder(path, name, origin)
        except OSError as problem:
            raise UsageError(f"{origin} cannot be read: {problem.strerror or problem}.") from None

    # -------------------------------------------------------------- folders

    def folder(self, path: Path, name: str, origin: str) -> list[_Found]:
        """A folder of files, of student folders, or one student's."""
        if tree.is_report(path):
            return []
        here = tree.look(path, path)
        notebooks, scripts, archives = _sorted_out(here.files)
        holding = {f for f in here.folders if any(map(_holds_work, tree.walk(f)))}
        if (path / ".git").exists() or self._is_one_students(path, here):
            lone = notebooks if len(here.files) == 1 and not here.folders else []
            return [self.student(path, _who(name, lone), origin)]
        if not notebooks and not archives and len(here.folders) == len(holding) == 1:
            only = here.folders[0]
            below = tree.look(only, only)
            if len(below.folders) > 1 and not any(map(_is_gradeable, below.files)):
                return self.folder(only, only.name, f"{origin}/{for_people(only.name)}")
        files = self.files(notebooks, scripts, here, origin) if notebooks or not holding else []
        if not files and not here.folders and len(archives) == 1:
            return self.archive(archives[0], f"{origin}/{for_people(archives[0].name)}")
        files += [self.zipped(a, handed_in(a.stem), f"{origin}/{for_people(a.name)}") for a in archives]
        # Beside notebooks, a folder without any holds their data; beside student folders it is a student's.
        folders = [f for f in here.folders if f in holding or (not notebooks and self._is_handed_in(f))]
        return files + self.students(folders, origin)

    def _is_one_students(self, path: Path, here: tree.Folder) -> bool:
        """Whether a folder with one notebook, or one script and no notebook, is one submission."""
        files = list(tree.walk(path))
        notebooks, scripts, archives = _sorted_out(files)
        mains = choose.main_scripts(scripts, notebooks)
        if not notebooks:
            mains = choose.answering(mains) or mains
            return len(mains) == 1 and mains[0].parent == path and not any(map(_holds_work, archives))
        if len(notebooks) > 1:
            return False
        if notebooks[0].parent == path:
            # A script at the top that answers by itself, and is no export of the notebook, is another student's.
            # So is an archive that holds another notebook.
            beside = choose.answering(s for s in mains if s.parent == path)
            beside += [a for a in archives if a.parent == path and _holds_work(a)]
            return all(s.stem == notebooks[0].stem for s in beside)
        if any(handed_in(folder.name) != HandedIn(for_people(folder.name)) for folder in here.folders):
            return False
        return any(_REPOSITORY_FILES.fullmatch(file.name) for file in here.files)

    def files(self, notebooks: Sequence[Path], scripts: Sequence[Path], here: tree.Folder, origin: str) -> list[_Found]:
        """The files at the top of a folder of files; of one student's several (flat archives of Moodle) the best."""
        mains = choose.main_scripts(scripts, notebooks)
        graded = [*notebooks, *(choose.answering(mains) or ([] if notebooks else mains))]
        by_student: dict[HandedIn, list[Path]] = {}
        for path in graded:
            who = handed_in(_stem(path))
            by_student.setdefault(who if who.number else replace(who, number=path.name), []).append(path)
        submissions = []
        for each in by_student.values():
            path, why = choose.best(each, path.parent)
            beside = choose.mentioned(path, (file for file in here.files if file not in graded))
            submission = self.file(path, beside, f"{origin}/{for_people(path.name)}")
            ignored = tuple(for_people(p.name) for p in each if p != path)
            submissions.append(replace(submission, ignored=ignored, chosen=why and f"{for_people(path.name)}, {why}"))
        # What a platform names after a student is somebody's, also where it cannot be read.
        heard = {*by_student, *(handed_in(file.stem) for file in here.files if file.suffix.lower() == ".zip")}
        others = (file for file in here.files if may_be_work(file) and handed_in(file.stem).number)
        return submissions + [
            self.file(file, (), f"{origin}/{for_people(file.name)}")
            for file in others
            if handed_in(file.stem) not in heard
        ]

    def students(self, folders: Sequence[Path], origin: str) -> list[_Found]:
        """Student folders; Moodle's folder of typed text gives way to the same student's folder of files."""
        who = {folder: handed_in(folder.name) for folder in folders}
        with_files = {(w.name, w.number) for w in who.values() if not w.online_text}
        return [
            self.student(folder, w, f"{origin}/{for_people(folder.name)}")
            for folder, w in who.items()
            if not (w.online_text and (w.name, w.number) in with_files)
        ]

    def _is_handed_in(self, folder: Path) -> bool:
        """Whether a folder without notebooks is a student's: it holds something of theirs, or nothing at all."""
        try:
            here = tree.look(folder, folder)
        except OSError:
            return True
        return bool(here.files or any(tree.walk(folder))) or not (here.hides or here.folders)

    # -------------------------------------------------------------- one submission

    def file(self, path: Path, beside: Sequence[Path], origin: str) -> _Found:
        return _Found(handed_in(_stem(path)), path, origin, choose.companions(path, path.parent, beside))

    def student(self, folder: Path, who: HandedIn, origin: str) -> _Found:
        """One student's folder: the notebook that answers most, else the script, else what an archive holds."""
        files = list(tree.walk(folder))
        notebooks, scripts, archives = _sorted_out(files)
        mains = choose.main_scripts(scripts, notebooks)
        candidates = notebooks or choose.answering(mains) or mains
        if not candidates:
            scans = choose.companions(folder, folder, files)
            return self._from_archives(archives, who, origin) or _Found(who, folder, origin, scans)
        source, why = choose.best(candidates, folder)
        below = for_people(str(source.relative_to(folder)))
        rest = candidates if not notebooks else [*notebooks, *choose.answering(mains)]
        return _Found(
            who,
            source,
            f"{origin}/{below}",
            choose.companions(source, source.parent, files),
            tuple(for_people(str(path.relative_to(folder))) for path in rest if path != source),
            why and f"{below}, {why}",
        )

    def _from_archives(self, archives: Sequence[Path], who: HandedIn, origin: str) -> _Found | None:
        submissions = [self.zipped(a, who, f"{origin}/{for_people(a.name)}") for a in archives[:_MOST_ARCHIVES]]
        return next((f for f in submissions if _is_gradeable(f.source)), submissions[0] if submissions else None)

    # -------------------------------------------------------------- archives

    def archive(self, path: Path, origin: str) -> list[_Found]:
        """An archive that stands for a folder; one that cannot be unpacked is an unreadable submission."""
        folder = self._unpack(path)
        inside = self.folder(folder, path.stem, origin) if folder is not None else []
        return inside or [_Found(handed_in(path.stem), path, origin)]

    def zipped(self, path: Path, who: HandedIn, origin: str) -> _Found:
        """An archive that one student handed in."""
        folder = self._unpack(path)
        inside = self.student(folder, who, origin) if folder is not None else None
        return inside if inside and inside.source != folder else _Found(who, path, origin)

    def _unpack(self, path: Path) -> Path | None:
        self.unpacked += 1
        folder = self.unpack_to / f"{self.unpacked}-{safe_id(path.stem)}"
        return None if unpack(path, folder) else folder


def _sorted_out(files: Sequence[Path]) -> tuple[list[Path], list[Path], list[Path]]:
    """Notebooks, scripts, archives."""
    return (
        [f for f in files if is_notebook(f)],
        [f for f in files if is_script(f)],
        [f for f in files if f.suffix.lower() == ".zip"],
    )


def _is_gradeable(path: Path) -> bool:
    return is_notebook(path) or is_script(path)


def _holds_work(path: Path) -> bool:
    """Whether a file is, or an archive holds, something to grade."""
    return _is_gradeable(path) or (
        path.suffix.lower() == ".zip" and any(_is_gradeable(Path(n)) for n in names_in(path))
    )


def _stem(path: Path) -> str:
    """The name without its ending, '.ipynb.txt' included."""
    return Path(path.stem).stem if is_notebook(path) and path.suffix.lower() != ".ipynb" else path.stem


def _who(folder: str, lone: Sequence[Path]) -> HandedIn:
    """A folder that holds one notebook and nothing else may be a student's, or a folder of files with one file."""
    return handed_in(_stem(lone[0]) if lone and not _SAYS_NOBODY.search(_stem(lone[0])) else folder)
