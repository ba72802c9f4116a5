"""Which files a source has: hidden names, folders, links, literal names, and one file under several names."""

from __future__ import annotations

import fnmatch
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from duckdb_sketch._glob import literal
from duckdb_sketch.rollup import Rollup, SourceError
from duckdb_sketch.rollup.sources.file import File
from duckdb_sketch.rollup.sources.files import scan
from duckdb_sketch.rollup.sources.listing import find

CONNECTION = duckdb.connect()
COUNT = "SELECT date_trunc('day', ts) AS d, count(*) AS n, sum(x)::BIGINT AS x FROM e GROUP BY ALL"


def write(folder: Path, *names: str, x: int = 1) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(f"ts,x\n2024-01-01 00:00:00,{x}\n")


def listed(folder: Path, *patterns: str, counted: tuple[str, ...] = ()) -> list[str]:
    """The files that patterns below a folder stand for, by their names below it."""
    found = find(CONNECTION, [str(folder / pattern) for pattern in patterns], {str(folder / each) for each in counted})
    return [os.path.relpath(file.path, folder) for file in found.files]


def left_out(folder: Path, *patterns: str) -> list[str]:
    found = find(CONNECTION, [str(folder / pattern) for pattern in patterns])
    return [os.path.relpath(name, folder) for name in found.duplicates]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path.resolve()


def test_a_file_in_the_making_is_counted_once(folder: Path) -> None:
    write(folder, "o/_temporary/0/part-0.csv", "o/part-1.csv", "o/.part-2.csv.swp", "o/_part-3.csv", "o/.hidden/a.csv")
    rollup = Rollup.from_sql(COUNT, name="r", sources={"e": folder / "o/**/*.csv"})
    assert rollup.refresh().files == 1
    (folder / "o/_temporary/0/part-0.csv").rename(folder / "o/part-0.csv")
    assert rollup.refresh().files == 1
    assert rollup.connection.execute("SELECT n FROM r").fetchall() == [(2,)]


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("o/_temporary/*/*.csv", ["o/_temporary/0/a.csv"]),
        ("o/_*/0/*.csv", ["o/_temporary/0/a.csv"]),
        ("o/*/0/*.csv", []),
        ("o/_b.csv", ["o/_b.csv"]),
        ("o/[_.]*.csv", ["o/.c.csv", "o/_b.csv"]),
        ("o/*.csv", []),
        ("o/*/*.csv", ["o/_year=2024/d.csv"]),
        ("o", ["o/_year=2024/d.csv"]),
        ("o/_temporary", ["o/_temporary/0/a.csv"]),
    ],
)
def test_hidden_names_count_where_the_pattern_has_them(folder: Path, pattern: str, expected: list[str]) -> None:
    write(folder, "o/_temporary/0/a.csv", "o/_b.csv", "o/.c.csv", "o/_year=2024/d.csv")
    if expected:
        assert listed(folder, pattern) == expected
        return
    with pytest.raises(SourceError, match="there is no such file"):
        listed(folder, pattern)


def test_a_folder_below_a_hidden_one_is_not_hidden(folder: Path) -> None:
    write(folder, ".cache/_run/a.csv")
    assert listed(folder, ".cache/_run/*.csv") == [".cache/_run/a.csv"]


def test_a_directory_stands_for_its_data_files(folder: Path) -> None:
    names = ["out.parquet/a.csv", "out.parquet/x=1/b.json", "out.parquet/x=2/deep/c.csv.gz"]
    write(folder, *names, "out.parquet/_SUCCESS", "out.parquet/.a.csv.crc", "out.parquet/README.md")
    for pattern in ("out.parquet", "out.parquet/", "*.parquet", "out*/", "**/*.parquet"):
        assert listed(folder, pattern) == names
    assert listed(folder, "*.parquet", "out.parquet/*.csv") == names


def test_a_directory_without_data_says_so(folder: Path) -> None:
    write(folder, "out/README.md", "out/_SUCCESS")
    with pytest.raises(SourceError, match=r"out: there is no data file in this folder: no name ends in \.parquet"):
        listed(folder, "out")


def test_symlink_loops_end_and_each_file_is_found_once(folder: Path) -> None:
    write(folder, "l/a.csv", "l/s/b.csv")
    (folder / "l/x").symlink_to(".")
    (folder / "l/y").symlink_to(".")
    (folder / "l/s/up").symlink_to("..")
    (folder / "l/self.csv").symlink_to("self.csv")
    (folder / "l/nowhere.csv").symlink_to("none.csv")
    for pattern in ("l/**/*.csv", "l/**/**/*.csv", "l", "l/**"):
        assert listed(folder, pattern) == ["l/a.csv", "l/s/b.csv"]
        assert left_out(folder, pattern) == []
    assert listed(folder, "l/*/*/*/*.csv") == ["l/a.csv", "l/s/b.csv"]
    for pattern in ("l/self.csv", "l/nowhere.csv"):
        with pytest.raises(SourceError, match="there is no such file"):
            listed(folder, pattern)


def test_a_file_under_several_names_is_counted_once_and_reported(folder: Path) -> None:
    write(folder, "in/b.csv")
    (folder / "in/a.csv").symlink_to("b.csv")
    os.link(folder / "in/b.csv", folder / "in/c.csv")
    assert (listed(folder, "in/*.csv"), left_out(folder, "in/*.csv")) == (["in/b.csv"], ["in/a.csv", "in/c.csv"])
    assert left_out(folder, "in/b*.csv", "in/b.csv") == ["in/b.csv"]
    rollup = Rollup.from_sql(COUNT, name="r", sources={"e": folder / "in/*.csv"})
    refreshed = rollup.refresh()
    assert (refreshed.files, refreshed.rows, len(refreshed.duplicates)) == (1, 1, 2)
    assert "left out as other names of the same files: " in str(refreshed)


def test_a_hard_link_to_a_counted_file_is_no_new_file(folder: Path) -> None:
    write(folder, "in/b.csv")
    rollup = Rollup.from_sql(COUNT, name="r", sources={"e": folder / "in/*.csv"})
    rollup.refresh()
    os.link(folder / "in/b.csv", folder / "in/a.csv")  # which comes first by name
    refreshed = rollup.refresh()
    assert (refreshed.files, refreshed.duplicates) == (0, [str(folder / "in/a.csv")])


def test_a_counted_file_that_becomes_a_link_to_another_is_still_compared(folder: Path) -> None:
    write(folder, "in/a.csv")
    write(folder, "in/b.csv", x=20)
    rollup = Rollup.from_sql(COUNT, name="r", sources={"e": folder / "in/*.csv"})
    rollup.refresh()
    (folder / "in/a.csv").unlink()
    os.link(folder / "in/b.csv", folder / "in/a.csv")
    assert rollup.refresh(on_change="report").changed == [str(folder / "in/a.csv")]


@pytest.mark.parametrize(
    "name", ["z[1].csv", "z*.csv", "z?.csv", "[z].csv", "z[!1].csv", "a b.csv", "a%20b.csv", "z'.csv"]
)
def test_a_listed_name_is_a_literal(folder: Path, name: str) -> None:
    write(folder, f"in/{name}", x=10)
    write(folder, "in/z1.csv", "in/z.csv", "in/a.csv")
    for source in (folder / "in", folder / "in/*.csv"):
        rollup = Rollup.from_sql(COUNT, name="r", sources={"e": source})
        rollup.refresh()
        assert rollup.connection.execute("SELECT n, x FROM r").fetchall() == [(4, 13)]


def test_the_name_of_an_object_is_a_literal(folder: Path) -> None:
    """As of an object store: DuckDB reads a URL, in which a key with `*` would be a pattern."""
    write(folder, "a*.csv", "ab.csv", "a[b].csv")
    for name in ("a*.csv", "a[b].csv"):
        rows = scan([File(f"file://{folder}/{name}", 1, 1)], {})
        assert CONNECTION.execute(f"SELECT count(*) FROM ({rows})").fetchall() == [(1,)]
    assert literal("s3://b/a*.parquet") == "s3://b/a[*].parquet"
    assert literal("https://host/a.parquet?version=1") == "https://host/a.parquet?version=1"


def test_a_source_that_is_the_name_of_a_file_is_that_file(folder: Path) -> None:
    write(folder, "z[1].csv", "z1.csv", "k[1]/a.csv", "k1/b.csv")
    assert listed(folder, "z[1].csv") == ["z[1].csv"]
    assert listed(folder, "z[[]1].csv") == ["z[1].csv"]
    assert listed(folder, "k[1]/*.csv") == ["k[1]/a.csv"]
    (folder / "z[1].csv").unlink()
    assert listed(folder, "z[1].csv") == ["z1.csv"]


def test_spaces_urls_of_files_and_home(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(folder, "p q/a b.csv")
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.chdir(folder)
    patterns = [f"file://{folder}/p q/*.csv", f"file://{folder}/p%20q/a%20b.csv", f"file:{folder}/p q"]
    for pattern in ("p q/*.csv", "~/p q/a b.csv", "./p q", f"file://localhost{folder}/p q/", *patterns):
        assert [file.path for file in find(CONNECTION, [pattern]).files] == [str(folder / "p q/a b.csv")]
    assert find(CONNECTION, patterns).duplicates == [str(folder / "p q/a b.csv")] * 2


def test_what_was_counted_under_a_url_of_a_file_keeps_its_name(folder: Path) -> None:
    write(folder, "a.csv", "b.csv")
    url = f"file://{folder}/"
    found = find(CONNECTION, [f"{url}*.csv"], [f"{url}a.csv"])
    assert [file.path for file in found.files] == [str(folder / "b.csv"), f"{url}a.csv"]


def test_a_file_that_disappears_between_listing_and_counting_is_not_missed(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(folder, "a.csv", "b.csv")
    rollup = Rollup.from_sql(COUNT, name="r", sources={"e": folder / "*.csv"})
    is_there = File.is_there

    def removed(file: File) -> bool:
        (folder / "a.csv").unlink(missing_ok=True)
        return is_there(file)

    monkeypatch.setattr(File, "is_there", removed)
    assert rollup.refresh().files == 1
    assert rollup.refresh().files == 0


def test_a_folder_that_cannot_be_listed_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(folder, "in/a.csv")

    def refuse(path: str) -> None:
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(SourceError, match=r"the folder .*in cannot be listed: Permission denied"):
        listed(folder, "in/*.csv")


@pytest.mark.parametrize("name", [b"\xff.csv", b"a\\*.csv"])
def test_a_name_that_duckdb_cannot_open_is_named(folder: Path, name: bytes) -> None:
    with open(os.fsencode(folder) + b"/" + name, "w"):
        pass
    with pytest.raises(SourceError, match=r"DuckDB cannot open .*rename"):
        listed(folder, "*.csv")


NAMES = st.sampled_from(["a", "b", "_h", ".h", "_p=1", "z[1]", "z1"])
FILES = st.sampled_from(["a.csv", "b.json", "_c.csv", ".d.csv", "z[1].csv", "z*.csv", "README", "_SUCCESS"])
PATHS = st.builds(lambda parts, name: "/".join([*parts, name]), st.lists(NAMES, max_size=3), FILES)
PARTS = st.sampled_from(["*", "**", "a", "_*", "?", ".h", "z[[]1]", "_p=*"])
PATTERNS = st.builds(
    lambda parts, name: "/".join([*parts, name]),
    st.lists(PARTS, max_size=3),
    st.sampled_from(["*.csv", "*", "a.csv", "_*", "*.json", "z[*].csv", "**"]),
)
LINKS = st.lists(st.tuples(st.lists(NAMES, max_size=2), NAMES, st.lists(NAMES, max_size=2)), max_size=3)


def build(root: Path, files: list[str], links: list[tuple[list[str], str, list[str]]]) -> None:
    for file in files:
        write(root, file)
    for where, name, target in links:
        link = root.joinpath(*where, name)
        with suppress(OSError):  # something else is there, or the way leads in a circle
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(os.path.relpath(root.joinpath(*target), link.parent))


def naive(folder: str, parts: list[str], depth: int = 0) -> Iterator[str]:
    """What a pattern stands for, by trying all names again and again, links included, as deep as makes sense."""
    hides = [part.startswith(("_", ".")) for part in parts]
    for name in sorted(os.listdir(folder)) if depth < 8 else ():
        path = os.path.join(folder, name)
        hidden = name.startswith(".") or (name.startswith("_") and "=" not in name)
        if parts[0] == "**":
            if os.path.isdir(path) and not hidden:
                yield from naive(path, parts, depth + 1)
        elif fnmatch.fnmatchcase(name, parts[0]) and (not hidden or hides[0]):
            if len(parts) > 1 and os.path.isdir(path):
                yield from naive(path, parts[1:], depth + 1)
            elif len(parts) == 1 and os.path.isfile(path):
                yield os.path.realpath(path)
    if parts[0] == "**":
        yield from naive(folder, parts[1:] or ["*"], depth)


@settings(deadline=None)
@given(st.lists(PATHS, max_size=6), LINKS, PATTERNS)
def test_any_tree_lists_what_a_naive_walk_does(
    files: list[str], links: list[tuple[list[str], str, list[str]]], pattern: str
) -> None:
    base = Path(tempfile.mkdtemp()).resolve()
    root = base.joinpath(*"12345678")  # a link below another link may lead out of it
    root.mkdir(parents=True)
    try:
        build(root / "t", files, links)
        (root / "t").mkdir(exist_ok=True)
        # A name at the end stands for a folder's data files, which the walk leaves to tests above.
        if os.path.isdir(root / "t" / pattern):
            return
        expected = sorted(set(naive(str(root / "t"), pattern.split("/"))))
        if expected:
            assert [file.path for file in find(CONNECTION, [f"{root}/t/{pattern}"]).files] == expected
        else:
            with pytest.raises(SourceError, match=r"there is no such file|no data file|levels of symbolic links"):
                find(CONNECTION, [f"{root}/t/{pattern}"])
    finally:
        shutil.rmtree(base)
