"""What a run left, doubted, joined, measured and stored.

A `RunResult` in; validated `Evidence` on disk out, and back from there.
Knows no rubric; believes nothing that a kernel says of itself.
"""
