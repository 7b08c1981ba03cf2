"""The ledger: canonical entries, each naming the one before; the RFC 9162 tree over them and over a stream's chunks.

Pure. Keeping entries on disk is the store's work.
"""
