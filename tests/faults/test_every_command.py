"""Whatever is wrong outside, a command says it in one line, and leaves nothing behind."""

from __future__ import annotations

import os
import resource
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import gettempdir

import pytest

from duckdb_sketch.cli import main

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="files of POSIX")

STATEMENT = "SELECT date_trunc('hour', ts) AS hour, count(*) AS n, hll_sketch_agg(uid) AS users FROM e GROUP BY ALL"
DATABASE = ("-d", "r.duckdb")
REFRESH = ("rollup", "refresh", "r.sql", "-s", "e=in/*.csv", *DATABASE)
COMMANDS = {
    "refresh": REFRESH,
    "refresh --dry-run": (*REFRESH, "--dry-run"),
    "replay": ("rollup", "replay", *REFRESH[2:]),
    "verify": ("rollup", "verify", *REFRESH[2:]),
    "status": ("rollup", "status", *DATABASE),
    "changes": ("rollup", "changes", "r", *DATABASE),
    "coarsen": ("rollup", "coarsen", "r", "--every", "day", "--name", "daily", *DATABASE),
    "expire": ("rollup", "expire", "r", "--before", "2026-01-01", *DATABASE),
    "export": ("rollup", "export", "r", "out", *DATABASE),
    "import": ("rollup", "import", "out", "-d", "new.duckdb"),
    "drop": ("rollup", "drop", "r", *DATABASE),
    "query": ("query", "SELECT count(*) FROM e", *DATABASE),
    "inspect": ("inspect", "r.duckdb"),
    "show": ("show", "r.duckdb"),
    "plot": ("plot", "r.duckdb", "-o", "p.png"),
    "inspect a file": ("inspect", "s.parquet"),
    "show a file": ("show", "s.parquet"),
    "plot a file": ("plot", "s.parquet", "-o", "p.png"),
}
READS_FILES = ("refresh", "refresh --dry-run", "replay")
OF_THE_DATABASE = [name for name in COMMANDS if "file" not in name and name != "import"]


def called(*arguments: str) -> int:
    """The exit code of a command, run in this process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["duckdb-sketch", *arguments])
        try:
            main()
        except SystemExit as exit:
            return exit.code if isinstance(exit.code, int) else int(exit.code is not None)
    return 0


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which every command works."""
    folder = tmp_path_factory.mktemp("whole")
    (folder / "in").mkdir()
    (folder / "in" / "1.csv").write_text("ts,uid\n2026-01-01 00:00:00,1\n2026-01-01 01:00:00,2\n")
    (folder / "r.sql").write_text(STATEMENT)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for name in ("refresh", "export"):
            assert called(*COMMANDS[name]) == 0
        shutil.copy("out/month=2026-01/rollup.parquet", "s.parquet")
    return folder


@pytest.fixture
def folder(whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    copy = tmp_path / "copy"
    shutil.copytree(whole, copy)
    monkeypatch.chdir(copy)
    return copy


def names(folder: Path) -> set[str]:
    return {os.path.join(parent, name) for parent, folders, files in os.walk(folder) for name in (*folders, *files)}


def fails(capsys: pytest.CaptureFixture[str], folder: Path, command: str, *more: str) -> str:
    """The one line that a command fails with."""
    before = names(folder)
    capsys.readouterr()
    code = called(*COMMANDS[command], *more)
    out, err = capsys.readouterr()
    assert code in (1, 2, 3, 75), (command, code, out, err)
    assert "Traceback" not in err
    assert err.count("\n") == 1 or code == 2, (command, err)
    assert all(each.isprintable() or each == "\n" for each in err), (command, err)
    assert names(folder) <= before, (command, names(folder) - before)
    return err


def replaced(path: str, make: Callable[[str], object]) -> None:
    if os.path.isdir(path):
        shutil.rmtree(path)
    else:
        os.remove(path)
    make(path)


def cut(path: str) -> None:
    with open(path, "r+b") as file:
        file.truncate(8192)


DATABASES: dict[str, Callable[[], object]] = {
    "a link to itself": lambda: replaced("r.duckdb", lambda path: os.symlink("r.duckdb", path)),
    "a folder": lambda: replaced("r.duckdb", os.mkdir),
    "a named pipe": lambda: replaced("r.duckdb", os.mkfifo),
    "no database": lambda: Path("r.duckdb").write_bytes(b"\xff\0 no database" * 1000),
    "empty": lambda: Path("r.duckdb").write_bytes(b""),
    "cut short": lambda: cut("r.duckdb"),
}


@pytest.mark.parametrize("kind", DATABASES)
def test_a_database_that_is_none(folder: Path, capsys: pytest.CaptureFixture[str], kind: str) -> None:
    DATABASES[kind]()
    for command in OF_THE_DATABASE:
        assert "r.duckdb" in fails(capsys, folder, command)


@pytest.mark.parametrize(
    ("path", "said"),
    [("\udcff.duckdb", "udcff.duckdb"), ("no/r.duckdb", "no/r.duckdb"), ("/dev/full", "a device"), ("", "a directory")],
)
def test_a_database_of_a_name_that_cannot_be(
    folder: Path, capsys: pytest.CaptureFixture[str], path: str, said: str
) -> None:
    for command in OF_THE_DATABASE:
        if command not in ("inspect", "show", "plot"):
            assert said in fails(capsys, folder, command, "-d", path).lower()


@pytest.mark.parametrize("command", ["changes", "coarsen", "expire", "export", "drop", "query"])
def test_an_argument_that_is_not_utf_8(folder: Path, capsys: pytest.CaptureFixture[str], command: str) -> None:
    arguments = list(COMMANDS[command])
    arguments[1 if command == "query" else 2] += "\udcff"
    capsys.readouterr()
    assert called(*arguments) == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "udcff" in error


EVENTS: dict[str, Callable[[], object]] = {
    "Latin 1": lambda: Path("in/2.csv").write_bytes(b"ts,uid\n2026-01-01 00:00:00,caf\xe9\n"),
    "a NUL": lambda: Path("in/2.csv").write_bytes(b"ts,u\0id\n2026-01-01 00:00:00,5\n"),
    "no gzip": lambda: Path("in/2.csv").write_bytes(b"\x1f\x8bno\n"),
    "no columns": lambda: Path("in/2.csv").write_bytes(b""),
    "a number of 400 digits": lambda: Path("in/2.csv").write_text("ts,uid\n2026-01-01 00:00:00," + "9" * 400 + "\n"),
    "a date that is none": lambda: Path("in/2.csv").write_text("ts,uid\n2026-02-30 00:00:00,5\n"),
    "a name that is not UTF-8": lambda: Path(os.fsdecode(b"in/\xff.csv")).write_text("ts,uid\n2026-01-01,5\n"),
}


@pytest.mark.parametrize("kind", EVENTS)
def test_events_that_cannot_be_read(folder: Path, capsys: pytest.CaptureFixture[str], kind: str) -> None:
    EVENTS[kind]()
    for command in ("refresh", "refresh --dry-run"):
        assert "in/" in fails(capsys, folder, command)


STATEMENTS: dict[str, bytes] = {
    "UTF-16": STATEMENT.encode("utf-16"),
    "Latin 1": STATEMENT.encode() + b" -- \xe9",
    "nothing": b"",
    "a NUL": STATEMENT.encode() + b"\0",
    "no end of parentheses": STATEMENT.replace("uid", "(" * 3000 + "uid" + ")" * 3000).encode(),
}


@pytest.mark.parametrize("kind", [*STATEMENTS, "a folder", "a link to itself"])
def test_a_statement_that_cannot_be_read(folder: Path, capsys: pytest.CaptureFixture[str], kind: str) -> None:
    if kind in STATEMENTS:
        Path("r.sql").write_bytes(STATEMENTS[kind])
    else:
        replaced("r.sql", os.mkdir if kind == "a folder" else lambda path: os.symlink("r.sql", path))
    for command in (*READS_FILES, "verify"):
        fails(capsys, folder, command)


@pytest.mark.parametrize("kind", ["a link to itself", "a named pipe", "garbage", "gone"])
def test_files_of_sketches_and_exports(folder: Path, capsys: pytest.CaptureFixture[str], kind: str) -> None:
    make: dict[str, Callable[[str], object]] = {
        "a link to itself": lambda path: os.symlink(os.path.basename(path), path),
        "a named pipe": os.mkfifo,
        "garbage": lambda path: Path(path).write_bytes(b"PAR1\xff\xffPAR1"),
        "gone": lambda path: None,
    }
    for path in ("s.parquet", "out/_rollup.json"):
        replaced(path, make[kind])
    for command in ("inspect a file", "show a file", "plot a file", "import"):
        fails(capsys, folder, command)


BAD_OPTIONS = [
    ("refresh", "--time-zone", "Mars/Olympus"),
    ("refresh", "--time-zone", "a'b"),
    ("refresh", "--earliest", "0001-13-01"),
    ("refresh", "--memory-limit", "1e400GB"),
    ("refresh", "--memory-limit", "nan"),
    ("refresh", "--allowed-lateness", "-1 hour"),
    ("refresh", "--allowed-lateness", "99999999999999999999 days"),
    ("refresh", "--name", "\udcff"),
    ("refresh", "-s", "e=in/\0.csv"),
    ("refresh", "-s", "f=in/*.csv"),
    ("refresh", "-s", "e=read_csv("),
    ("verify", "--sample", "0"),
    ("changes", "--since", "nan"),
    ("coarsen", "--every", "0 days"),
    ("coarsen", "--every", "99999999999999999999 days"),
    ("coarsen", "--by", "nothing"),
    ("coarsen", "--name", ""),
    ("expire", "--before", "99999-01-01"),
    ("export", "--partition", "second"),
    ("plot", "--column", "nothing"),
    ("plot", "-o", "no/p.png"),
    ("plot", "--where", "nothing("),
    ("show", "--where", "nothing("),
    ("query", "-s", "e"),
    ("query", "--time-zone", "Mars/Olympus"),
]


@pytest.mark.parametrize(("command", "option", "value"), BAD_OPTIONS)
def test_options_that_are_wrong(
    folder: Path, capsys: pytest.CaptureFixture[str], command: str, option: str, value: str
) -> None:
    error = fails(capsys, folder, command, option, value)
    if option.startswith("--"):
        assert f"{option[2:].replace('-', '_')}=" not in error  # as Python writes options


@contextmanager
def limited(kind: int, soft: int) -> Iterator[None]:
    before = resource.getrlimit(kind)
    resource.setrlimit(kind, (soft, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(kind, before)


WRITES = ("refresh", "replay", "coarsen", "export", "import", "plot", "plot a file")


@pytest.mark.parametrize("command", WRITES)
def test_a_disk_that_is_full(folder: Path, capsys: pytest.CaptureFixture[str], command: str) -> None:
    """No file may grow beyond 100 bytes."""
    Path("in/2.csv").write_text("ts,uid\n2026-02-01 00:00:00,1\n")
    shutil.rmtree("out") if command == "export" else None
    before = names(folder)
    with limited(resource.RLIMIT_FSIZE, 100):
        code = called(*COMMANDS[command])
    out, err = capsys.readouterr()
    assert (code, err.count("\n")) == (1, 1), (out, err)
    assert {name for name in names(folder) - before if "/out" not in name and not name.endswith(".wal")} == set()
    assert called(*COMMANDS[command]) == 0, capsys.readouterr().err


@contextmanager
def without_permission(folder: Path) -> Iterator[None]:
    """Nothing in the folder can be read or written, not even by root."""
    is_root = os.geteuid() == 0
    if is_root:
        for above in (*folder.parents, *Path.home().parents, Path.home()):  # which hold the extension
            if Path(gettempdir()) in above.parents:
                above.chmod(0o755)
    folder.chmod(0o700 if is_root else 0)
    if is_root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if is_root:
            os.seteuid(0)
        folder.chmod(0o700)


def test_a_folder_that_may_not_be_read(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for command in COMMANDS:  # what is imported later might not be allowed either
        called(*COMMANDS[command])
    for command in COMMANDS:
        capsys.readouterr()
        with without_permission(folder):
            code = called(*COMMANDS[command])
        err = capsys.readouterr().err
        assert (code, err.count("\n"), "Traceback" in err) == (1, 1, False), (command, code, err)
        assert "ermission denied" in err, (command, err)
