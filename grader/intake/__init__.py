"""From paths to submissions whose cells are labelled with tasks: find, read, label.

- `find` (with `tree`, `names`, `unpack`, `choose`, `versions`): paths → `SubmissionRef`s
- `read` (with `notebook`, `script`, `conflict`): a `SubmissionRef` → a `Submission`, or an `Unreadable` with the reason
- `label` (with `label_candidates`, `label_grammar`, `label_scoring`, `label_sequence`): a `Submission` → `Labels`

Besides, what others ask of cells: `bindings` (the names that they define), `pictures`, `python_text`.

Folders, archives, notebooks and scripts in; `SubmissionRef`s, `Submission`s and `Labels` out.
Runs nothing and gives no points; a broken file is an `Unreadable`, never an error.
"""
