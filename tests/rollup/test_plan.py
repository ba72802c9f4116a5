"""Which files are to be counted, and in which batches: lists in, lists out."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from duckdb_sketch.rollup.memory import rows_of_batch
from duckdb_sketch.rollup.sources.batches import batches
from duckdb_sketch.rollup.sources.file import File
from duckdb_sketch.rollup.sources.slice import Poll

A, B, C = (File(f"/{name}.parquet", 10, 20) for name in "abc")


def test_files_are_new_changed_or_known() -> None:
    counted = {A.path: A.fingerprint, B.path: B.fingerprint, "/gone.parquet": "1:1"}
    larger, later = File(A.path, 11, 20), File(B.path, 10, 21)
    assert Poll.of([A, B, C], counted) == Poll((C,), ())
    assert Poll.of([larger, later, C], counted) == Poll((C,), (larger, later))
    assert Poll.of([A], {A.path: "10:20:digest"}) == Poll((), ())
    assert Poll.of([], counted) == Poll((), ())


files = st.lists(
    st.builds(
        File, st.sampled_from([f"/{i}.{kind}" for i in range(20) for kind in ("csv", "json")]), st.just(1), st.just(1)
    ),
    unique_by=lambda file: file.path,
    max_size=20,
)


@given(
    files=files,
    sizes=st.lists(st.integers(0, 9), min_size=20, max_size=20),
    most=st.integers(1, 20),
    done=st.integers(0, 20),
)
def test_batches_keep_order_and_kind_and_fit(files: list[File], sizes: list[int], most: int, done: int) -> None:
    rows = {file.path: size for file, size in zip(files, sizes, strict=False)}
    packed = batches(files, rows, most)
    assert [file for batch in packed for file in batch] == files
    for batch in packed:
        assert len({file.reader for file in batch}) == 1
        assert len(batch) == 1 or sum(rows[file.path] for file in batch) <= most
    # After some batches, what is left packs into the others.
    left = [file for batch in packed[done:] for file in batch]
    assert batches(left, rows, most) == packed[done:]
    # None of them could have taken the next one's first file.
    for batch, after in pairwise(packed):
        alike = batch[0].reader == after[0].reader
        assert not alike or sum(rows[file.path] for file in (*batch, after[0])) > most


def test_a_batch_has_the_more_rows_the_fewer_groups_they_make() -> None:
    assert rows_of_batch(100, 0, 0) == 100  # nothing is known yet
    assert rows_of_batch(100, 1_000, 1_000) == 100
    assert rows_of_batch(100, 1_000_000, 1) == 319
    assert 100 < rows_of_batch(100, 1_000, 500) < 319
