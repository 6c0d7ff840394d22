"""Files, processes, threads, signals, memory and text for display: what knows no notebook.

Paths, functions and text of strangers in; whole files, results and text that is safe to show out.
Knows nothing of submissions, networks or rubrics; raises the errors of `grader.errors`.
"""
