"""Which numbers a DOUBLE or a FLOAT holds. Pure: SQL.

A whole number has to be the value. Few decimal fractions are the value of a binary number: one is held if the nearest
value, written with as many digits, has the same digits. All fractions of up to 15 digits are held by a DOUBLE, and of
up to 6 by a FLOAT (DBL_DIG and FLT_DIG of C); so is what programs print of their own, however many digits they print.
Two numbers of as many digits never become one value.
"""

from __future__ import annotations

#: How many digits of every fraction come back.
_DIGITS = {"DOUBLE": 15, "FLOAT": 6}


def held(number: str, wanted: str) -> str:
    """SQL that tells whether a DOUBLE or a FLOAT holds a number.

    Args:
        number: SQL of the number as text, with a point before its fraction.
        wanted: DOUBLE or FLOAT.
    """
    few = _DIGITS[wanted]
    value = f"TRY_CAST({number} AS {wanted})"
    mantissa = f"regexp_replace(regexp_replace({number}, '[eE].*', ''), '\\D', '', 'g')"
    digits = f"trim({mantissa}, '0')"
    again = f"format('{{:.' || (length({digits}) - 1) || 'e}}', CAST(abs({value}) AS DOUBLE))"
    whole = f"TRY_CAST({number} AS HUGEINT)"
    plain = f"NOT contains({number}, 'e') AND NOT contains({number}, 'E')"
    # Most numbers are short, or as DuckDB prints them; those come back.
    return (
        f"CASE WHEN length({number}) <= {few} AND {plain} THEN true "
        f"WHEN NOT isfinite({value}) THEN regexp_full_match({number}, '(?i)[+-]?(nan|inf(inity)?)') "
        f"WHEN {value} = 0 THEN {digits} = '' "
        f"WHEN CAST({value} AS VARCHAR) = {number} THEN true "
        f"WHEN regexp_full_match({number}, '[+-]?\\d+') AND {whole} IS NOT NULL "
        f"THEN {whole} = TRY_CAST({value} AS HUGEINT) "
        f"WHEN length({digits}) <= {few} THEN true "
        f"ELSE replace(split_part({again}, 'e', 1), '.', '') = {digits} END"
    )
