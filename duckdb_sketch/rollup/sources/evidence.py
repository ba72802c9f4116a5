"""What the text of a column says of its type. Pure: SQL, and what its results mean.

Each value has one kind; a column's evidence is the set of the kinds of its values, as the bits of a number. NULL is no
evidence. That is looked for in every value, not in a sample, and in each file by itself: whatever files are read
together or one after the other, each says the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntFlag
from functools import lru_cache

from duckdb_sketch._sql import quote
from duckdb_sketch.rollup.sources.floating import held


class Kind(IntFlag):
    """Kinds of values."""

    WHOLE = 1  # a whole number that a DOUBLE holds exactly
    LONG = 2  # one that a BIGINT holds
    HUGE = 4  # one that a HUGEINT holds
    FRACTION = 8
    BOOLEAN = 16
    DATE = 32
    TIMESTAMP = 64
    NANOSECONDS = 128
    ZONED = 256
    TIME = 512
    TEXT = 1024
    NESTED = 2048  # an object or array of JSON
    LONG_FRACTION = 4096  # one that a DOUBLE does not hold
    ANY = 8191


_DAY = r"\d{4,6}-\d{1,2}-\d{1,2}"
_CLOCK = r"\d{1,2}:\d{2}(:\d{2}"
_ZONE = r"( ?[+-]\d{2}(:?\d{2})?|Z| UTC)"

# In this order: the first that a value matches is its kind.
_PATTERNS = [
    (rf"{_DAY}", "DATE", Kind.DATE),
    (rf"{_DAY}[ T]{_CLOCK}(\.\d{{1,6}}0*)?)?", "TIMESTAMP", Kind.TIMESTAMP),
    (rf"{_DAY}[ T]{_CLOCK}\.\d{{7,9}})", "TIMESTAMP_NS", Kind.NANOSECONDS),
    (rf"{_DAY}[ T]{_CLOCK}(\.\d{{1,6}}0*)?)?{_ZONE}", "TIMESTAMPTZ", Kind.ZONED),
    (rf"{_CLOCK}(\.\d{{1,6}}0*)?)", "TIME", Kind.TIME),
]
# Of 007 and +7 a number would not be the same: they are text, as DuckDB's readers take them.
_WHOLE = r"-?(0|[1-9]\d*)"
_FRACTION = r"-?((0|[1-9]\d*)(\.\d*)?|\.\d+)([eE][+-]?\d+)?"

#: The kinds of numbers.
NUMBERS = Kind.WHOLE | Kind.LONG | Kind.HUGE | Kind.FRACTION | Kind.LONG_FRACTION

_MOMENTS = (Kind.TIMESTAMP, Kind.NANOSECONDS, Kind.ZONED)
_NUMERIC = (
    *("TINYINT", "SMALLINT", "INTEGER", "INT", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT"),
    *("UHUGEINT", "DOUBLE", "FLOAT", "REAL", "DECIMAL", "NUMERIC"),
)

#: The kinds of values that a column of each type may have, from which it loses nothing.
FITTING = {
    "BIGINT": Kind.WHOLE | Kind.LONG,
    "HUGEINT": Kind.WHOLE | Kind.LONG | Kind.HUGE,
    "DOUBLE": Kind.WHOLE | Kind.FRACTION,
    "BOOLEAN": Kind.BOOLEAN,
    "DATE": Kind.DATE,
    "TIMESTAMP": Kind.DATE | Kind.TIMESTAMP,
    "TIMESTAMP_NS": Kind.DATE | Kind.TIMESTAMP | Kind.NANOSECONDS,
    "TIMESTAMP WITH TIME ZONE": Kind.ZONED,
    "TIME": Kind.TIME,
}


@dataclass(frozen=True)
class Formats:
    """How text writes dates and numbers, as options of DuckDB's readers say it.

    Attributes:
        date: The format of dates, as `strptime` takes it; None for 2026-01-31.
        timestamp: The format of times; None for those of ISO.
        decimal: What stands before a fraction.
        thousands: What may stand between groups of digits; empty for nothing.
    """

    date: str | None = None
    timestamp: str | None = None
    decimal: str = "."
    thousands: str = ""

    def number(self, text: str) -> str:
        """SQL of a text without spaces around it and with a point before its fraction; NULL if it has another one."""
        found = f"trim({text})"
        if self.thousands:
            found = f"replace({found}, {quote(self.thousands)}, '')"
        if self.decimal != ".":
            plain = f"replace({found}, {quote(self.decimal)}, '.')"
            found = f"CASE WHEN NOT contains({found}, '.') THEN {plain} END"
        return found

    def cast(self, text: str, kind: str, function: str = "CAST") -> str:
        """SQL of a text as a value of a type.

        Args:
            text: SQL of the text.
            kind: The type.
            function: `TRY_CAST`, if what is no such value is to be NULL.
        """
        name = kind.upper().partition("(")[0]
        parse = "strptime" if function == "CAST" else "try_strptime"
        if name == "DATE" and self.date:
            return f"CAST({parse}({text}, {quote(self.date)}) AS DATE)"
        if name.startswith(("TIMESTAMP", "DATETIME")) and self.timestamp:
            time = f"{parse}({text}, {quote(self.timestamp)})"
            if self.date:
                time = f"coalesce(try_strptime({text}, {quote(self.timestamp)}), {parse}({text}, {quote(self.date)}))"
            return f"CAST({time} AS {kind})"
        if name in _NUMERIC:
            return f"{function}({self.number(text)} AS {kind})"
        return f"{function}({text} AS {kind})"

    def _times(self, text: str) -> list[tuple[str, Kind]]:
        """Conditions on a text, and the kinds of what they are true of."""
        found = []
        for pattern, name, kind in _PATTERNS:
            if (kind is Kind.DATE and self.date) or (kind in _MOMENTS and self.timestamp):
                continue
            found.append((f"regexp_full_match({text}, '{pattern}') AND TRY_CAST({text} AS {name}) IS NOT NULL", kind))
        return found

    def _declared_times(self, text: str) -> list[tuple[str, Kind]]:
        found = []
        if self.date:
            found.append((f"try_strptime({text}, {quote(self.date)}) IS NOT NULL", Kind.DATE))
        if self.timestamp:
            zoned, fine = "%z" in self.timestamp.lower(), "%n" in self.timestamp
            kind = Kind.ZONED if zoned else Kind.NANOSECONDS if fine else Kind.TIMESTAMP
            found.append((f"try_strptime({text}, {quote(self.timestamp)}) IS NOT NULL", kind))
        return found

    def kind_of(self, text: str) -> str:
        """SQL of the kind of a text, as a number; 0 for NULL."""
        number = self.number(text)
        whole = (
            f"CASE WHEN abs(TRY_CAST({number} AS HUGEINT)) <= {2**53} THEN {int(Kind.WHOLE)} "
            f"WHEN TRY_CAST({number} AS BIGINT) IS NOT NULL THEN {int(Kind.LONG)} "
            f"WHEN TRY_CAST({number} AS HUGEINT) IS NOT NULL THEN {int(Kind.HUGE)} ELSE {int(Kind.TEXT)} END"
        )
        # Digits, signs and points come before letters, and most text is one of these two.
        word = (
            f"CASE WHEN lower({text}) IN ('true', 'false') THEN {int(Kind.BOOLEAN)} "
            f"WHEN lower({text}) IN ('nan', 'inf', 'infinity') THEN {int(Kind.FRACTION)} ELSE {int(Kind.TEXT)} END"
        )
        plain = (
            f"WHEN strlen({text}) = 19 AND {text} LIKE '____-__-__ __:__:__' AND "
            f"TRY_CAST({text} AS TIMESTAMP) IS NOT NULL THEN {int(Kind.TIMESTAMP)} "
        )

        def cases(conditions: list[tuple[str, Kind]]) -> str:
            return "".join(f"WHEN {condition} THEN {int(kind)} " for condition, kind in conditions)

        return (
            f"CASE WHEN {text} IS NULL THEN 0 {cases(self._declared_times(text))}WHEN {text} >= 'A' THEN {word} "
            f"{'' if self.timestamp else plain}WHEN regexp_full_match({number}, '{_WHOLE}') THEN {whole} "
            f"WHEN lower({text}) IN ('-inf', '-infinity') THEN {int(Kind.FRACTION)} "
            f"WHEN regexp_full_match({number}, '{_FRACTION}') "
            f"THEN CASE WHEN {held(number, 'DOUBLE')} THEN {int(Kind.FRACTION)} ELSE {int(Kind.LONG_FRACTION)} END "
            f"{cases(self._times(f'trim({text})'))}ELSE {int(Kind.TEXT)} END"
        )


PLAIN = Formats()


@lru_cache(maxsize=10_000)
def type_of(evidence: int) -> str | None:
    """The narrowest type that fits all kinds of a column's values; None without evidence."""
    if not evidence:
        return None
    return next((name for name, fitting in FITTING.items() if not evidence & ~fitting), "VARCHAR")
