"""What is asked, for how many points, and what is expected.

A YAML file, its reference package and its calibration in; a `LoadedRubric` out.
Knows no submission and no check: the names that a rubric's `check:` may say are handed in.
"""
