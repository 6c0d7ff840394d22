"""From paths to submissions whose cells are labelled with tasks: find, read, label.

- `find` (with `tree`, `names`, `unpack`, `choose`): paths → `SubmissionRef`s
- `read` (with `notebook`, `script`): a `SubmissionRef` → a `Submission`, or an `Unreadable` that says why not
- `label` (with `label_candidates`, `label_grammar`, `label_scoring`, `label_sequence`): a `Submission` → `Labels`

Folders, archives, notebooks and scripts in; `SubmissionRef`s, `Submission`s and `Labels` out.
Runs nothing and gives no points; a broken file is an `Unreadable`, never an error.
"""
