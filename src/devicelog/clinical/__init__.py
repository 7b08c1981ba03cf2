"""What the literature says about depth, as data with its sources, and the plans made from it. No medical advice.

Not responsible for judging a session: that is validation, and it reads the documents a session was opened with.
"""
