"""`HllSketch`: the answers and bytes of SQL, as a Python value."""

from __future__ import annotations

import copy
import pickle

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st
from queries import value

from duckdb_sketch import HllSketch, InvalidInputError

USERS = ["user1", "user2", "user1", "user4", "user97", "user2", "user9834", "user97"]


def test_it_counts_different_values() -> None:
    sketch = HllSketch.from_values(USERS)
    assert sketch.estimate == 5
    bounds = sketch.bounds()
    assert bounds.lower <= 5 <= bounds.estimate <= bounds.upper < 5.01
    assert sketch.lg_k == sketch.description.lg_k == 12
    assert sketch.description.mode == "LIST"
    assert sketch.description.bytes == len(bytes(sketch))


def test_its_bytes_and_answers_are_those_of_sql(con: duckdb.DuckDBPyConnection) -> None:
    sketch = HllSketch.from_values(range(100_000), lg_k=10)
    state = value(con, "SELECT hll_sketch_agg(i, 10) FROM range(100_000) t(i)")
    assert bytes(sketch) == state
    assert HllSketch.from_bytes(state) == sketch
    assert sketch.estimate == value(con, "SELECT hll_sketch_estimate(?::BLOB)", state)
    for sigmas in (1, 2, 3):
        assert sketch.bounds(sigmas)._asdict() == value(con, "SELECT hll_sketch_bounds(?::BLOB, ?)", state, sigmas)
    assert sketch.description._asdict() == value(con, "SELECT hll_sketch_describe(?::BLOB)", state)


values = st.lists(st.integers(-(2**63), 2**63 - 1) | st.none(), max_size=50)


@given(values, values)
def test_merging_parts_gives_the_sketch_of_the_whole(a: list[int | None], b: list[int | None]) -> None:
    whole = HllSketch.from_values(a + b)
    one, other = HllSketch.from_values(a), HllSketch.from_values(b)
    assert one | other == other | one == whole
    assert HllSketch.from_states([one, None, bytes(other)]) == whole


def test_equal_sketches_are_one_key_of_a_dictionary() -> None:
    sketches = {HllSketch.from_values([1, 2]), HllSketch.from_values([2, 1, 1]), HllSketch.from_values([1])}
    assert len(sketches) == 2


def test_it_cannot_be_changed() -> None:
    sketch = HllSketch.from_values([1])
    with pytest.raises(AttributeError):
        sketch.state = b""  # type: ignore[misc]


@pytest.mark.parametrize("asked", [False, True], ids=["new", "asked before"])
def test_it_survives_pickling_and_copying(asked: bool) -> None:
    sketch = HllSketch.from_values(USERS)
    if asked:
        assert sketch.estimate == 5
    for twin in (pickle.loads(pickle.dumps(sketch)), copy.copy(sketch), copy.deepcopy(sketch)):
        assert twin == sketch
        assert twin.estimate == 5


def test_nothing_counted_is_an_empty_sketch_of_any_precision() -> None:
    for nothing in (HllSketch.from_values([]), HllSketch.from_values([None], lg_k=4), HllSketch.from_states([])):
        assert nothing.estimate == 0
        assert (nothing | HllSketch.from_values([1], lg_k=15)).lg_k == 15


def test_precisions_merge_if_that_is_allowed() -> None:
    coarse, fine = HllSketch.from_values(range(9), lg_k=8), HllSketch.from_values(range(5, 20), lg_k=14)
    with pytest.raises(InvalidInputError, match=r"lg_k 8 and 14|lg_k 14 and 8"):
        coarse | fine
    with pytest.raises(InvalidInputError, match="lg_k"):
        HllSketch.from_states([coarse, fine])
    merged = HllSketch.from_states([coarse, fine], allow_different_lg_k=True)
    assert (merged.lg_k, merged.estimate) == (8, 20)


def test_a_sketch_of_datasketches_is_kept_as_it_is() -> None:
    """Its HLL_8 in order has a better estimate than a merged one: the bytes decide."""
    datasketches = pytest.importorskip("datasketches")
    theirs = datasketches.hll_sketch(12, datasketches.tgt_hll_type.HLL_8)
    for i in range(10_000):
        theirs.update(i)
    ours = HllSketch.from_bytes(theirs.serialize_compact())
    assert bytes(ours) == theirs.serialize_compact()
    assert ours.estimate == round(theirs.get_estimate())
    assert ours.description.target_type == "HLL_8"


@pytest.mark.parametrize("state", [b"", b"abc", bytes(HllSketch.from_values([1]))[:-1]], ids=["none", "junk", "cut"])
def test_bytes_that_are_no_sketch_are_refused(state: bytes) -> None:
    with pytest.raises(InvalidInputError, match=r"hll_sketch_describe: .*HLL"):
        HllSketch.from_bytes(state)
    with pytest.raises(ValueError, match="HLL"):
        HllSketch.from_states([HllSketch.from_values([1]), state])


def test_other_mistakes_are_named() -> None:
    with pytest.raises(InvalidInputError, match="lg_k is 22, and must be from 4 to 21"):
        HllSketch.from_values([1], lg_k=22)
    with pytest.raises(InvalidInputError, match="num_std_dev is 4, and must be 1, 2 or 3"):
        HllSketch.from_values([1]).bounds(4)
    with pytest.raises(InvalidInputError, match="STRUCT cannot be counted"):
        HllSketch.from_values([{"a": 1}])
    with pytest.raises(TypeError):
        HllSketch.from_bytes(3)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        HllSketch.from_values([1]) | b"abc"  # type: ignore[operator]


def test_it_shows_what_it_is() -> None:
    sketch = HllSketch.from_values(range(2_000))
    assert repr(sketch) == f"<HllSketch: about {sketch.estimate:,} distinct, lg_k 12, {len(bytes(sketch)):,} bytes>"
    bounds = sketch.bounds(2)
    assert f"between {bounds.lower:,.0f} and {bounds.upper:,.0f}" in sketch._repr_html_()
