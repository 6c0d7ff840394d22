"""What a person sees while a run goes on, and its tables at the end.

Progress and grades in; lines on a terminal or in a log out, never on stdout.
Knows nothing of how a grade comes about.
"""
