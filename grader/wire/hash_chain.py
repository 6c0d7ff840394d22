"""A seal on every line of the record, so that what others write into it is known for what it is.

The key comes with the request to run the first cell, before any student code runs, and is forgotten at once: only the
running hash keeps it. A seal depends on all sealed lines before it, so that none can be taken out or changed.
"""

from __future__ import annotations

from hashlib import blake2b

_BYTES = 16
_OPEN, _CLOSE = b', "seal": "', b'"}'
_LENGTH = len(_OPEN) + 2 * _BYTES + len(_CLOSE)


class HashChain:
    """Both ends of it: `closed` where lines are written, `opened` where they are read."""

    def __init__(self, key: str) -> None:
        self._state = blake2b(key=bytes.fromhex(key), digest_size=_BYTES)

    def closed(self, line: bytes) -> bytes:
        """A line (a JSON object) with its seal; it counts once it is `kept`."""
        return line[:-1] + _OPEN + self._of(line).encode() + _CLOSE

    def kept(self, line: bytes) -> None:
        """Go on from a line, given without its seal, that was written."""
        self._state.update(line)

    def opened(self, sealed: bytes) -> bytes | None:
        """The line without its seal, None where it does not follow, whole and unchanged, from those before it."""
        line = sealed[:-_LENGTH] + b"}"
        if len(sealed) <= _LENGTH or sealed != self.closed(line):
            return None
        self.kept(line)
        return line

    def _of(self, line: bytes) -> str:
        state = self._state.copy()
        state.update(line)
        return state.hexdigest()
