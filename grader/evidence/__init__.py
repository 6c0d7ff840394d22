"""What a run left, doubted, joined, measured and stored.

A `RunResult` in; validated `Evidence` on disk out, and back from there.
The steps, which `collect` joins: `decode` (bytes to events, as `events` allows them), `interpret` (events to records),
the measuring of networks, `claims` (what cannot be true); `store` writes and reads what comes of it.
Knows no rubric; believes nothing that a kernel says of itself.
"""
