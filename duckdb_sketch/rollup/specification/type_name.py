"""Names of DuckDB's types, as DESCRIBE prints them, told from any other SQL. Pure: no catalog is asked.

type   = base { "[" [digits] "]" }
base   = "STRUCT(" fields ")" | "UNION(" fields ")" | "MAP(" type "," type ")" | "DECIMAL(" digits "," digits ")"
       | "ENUM(" strings ")" | "GEOMETRY(" strings ")" | word [" WITH TIME ZONE"] | quoted
fields = (word | quoted) type { "," (word | quoted) type }
"""

from __future__ import annotations

import re
from collections.abc import Callable

_TOKEN = re.compile(r"\s*(?:([A-Za-z_]\w*)|(\"(?:[^\"\0]|\"\")+\")|('(?:[^'\0]|'')*')|([0-9]+)|([(),\[\]]))", re.ASCII)
_ZONED = re.compile(r"(?:TIMESTAMP|TIME) WITH TIME ZONE\b")
#: Deeper than any table has, and far from the depth at which a parser's stack ends.
_DEEPEST = 64
_WORD, _QUOTED, _STRING, _DIGITS, _MARK = range(1, 6)


def is_type_name(text: str) -> bool:
    """Whether a text is the name of one type, and nothing besides. Any word may be one, as extensions bring types."""
    parser = _Parser(text)
    return parser.type(_DEEPEST) and parser.at_end()


class _Parser:
    """Reads from the left; each method tells whether what it is called was there, and is then behind it."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    def at_end(self) -> bool:
        return self._at == len(self._text)

    def type(self, depth: int) -> bool:
        if depth == 0 or not self._base(depth):
            return False
        while self._mark("["):
            self._take(_DIGITS)
            if not self._mark("]"):
                return False
        return True

    def _base(self, depth: int) -> bool:
        if zoned := _ZONED.match(self._text, self._skipped()):
            self._at = zoned.end()
            return True
        if self._take(_QUOTED):
            return True
        word = self._take(_WORD)
        if word is None:
            return False
        if not self._mark("("):
            return True
        return self._arguments(word.upper(), depth - 1) and self._mark(")")

    def _arguments(self, word: str, depth: int) -> bool:
        if word in ("STRUCT", "UNION"):
            return self._list(lambda: self._name() and self.type(depth))
        if word == "MAP":
            return self.type(depth) and self._mark(",") and self.type(depth)
        if word == "DECIMAL":
            return self._has(_DIGITS) and self._mark(",") and self._has(_DIGITS)
        return word in ("ENUM", "GEOMETRY") and self._list(lambda: self._has(_STRING))

    def _list(self, item: Callable[[], bool]) -> bool:
        if not item():
            return False
        while self._mark(","):
            if not item():
                return False
        return True

    def _name(self) -> bool:
        return self._has(_WORD) or self._has(_QUOTED)

    def _has(self, kind: int) -> bool:
        return self._take(kind) is not None

    def _mark(self, mark: str) -> bool:
        match = _TOKEN.match(self._text, self._at)
        if match is None or match[_MARK] != mark:
            return False
        self._at = match.end()
        return True

    def _take(self, kind: int) -> str | None:
        match = _TOKEN.match(self._text, self._at)
        if match is None or match[kind] is None:
            return None
        self._at = match.end()
        return match[kind]

    def _skipped(self) -> int:
        while self._text[self._at : self._at + 1] == " ":
            self._at += 1
        return self._at
