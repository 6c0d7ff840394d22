"""The recorder: the only code of ours inside the student's kernel.

Copied into the room and started there by `__main__`; imports the standard library, NumPy, IPython's kernel and
(once student code does) Keras, nothing else of the grader, and knows no expected value. It never changes a
number, never raises into student code and never swallows what student code raises.
"""
