"""Packages and bags: a session as files that are enough by themselves, as docs/package.md describes them.

What is in the ledger and in the spool is the store's; checking a signature is the verifier's.
"""
