"""What is asked, for how many points, and what is expected.

A YAML file, its reference package and its calibration in; a `LoadedRubric` out.
Knows no submission; of checks it knows the names alone (`registry`).
"""
