"""The report of one session for a person to read: the same facts as a page of HTML and as PDF (docs/report.md).

Made from the evidence for reading. What proves something is the evidence itself.
"""
