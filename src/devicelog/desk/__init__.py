"""The clinic's desk: acts of people besides the recording, each an entry in the ledger with who did it.

Not responsible for what a set of entries means (clinic, pure), nor for what medicine says (clinical).
"""
