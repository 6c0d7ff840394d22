"""The recorder: the only code of ours inside the student's kernel.

Copied into the sandbox and started there by `__main__`, which ties the parts to IPython; imports the standard library,
NumPy, IPython's kernel and (once student code does) Keras, and of the grader `wire/` only; knows no expected value. It
never changes a number, never raises into student code and never swallows what student code raises.

What student code does is seen by `model_hooks`, `predictions`, `shown_images`, `dataset_loaders` (through `hooks`, once
`imports` sees the library) and, after each cell, `namespace` and `networks`; `architecture`, `compiled`, `inputs` and
`dataset_index` say it in plain facts; `record` writes it, `tampering` looks after that. `cell_compiler`, `cell_source`,
`magics`, `output_limit` and the bridges make notebooks of other places and times run here. `recipe` and the modules
that import it ask the trainer outside.
"""
