"""What a student wrote: numbers, arithmetic, matrices, accuracies and prose in cells.

Source of cells in; stated values with their places out. Pure.
Executes nothing, and knows neither expected values nor points.
"""
