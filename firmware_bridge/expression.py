"""Regular expressions that a profile names, matched in a time that grows with the line and with nothing else. Pure.

The only importer of `re2`: an automaton and no backtracking, so that no expression can hold up a recording
(docs/adr/0011). What an automaton cannot do (a look around, a reference back) is refused when the profile is read.
"""

from typing import Any, Protocol

_MOST = 256  # characters of an expression
_MEMORY = 1 << 20  # bytes: an automaton that does not fit is refused


class Match(Protocol):
    """What was matched."""

    def groups(self) -> tuple[bytes | None, ...]:
        """The text of every group; None for one that took no part."""


class Expression:
    """One that matches a whole line, bytes as Latin-1. Raises ValueError, in words, for one that cannot be used."""

    def __init__(self, text: str) -> None:
        if len(text) > _MOST:
            raise ValueError(f"it has {len(text)} characters; at most {_MOST}")
        import re2  # 16 ms, for those profiles alone that have an expression

        options = re2.Options()
        options.encoding, options.log_errors, options.max_mem = re2.Options.Encoding.LATIN1, False, _MEMORY
        try:
            self._compiled: Any = re2.compile(text.encode("ascii"), options)
        except re2.error as error:
            why = error.args[0]
            raise ValueError(why.decode("latin-1") if isinstance(why, bytes) else str(why)) from error

    @property
    def groups(self) -> dict[str, int]:
        """The named groups, by their place in `Match.groups`."""
        return {name.decode("ascii"): number - 1 for name, number in self._compiled.groupindex.items()}

    def match(self, line: bytes) -> Match | None:
        """Match the whole line."""
        found: Match | None = self._compiled.fullmatch(line)
        return found
