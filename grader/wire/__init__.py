"""What both sides of the kernel's wall, the cache and the workers must write and read alike.

Bytes, arrays and recipes in; the same back, or `Rejected` for what nobody of ours wrote.
Knows no notebook, no rubric and nothing else of the grader: a copy of it is in every kernel.
"""
