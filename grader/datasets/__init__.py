"""The official data, and what an array of a student's is in terms of them.

Files whose digests fit, and fingerprints in; arrays and `DataRef`s out.
Knows no rubric and no verdict; trusts no array that a kernel describes.
"""
