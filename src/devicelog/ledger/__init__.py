"""The ledger: canonical entries, each naming the one before; the RFC 9162 tree over them and over a stream's chunks.

With it what an auditor is given: proofs, checkpoints, signatures, the pin. Pure, apart from the files that hold
keys. Keeping entries on disk is the store's work.
"""
