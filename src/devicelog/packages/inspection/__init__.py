"""An inspection: what a whole ledger says of some days, counted from its entries, and the page that shows it.

The evidence of an inspection is the entries themselves; whoever has them can count again.
"""
