"""What is printed on a pack, read: GS1 and HIBC barcodes as a scanner sends them.

Pure. Not responsible for what becomes of it (clinic, desk), nor for what a maker means by his numbers.
"""
