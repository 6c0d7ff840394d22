"""The one place where text of strangers becomes displayable, on a page, on a terminal or in a table.

What students write, print, raise, name and hand in passes one of these on its way to a reader. They take away
what a reader would not see but a program would obey, and spell out what would deceive.
"""

from __future__ import annotations

import re
import sys
import unicodedata
from pathlib import Path

TEXT_LIMIT = 600
"""Characters of a message, a name, an expected or actual value."""
MARKS = 3
"""Most combining marks on one character; more would grow over the lines around it."""

# ECMA-48: CSI …; OSC, DCS, PM, APC, SOS up to their end or the line's; two-character escapes. Possessive, so linear.
_SEQUENCE = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*+[ -/]*+[@-~]"
    r"|(?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x9c\r\n]*+(?:\x07|\x1b\\|\x9c)?"
    r"|\x1b[ -/]*+[0-~]?"
)
_PATH = re.compile(r"""/[^\s"'`,;()\[\]<>\x1b]+""")
_WITHIN = re.compile(r".*(?:/(?:site|dist)-packages/|/lib/python3\.\d+/|/room/work/)")
_CELL_FILE = re.compile(r"/ipykernel_\d+/\d+_(\d+)\.py")
_RECORDER = re.compile(r'^ *File "[^"\n]*/grade_recorder/[^"\n]*".*\n(?:    .*(?:\n|$))*', re.MULTILINE)
"""The recorder's frames, as `traceback` prints them."""
_WARNED = re.compile(r"^\S*/grade_recorder/[^:\n]*:\d+: (.*(?:\n|$))(?:  .*(?:\n|$))?", re.MULTILINE)
"""A warning at a line of the recorder, with that line."""
_OURS = tuple(dict.fromkeys((sys.prefix, str(Path(__file__).parents[2])))) if sys.prefix != sys.base_prefix else ()
"""Folders that are the grader's alone; without a virtual environment it has none."""
_LINE_ENDS = re.compile("\r\n|[\r\x85\u2028\u2029]")
# Joiners (U+200C, U+200D) belong to emoji and to Persian, not next to ASCII. U+FE0E and U+FE0F choose an emoji's look.
_UNSEEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u2060-\u2064\u206a-\u206f"
    "\u3164\ufe00-\ufe0d\ufeff\uffa0\ufff0-\ufffb\ufffe\uffff\ud800-\udfff\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
    "|(?<=[\x00-\x7f])[\u200c\u200d]+|[\u200c\u200d]+(?=[\x00-\x7f])"
)
_DIRECTION = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
# GitHub's runner and its relatives obey '::error …' at the start of a line, which may be where a terminal breaks a
# long one, and '##[…]', '##vso[…]' anywhere in it.
_COMMAND = re.compile(r":(?=:)|#(?=#)")
_FORMULA = re.compile(r"\s*[=+\-@＝＋－＠]")


def without_sequences(text: str) -> str:
    r"""Text without the sequences that terminals obey: colours, cursor, titles, links.

    >>> without_sequences("\x1b[1;31mred\x1b[0m \x1b]8;;http://x\x1b\\link\x1b]8;;\x07")
    'red link'
    """
    return _SEQUENCE.sub("", text)


def spelled_out(text: str) -> str:
    r"""Text whose direction controls are shown: they reorder what a reader sees ('Trojan source').

    >>> spelled_out("a\u202eb")
    'a⟨U+202E⟩b'
    """
    return _DIRECTION.sub(lambda found: f"⟨U+{ord(found[0]):04X}⟩", text)


def without_machine(text: str) -> str:
    r"""Text of a run without the grader's own folders and frames: libraries and cells by their names alone.

    >>> without_machine('File "/opt/grade/lib/python3.11/site-packages/keras/src/a.py", line 3')
    'File "keras/src/a.py", line 3'
    """
    if "/" not in text:
        return text
    return _PATH.sub(_short, _WARNED.sub(r"\1", _RECORDER.sub("", text)))


def _short(found: re.Match[str]) -> str:
    path = found[0]
    if cell := _CELL_FILE.search(path):
        return f"cell {cell[1]}{path[cell.end() :]}"
    if path.startswith(_OURS):
        path = next(path.replace(folder, "…", 1) for folder in _OURS if path.startswith(folder))
    within = _WITHIN.match(path)  # no `sub`, which would begin anew at every character
    return path[within.end() :] if within else path


def clean(text: str, limit: int = TEXT_LIMIT) -> str:
    """Text without control and invisible characters, with direction controls spelled out, cut to `limit`."""
    more = len(text) > limit
    text = _LINE_ENDS.sub("\n", without_sequences(text[: limit + 200]))
    text = spelled_out(_few_marks(_UNSEEN.sub("", text)))
    return f"{text[:limit].rstrip()} …" if more or len(text) > limit else text


def one_line(text: str, limit: int = TEXT_LIMIT) -> str:
    r"""`clean` text for a terminal or the log of a CI job: one line, and no command to the job's runner.

    >>> one_line("::error::a\n##vso[x]b")
    ': :error: :a # #vso[x]b'
    """
    text = " ".join(clean(text, limit).split())
    return _COMMAND.sub(r"\g<0> ", "".join(c if c.isprintable() else "·" for c in text))


def table_cell(text: str, limit: int = TEXT_LIMIT) -> str:
    """`one_line` for a CSV file: an apostrophe makes text of what a spreadsheet would take for a formula.

    So it does where a spreadsheet splits lines at another sign than the comma.
    """
    text = one_line(text, limit).replace(";", ",").replace("\t", " ")
    return f"'{text}" if _FORMULA.match(text) else text


def _few_marks(text: str) -> str:
    if text.isascii():
        return text
    kept, marks = [], 0
    for character in text:
        marks = marks + 1 if unicodedata.category(character) in ("Mn", "Me") else 0
        if marks <= MARKS:
            kept.append(character)
    return "".join(kept)
