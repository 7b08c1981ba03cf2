"""The table of rules, in the order in which they are judged and shown; its rows stand in rows_*.py.

A limit without a clinical or a maker's source says `ours`. A rule that judges otherwise than before gets the next
version; a session keeps the rules of its day. The row of the version before moves to RETIRED, which no new session is
judged by, so that an old one is judged the same for ever. Adding a rule is a row and a test.
"""

from devicelog.rules.rows_clinic import CLINIC, PASSES, RETIRED
from devicelog.rules.rows_depth import DEPTH
from devicelog.rules.rows_pen import PEN
from devicelog.rules.rule import Rule

__all__ = ["RETIRED", "RULES"]

RULES: tuple[Rule, ...] = (*DEPTH, *PASSES, *PEN, *CLINIC)
