"""One recipe, one training: the trainer, its workers and cache; and the measuring of every network.

Requests of kernels, which may lie, and recorded weights in; weights, histories and accuracies out.
Knows no student and no rubric; believes no figure of a kernel.

A request's way: trainer_connection → trainer → tasks (checked) → single_flight → cache, or workers → train, measure.
"""
