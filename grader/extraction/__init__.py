"""What a student *wrote*: text, numbers, matrices and answers, read out of cells and of what they printed. Pure."""
