"""The rules a stream is judged by: one table (table.py), and beside it what each row looks at.

Pure: facts in, outcomes out. Adding a rule is a row, a function and a test.
"""
