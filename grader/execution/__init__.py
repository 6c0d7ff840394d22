"""One submission in its kernel, on this machine or on a cluster's.

A `Submission` and limits in; a `RunResult` of untrusted files, then stored evidence out.
Knows no expected value and gives no points: nothing of a rubric but its limits.
"""
