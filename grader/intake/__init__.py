"""From paths to submissions whose cells are labelled with tasks: find, read, label.

Folders, archives, notebooks and scripts in; `SubmissionRef`s, `Submission`s and `Labels` out.
Runs nothing and gives no points; a broken file is an `Unreadable`, never an error.
"""
