"""A few values of every SQL type that can be counted, as SQL expressions."""

SQL_VALUES = {
    "TINYINT": ["-128", "0", "127"],
    "SMALLINT": ["-32768", "127"],
    "INTEGER": ["-2147483648", "200"],
    "BIGINT": ["-9223372036854775808", "9223372036854775807", "1099511627776"],
    "UTINYINT": ["0", "200", "255"],
    "USMALLINT": ["200", "65535"],
    "UINTEGER": ["200", "4294967295"],
    "UBIGINT": ["200", "9223372036854775808", "18446744073709551615"],
    "HUGEINT": ["-1", "9223372036854775808", "-170141183460469231731687303715884105727", "1" + "0" * 38],
    "UHUGEINT": ["7", "170141183460469231731687303715884105728", "340282366920938463463374607431768211455"],
    "BOOLEAN": ["true", "false"],
    "DECIMAL(4,1)": ["-0.5", "3.0", "0"],
    "DECIMAL(9,2)": ["1.19", "-1234567.80"],
    "DECIMAL(18,4)": ["1.1900", "'-12345678901234.5678'"],
    "DECIMAL(38,0)": ["9" * 38, "-7"],
    "DECIMAL(38,38)": ["'-0." + "9" * 38 + "'", "'0.00000000000000000000000000000000000001'"],
    "DECIMAL(38,3)": ["'-12345678901234567890123456789012345.678'", "1.500"],
    "FLOAT": ["0.1", "-0.0", "'nan'", "'inf'"],
    "DOUBLE": ["0.1", "0.0", "-0.0", "'-nan'", "'-inf'", "1e300", "5e-324"],
    "VARCHAR": ["''", "'a'", "'1'", "'é'", "'twelve bytes'", "'thirteen byte'", "repeat('long ', 100)", "chr(0)"],
    "JSON": ["'[1]'"],
    "BLOB": ["''", r"'\x00\xFF'", "repeat('long ', 100)"],
    "UUID": ["'eeccb8c5-9943-b2bb-bb5e-222f4e14b687'", "'00000000-0000-0000-0000-000000000000'"],
    "DATE": ["'1970-01-01'", "'0044-03-15 (BC)'", "'2026-02-28'", "'infinity'", "'-infinity'"],
    "TIME": ["'00:00:00'", "'12:34:56.789012'", "'24:00:00'"],
    "TIMESTAMP": ["'1969-12-31 23:59:59.999999'", "'2026-01-01'", "'infinity'", "'-infinity'"],
    "TIMESTAMP_S": ["'1969-12-31 23:59:59'", "'2026-01-01'", "'infinity'", "'-infinity'"],
    "TIMESTAMP_MS": ["'1969-12-31 23:59:59.999'", "'2026-01-01'", "'infinity'"],
    "TIMESTAMP_NS": ["'1969-12-31 23:59:59.999999999'", "'2026-01-01'", "'2026-01-01 00:00:00.000001'", "'infinity'"],
    "TIMESTAMPTZ": ["'2026-01-01 00:00:00+02'", "'1969-12-31 23:59:59.999999+00'", "'infinity'"],
    "ENUM('a', 'é', '')": ["'a'", "'é'", "''"],
}

REFUSED = {
    "INTERVAL": "'1 day'",
    "TIMETZ": "'12:00:00+02'",
    "BIT": "'101'",
    "INTEGER[]": "[1]",
    "INTEGER[2]": "[1, 2]",
    "STRUCT(a INTEGER[])": "{'a': [1]}",
    "MAP(VARCHAR, INTEGER)": "MAP {'a': 1}",
    "UNION(a INTEGER, b VARCHAR)": "1",
}


def column(sql_type: str, values: list[str]) -> str:
    """A subquery of one column x, a row for each value and a NULL."""
    rows = ", ".join(f"(CAST({value} AS {sql_type}))" for value in [*values, "NULL"])
    return f"(SELECT x FROM (VALUES {rows}) t(x))"
