"""`make bench`: our figures beside those of what people would use instead, in one run. docs/performance.md explains it.

Every measurement is a process of its own that prints one JSON object; `__main__` interleaves them and prints the table.
"""
