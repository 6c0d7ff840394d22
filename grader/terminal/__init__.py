"""What a person sees while a run goes on, its tables at the end, and how a command ends.

Progress and grades in; lines on a terminal or in a log out, never on stdout.
Knows nothing of how a grade comes about.
"""
