"""Everything `grade` raises on purpose.

    GradeError                       one clear sentence and the exit code it leads to
    ├── UsageError            (2)    wrong arguments, a path that is not there
    │   └── WriteError        (2)    a file or folder that cannot be written
    ├── RubricError           (2)    a rubric that is wrong: file, line and a sentence
    ├── BadReferenceError     (2)    a reference implementation that is wrong or incomplete
    ├── DataError             (2)    the data set is not to be had, or broken
    ├── ClusterError          (2)    a Dask cluster that is not to be reached, or a worker of it that cannot grade
    ├── SandboxError          (4)    no acceptable sandbox
    ├── NothingToGradeError   (5)    no submission under the given paths
    └── EvidenceError         (3)    stored or received evidence that fails its checks

A student's mistake is never an exception: it is a `Fault` or a `Verdict`.
"""

from __future__ import annotations


class GradeError(Exception):
    """Base of all; `str()` is the sentence that a user reads."""

    exit_code = 3


class UsageError(GradeError):
    exit_code = 2


class WriteError(UsageError):
    pass


class RubricError(GradeError):
    exit_code = 2


class BadReferenceError(GradeError):
    exit_code = 2


class DataError(GradeError):
    exit_code = 2


class ClusterError(GradeError):
    exit_code = 2


class SandboxError(GradeError):
    exit_code = 4


class NothingToGradeError(GradeError):
    exit_code = 5


class EvidenceError(GradeError):
    exit_code = 3
