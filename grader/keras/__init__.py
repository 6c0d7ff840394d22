"""What the grader knows of Keras without importing it where it marks: layers, canonical forms, alignment, rebuilding.

Recorded architectures and configurations in; comparable steps, tables and plans to rebuild out.
Knows no rubric's points and no trainer; takes stock layers with bounded numbers only.
"""
