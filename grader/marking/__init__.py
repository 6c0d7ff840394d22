"""From evidence to grades: match networks to tasks, check each criterion, score.

`Evidence`, labels and a loaded rubric in; an `Assignment`, verdicts and a `Grade` out. Pure.
Runs no student code, reads no file, and knows nothing of pages.
"""
