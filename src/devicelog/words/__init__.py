"""What a session says in words, wherever it is read: on the terminal and in a report.

Pure: facts in, sentences out. Not responsible for how they are laid out.
"""
