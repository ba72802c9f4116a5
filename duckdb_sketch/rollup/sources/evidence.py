"""What the text of a column says of its type. Pure: SQL, and what its results mean.

Each value has one kind; a column's evidence is the set of the kinds of its values, as the bits of a number. NULL is no
evidence. That is looked for in every value, not in a sample, and in each file by itself: whatever files are read
together or one after the other, each says the same.
"""

from __future__ import annotations

from enum import IntFlag


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


_DAY = r"\d{4}-\d{1,2}-\d{1,2}"
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
_WHOLE = r"[+-]?\d+"
_FRACTION = r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?"

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


def kind_of(text: str) -> str:
    """SQL of the kind of a text, as a number; 0 for NULL."""
    times = " ".join(
        f"WHEN regexp_full_match({text}, '{pattern}') AND TRY_CAST({text} AS {name}) IS NOT NULL THEN {int(kind)}"
        for pattern, name, kind in _PATTERNS
    )
    whole = (
        f"CASE WHEN abs(TRY_CAST({text} AS HUGEINT)) <= {2**53} THEN {int(Kind.WHOLE)} "
        f"WHEN TRY_CAST({text} AS BIGINT) IS NOT NULL THEN {int(Kind.LONG)} "
        f"WHEN TRY_CAST({text} AS HUGEINT) IS NOT NULL THEN {int(Kind.HUGE)} ELSE {int(Kind.TEXT)} END"
    )
    # Digits, signs and points come before letters, and most text is one of these two.
    word = (
        f"CASE WHEN lower({text}) IN ('true', 'false') THEN {int(Kind.BOOLEAN)} "
        f"WHEN lower({text}) IN ('nan', 'inf', 'infinity') THEN {int(Kind.FRACTION)} ELSE {int(Kind.TEXT)} END"
    )
    plain = f"strlen({text}) = 19 AND {text} LIKE '____-__-__ __:__:__' AND TRY_CAST({text} AS TIMESTAMP) IS NOT NULL"
    return (
        f"CASE WHEN {text} IS NULL THEN 0 WHEN {text} >= 'A' THEN {word} WHEN {plain} THEN {int(Kind.TIMESTAMP)} "
        f"WHEN regexp_full_match({text}, '{_WHOLE}') THEN {whole} "
        f"WHEN regexp_full_match({text}, '{_FRACTION}') OR lower({text}) IN ('-inf', '-infinity') "
        f"THEN {int(Kind.FRACTION)} {times} ELSE {int(Kind.TEXT)} END"
    )


def evidence_of(text: str) -> str:
    """SQL of the aggregate of the kinds of texts; 0 or NULL if all are NULL."""
    return f"bit_or({kind_of(text)})"


def type_of(evidence: int) -> str | None:
    """The narrowest type that fits all kinds of a column's values; None without evidence."""
    if not evidence:
        return None
    return next((name for name, fitting in FITTING.items() if not evidence & ~fitting), "VARCHAR")
