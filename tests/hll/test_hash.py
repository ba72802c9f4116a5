"""What a value of each SQL type is hashed by: docs/STORAGE.md, "The bytes that each SQL type is hashed by".

The coupons are computed here anew, with mmh3, from the bytes that the rule names.
"""

from __future__ import annotations

import struct
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from uuid import UUID

import duckdb
import mmh3
import numpy as np
import pyarrow as pa
import pytest
from processes import HAS_REPOSITORIES
from queries import rows, value

EMPTY = "0201070c030c0000"
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
INFINITY = 2**63 - 1


def coupon(data: bytes) -> int:
    h0, h1 = mmh3.hash64(data, seed=9001, signed=False)
    leading_zeros = 64 - h1.bit_length()
    return (min(leading_zeros, 62) + 1) << 26 | (h0 & 0x3FFFFFF)


def image(*values: bytes) -> str:
    """The sketch of up to seven values, given as the bytes that they are hashed by."""
    coupons = sorted({coupon(data) for data in values if data})
    flags = 8 if coupons else 12
    return struct.pack(f"<8B{len(coupons)}I", 2, 1, 7, 12, 3, flags, len(coupons), 0, *coupons).hex()


def integer(number: int) -> bytes:
    if -(2**63) <= number < 2**63:
        return number.to_bytes(8, "little", signed=True)
    if -(2**127) <= number < 2**127:
        return number.to_bytes(16, "little", signed=True)
    return number.to_bytes(16, "little") + b"\0"


def double(number: float) -> bytes:
    return struct.pack("<d", number)


def micros(moment: datetime) -> bytes:
    return integer((moment - EPOCH) // timedelta(microseconds=1))


def sketch(con: duckdb.DuckDBPyConnection, sql: str) -> str:
    """The sketch of the one value of a SQL expression."""
    return bytes(value(con, f"SELECT hll_sketch_agg({sql})")).hex()


INTEGERS = {
    "TINYINT": (-128, 127),
    "SMALLINT": (-(2**15), 2**15 - 1),
    "INTEGER": (-(2**31), 2**31 - 1),
    "BIGINT": (-(2**63), 2**63 - 1),
    "HUGEINT": (-(2**127), 2**127 - 1),
    "UTINYINT": (0, 2**8 - 1),
    "USMALLINT": (0, 2**16 - 1),
    "UINTEGER": (0, 2**32 - 1),
    "UBIGINT": (0, 2**64 - 1),
    "UHUGEINT": (0, 2**128 - 1),
}
NUMBERS = sorted(
    {0, 1, -1, 42, 200, -56, *(bound + step for bounds in INTEGERS.values() for bound in bounds for step in (-1, 0, 1))}
)


@pytest.mark.parametrize("sql_type", INTEGERS)
def test_integers_of_every_width(con: duckdb.DuckDBPyConnection, sql_type: str) -> None:
    """One number has one hash, whatever its column's width; and 200 is never -56."""
    least, greatest = INTEGERS[sql_type]
    numbers = [number for number in NUMBERS if least <= number <= greatest]
    assert least in numbers
    assert greatest in numbers
    for number in numbers:
        assert sketch(con, f"'{number}'::{sql_type}") == image(integer(number)), number


def test_integers_that_differ_by_the_width_of_a_word_differ(con: duckdb.DuckDBPyConnection) -> None:
    different = [-1, 2**64 - 1, 2**128 - 1, 2**63, -(2**63)]
    images = {sketch(con, f"'{n}'::{'UHUGEINT' if n > 2**127 else 'HUGEINT'}") for n in different}
    assert len(images) == len(different)


def test_booleans_are_the_integers_0_and_1(con: duckdb.DuckDBPyConnection) -> None:
    assert sketch(con, "false") == sketch(con, "0") == image(integer(0))
    assert sketch(con, "true") == sketch(con, "1") == image(integer(1))


DECIMALS = {
    "1.19": b"1.19",
    "-0.5": b"-0.5",
    "0.5": b"0.5",
    "0.005": b"0.005",
    "-123.45": b"-123.45",
    "0": integer(0),
    "3": integer(3),
    "-3": integer(-3),
    "100": integer(100),
    "10.10": b"10.1",
    "100.0": integer(100),
}


@pytest.mark.parametrize("text", DECIMALS)
def test_decimals_of_every_precision_and_scale(con: duckdb.DuckDBPyConnection, text: str) -> None:
    """Stored as 16, 32, 64 or 128 bits, with zeros behind or without: one number has one hash."""
    expected = image(DECIMALS[text])
    scale = max(0, -int(Decimal(text).as_tuple().exponent))
    for width, scales in {4: (0, 2), 9: (0, 3, 5), 18: (1, 4, 12), 38: (0, 2, 3, 30)}.items():
        for column_scale in scales:
            digits_before = len(text.lstrip("-").split(".")[0])
            if column_scale >= scale and width - column_scale >= digits_before:
                assert sketch(con, f"'{text}'::DECIMAL({width}, {column_scale})") == expected, (width, column_scale)


def test_decimals_of_whole_numbers_are_integers(con: duckdb.DuckDBPyConnection) -> None:
    assert sketch(con, "7::DECIMAL(10, 4)") == sketch(con, "7::TINYINT") == image(integer(7))
    widest = 10**38 - 1
    assert sketch(con, f"'{widest}'::DECIMAL(38, 0)") == sketch(con, f"'{widest}'::HUGEINT") == image(integer(widest))
    assert sketch(con, f"'-{widest}'::DECIMAL(38, 0)") == image(integer(-widest))


def test_decimals_of_38_digits_behind_the_point(con: duckdb.DuckDBPyConnection) -> None:
    digits = "1" * 38
    assert sketch(con, f"'0.{digits}'::DECIMAL(38, 38)") == image(f"0.{digits}".encode())
    assert sketch(con, f"'-0.{digits}'::DECIMAL(38, 38)") == image(f"-0.{digits}".encode())


def test_doubles(con: duckdb.DuckDBPyConnection) -> None:
    for number in (1.5, -1.5, 1e300, 5e-324, 1.0):
        assert sketch(con, f"'{number!r}'::DOUBLE") == image(double(number))
    for text, number in {"inf": float("inf"), "-inf": float("-inf")}.items():
        assert sketch(con, f"'{text}'::DOUBLE") == sketch(con, f"'{text}'::FLOAT") == image(double(number))


def test_floats_are_widened(con: duckdb.DuckDBPyConnection) -> None:
    (tenth,) = struct.unpack("<f", struct.pack("<f", 0.1))
    assert sketch(con, "0.1::FLOAT") == image(double(tenth))
    assert sketch(con, "0.1::FLOAT") == sketch(con, "0.1::FLOAT::DOUBLE")
    assert sketch(con, "0.5::FLOAT") == sketch(con, "0.5::DOUBLE") == image(double(0.5))


@pytest.mark.parametrize("sql_type", ["FLOAT", "DOUBLE"])
def test_negative_zero_is_zero(con: duckdb.DuckDBPyConnection, sql_type: str) -> None:
    assert value(con, f"SELECT signbit('-0.0'::{sql_type})"), "DuckDB does keep the sign"
    assert sketch(con, f"'-0.0'::{sql_type}") == sketch(con, f"0::{sql_type}") == image(double(0.0))


@pytest.mark.parametrize("bits", [0x7FF8000000000000, 0xFFF8000000000000, 0x7FF0000000000001, 0xFFFFFFFFFFFFFFFF])
def test_every_nan_is_one_value(con: duckdb.DuckDBPyConnection, bits: int) -> None:
    """As DataSketches: 0x7ff8000000000000, whatever the sign and the payload."""
    column = pa.table({"x": pa.array(np.array([bits], dtype=np.uint64).view(np.float64), from_pandas=False)})
    assert con.from_arrow(column).aggregate("hll_sketch_agg(x)").fetchall()[0][0].hex() == image(
        (0x7FF8000000000000).to_bytes(8, "little")
    )
    assert (
        sketch(con, "'nan'::DOUBLE") == sketch(con, "'nan'::FLOAT") == image((0x7FF8000000000000).to_bytes(8, "little"))
    )


@pytest.mark.parametrize("length", range(41))
def test_strings_of_every_length(con: duckdb.DuckDBPyConnection, length: int) -> None:
    """Up to 12 bytes DuckDB keeps them inline; 16 bytes are a block of the hash. The empty one is ignored."""
    text = "".join(chr(ord("a") + i % 26) for i in range(length))
    assert sketch(con, f"'{text}'") == image(text.encode())
    column = (
        f"SELECT hll_sketch_agg(s[1:{length}]) FROM (VALUES (repeat('{text}', 3)), (NULL), (repeat('{text}', 2))) t(s)"
    )
    assert value(con, column).hex() == image(text.encode())


@pytest.mark.parametrize(
    "text", ["é", "日本語", "naïve café", "🦆" * 3, "🦆" * 4, "ÅÄÖåäöé", "añb日c🦆d" * 3, "a\0b", "\0"]
)
def test_strings_beyond_ascii_are_utf_8(con: duckdb.DuckDBPyConnection, text: str) -> None:
    assert value(con, "SELECT hll_sketch_agg($1::VARCHAR)", text).hex() == image(text.encode())


@pytest.mark.parametrize("data", [b"\0", b"\0\0", b"a\0b", bytes(12), bytes(13), bytes(16), bytes(17), b"\xff\xfe" * 9])
def test_blobs_with_zero_bytes(con: duckdb.DuckDBPyConnection, data: bytes) -> None:
    """Padding is not data: a zero byte more is another value."""
    assert value(con, "SELECT hll_sketch_agg($1::BLOB)", data).hex() == image(data)


def test_blobs_hash_as_strings_of_the_same_bytes(con: duckdb.DuckDBPyConnection) -> None:
    assert sketch(con, "'abc'::BLOB") == sketch(con, "'abc'") == image(b"abc")


@pytest.mark.parametrize(
    "sql", ["''", "''::BLOB", "NULL", "NULL::VARCHAR", "NULL::UUID", "NULL::DECIMAL(9, 2)", "NULL::FLOAT"]
)
def test_empty_strings_and_nulls_are_no_values(con: duckdb.DuckDBPyConnection, sql: str) -> None:
    assert sketch(con, sql) == EMPTY == image()


def test_uuids_are_their_text(con: duckdb.DuckDBPyConnection) -> None:
    for text in (
        "eeccb8c5-9943-b2bb-bb5e-222f4e14b687",
        "00000000-0000-0000-0000-000000000000",
        "ffffffff-ffff-ffff-ffff-ffffffffffff",
        "7fffffff-ffff-ffff-ffff-ffffffffffff",
        "80000000-0000-0000-0000-000000000000",
        "01234567-89ab-cdef-0123-456789abcdef",
    ):
        assert str(UUID(text)) == text
        assert sketch(con, f"'{text}'::UUID") == sketch(con, f"'{text}'") == image(text.encode())
        assert sketch(con, f"'{text.upper()}'::UUID") == image(text.encode())


def test_enums_are_their_strings(con: duckdb.DuckDBPyConnection) -> None:
    con.execute("CREATE TYPE mood AS ENUM ('sad', 'ok', '', 'a mood of many characters')")
    for text in ("sad", "ok", "", "a mood of many characters"):
        assert sketch(con, f"'{text}'::mood") == sketch(con, f"'{text}'") == image(text.encode())
    assert sketch(con, "NULL::mood") == EMPTY


@pytest.mark.parametrize("size", [200, 256, 257, 2048, 2049, 5_000, 65_535, 65_537])
@pytest.mark.parametrize("every", [1, 7])
def test_enums_with_dictionaries_of_every_size(con: duckdb.DuckDBPyConnection, size: int, every: int) -> None:
    """Codes of one, two and four bytes; dictionaries smaller and larger than a chunk of rows; NULLs between."""
    con.execute(f"CREATE TYPE big AS ENUM (SELECT 'member ' || i FROM range({size}) t(i))")
    con.execute(
        f"CREATE TABLE e AS SELECT CASE WHEN i % 5 <> 0 THEN 'member ' || i END::big AS member "
        f"FROM range({size}) t(i) WHERE i % {every} = 0 AND ({size} - i) <= 10_000"
    )
    assert value(con, "SELECT count(member) > 20 AND count(*) > count(member) FROM e")
    of_codes, of_strings = rows(con, "SELECT hll_sketch_agg(member), hll_sketch_agg(member::VARCHAR) FROM e")[0]
    assert of_codes == of_strings


def test_dates_are_days(con: duckdb.DuckDBPyConnection) -> None:
    for day in (date(1970, 1, 1), date(2013, 10, 28), date(1969, 12, 31), date(1, 1, 1), date(9999, 12, 31)):
        days = (day - date(1970, 1, 1)).days
        assert sketch(con, f"DATE '{day.isoformat()}'") == sketch(con, str(days)) == image(integer(days))


def test_infinite_dates_are_values_of_their_own(con: duckdb.DuckDBPyConnection) -> None:
    assert sketch(con, "'infinity'::DATE") == image(integer(2**31 - 1))
    assert sketch(con, "'-infinity'::DATE") == image(integer(-(2**31 - 1)))


def test_times_are_microseconds(con: duckdb.DuckDBPyConnection) -> None:
    assert sketch(con, "TIME '00:00:00'") == image(integer(0))
    assert sketch(con, "TIME '01:02:03.000004'") == image(integer(3_723_000_004))
    assert sketch(con, "TIME '24:00:00'") == image(integer(86_400_000_000))


TIMESTAMPS = ["TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS", "TIMESTAMPTZ"]


@pytest.mark.parametrize("sql_type", TIMESTAMPS)
def test_timestamps_of_every_unit(con: duckdb.DuckDBPyConnection, sql_type: str) -> None:
    """One instant has one hash in seconds, milliseconds, microseconds and nanoseconds."""
    con.execute("SET TimeZone = 'UTC'")
    for text in ("1970-01-01 00:00:00", "2013-10-28 02:13:43", "1969-12-31 23:59:59", "1700-02-03 04:05:06"):
        expected = image(micros(datetime.fromisoformat(text).replace(tzinfo=timezone.utc)))
        assert sketch(con, f"'{text}'::{sql_type}") == expected


@pytest.mark.parametrize("sql_type", ["TIMESTAMP", "TIMESTAMP_MS", "TIMESTAMP_NS", "TIMESTAMPTZ"])
def test_timestamps_of_milliseconds(con: duckdb.DuckDBPyConnection, sql_type: str) -> None:
    con.execute("SET TimeZone = 'UTC'")
    for text in ("2013-10-28 02:13:43.123", "1969-12-31 23:59:59.999"):
        expected = image(micros(datetime.fromisoformat(text).replace(tzinfo=timezone.utc)))
        assert sketch(con, f"'{text}'::{sql_type}") == expected


@pytest.mark.parametrize("sql_type", TIMESTAMPS)
def test_infinite_timestamps(con: duckdb.DuckDBPyConnection, sql_type: str) -> None:
    assert sketch(con, f"'infinity'::{sql_type}") == image(integer(INFINITY))
    assert sketch(con, f"'-infinity'::{sql_type}") == image(integer(-INFINITY))


def test_timestamps_with_time_zone_are_instants(con: duckdb.DuckDBPyConnection) -> None:
    expected = image(micros(datetime(2013, 10, 28, 2, 13, 43, tzinfo=timezone.utc)))
    assert sketch(con, "'2013-10-28 04:13:43+02'::TIMESTAMPTZ") == expected
    con.execute("SET TimeZone = 'Asia/Tokyo'")
    assert sketch(con, "'2013-10-28 04:13:43+02'::TIMESTAMPTZ") == expected


@pytest.mark.skipif(not HAS_REPOSITORIES, reason="needs DuckDB 2.0, the first that hands extensions these types")
@pytest.mark.parametrize(
    ("text", "sql_type", "nanoseconds"),
    [
        ("00:00:05.000000001", "TIME_NS", 5_000_000_001),
        ("12:34:56.789012", "TIME_NS", 45_296_789_012_000),
        ("2026-01-01 00:00:00.000000001+00", "TIMESTAMPTZ_NS", 1_767_225_600_000_000_001),
        ("1969-12-31 23:59:59.999999999+00", "TIMESTAMPTZ_NS", -1),
        ("2026-01-01 02:00:00+02", "TIMESTAMPTZ_NS", 1_767_225_600_000_000_000),
    ],
)
def test_times_of_day_and_instants_in_nanoseconds(
    con: duckdb.DuckDBPyConnection, text: str, sql_type: str, nanoseconds: int
) -> None:
    """As TIMESTAMP_NS: whole microseconds as those, else with the nanoseconds behind them."""
    whole, rest = divmod(nanoseconds, 1000)
    expected = image(integer(whole) + (integer(rest) if rest else b""))
    assert sketch(con, f"'{text}'::{sql_type}") == expected


def test_nanoseconds_beyond_microseconds(con: duckdb.DuckDBPyConnection) -> None:
    """The microseconds, rounded down, and the nanoseconds that remain."""
    assert sketch(con, "make_timestamp_ns(1_500_000_000_000_000_007)") == image(
        integer(1_500_000_000_000_000) + integer(7)
    )
    assert sketch(con, "make_timestamp_ns(999)") == image(integer(0) + integer(999))
    assert sketch(con, "make_timestamp_ns(-1)") == image(integer(-1) + integer(999))
    assert sketch(con, "make_timestamp_ns(-1000)") == image(integer(-1))


@pytest.mark.parametrize(
    "sql",
    ["INTERVAL 1 DAY", "'12:00:00+02'::TIMETZ", "'101'::BIT", "[1, 2]", "{'a': 1}", "MAP {1: 2}", "[1, 2]::INTEGER[2]"],
)
def test_other_types_are_refused(con: duckdb.DuckDBPyConnection, sql: str) -> None:
    with pytest.raises(
        duckdb.Error, match=r"hll_sketch_agg: values of type .* cannot be counted; cast them to VARCHAR"
    ):
        sketch(con, sql)


NULLABLE = {
    "INTEGER": ("i::INTEGER", integer),
    "HUGEINT": ("i::HUGEINT", integer),
    "DOUBLE": ("i::DOUBLE", lambda i: double(float(i))),
    "BOOLEAN": ("(i % 2 = 1)", lambda i: integer(i % 2)),
    "DECIMAL": ("(i::DECIMAL(12, 2) + 0.25)", lambda i: f"{i}.25".encode()),
    "VARCHAR": ("('row ' || i)", lambda i: f"row {i}".encode()),
    "long VARCHAR": ("('a row that is not inline ' || i)", lambda i: f"a row that is not inline {i}".encode()),
    "TIMESTAMP_S": ("make_timestamp(i * 1_000_000)::TIMESTAMP_S", lambda i: integer(i * 1_000_000)),
}


@pytest.mark.parametrize("name", NULLABLE)
def test_nulls_between_are_skipped(con: duckdb.DuckDBPyConnection, name: str) -> None:
    """Of many rows all but four are NULL: what lies under a NULL is not counted."""
    sql, data = NULLABLE[name]
    kept = (3, 2047, 2048, 9_000)
    query = f"SELECT hll_sketch_agg(CASE WHEN i IN {kept} THEN {sql} END) FROM range(10_000) t(i)"
    assert value(con, query).hex() == image(*(data(i) for i in kept))
