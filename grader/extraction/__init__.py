"""What a student wrote: numbers, arithmetic, matrices, accuracies and prose in cells.

- `passages`: a cell → its texts; `prose`: texts → paragraphs that answer something
- `notation` → `arithmetic`: a text → the numbers in it, and what its arithmetic comes to
- `static_evaluation`: code → what its arithmetic comes to; `numbers` puts both and the output together
- `accuracies`, `matrices`: the same for figures of training and small matrices

Source of cells in; stated values with their places out. Pure.
Executes nothing, and knows neither expected values nor points.
"""
