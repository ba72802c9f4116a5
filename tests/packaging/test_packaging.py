"""The extension file and what ships: footer, signature, key, build requirements, sdist and wheel.

Byte layouts are spelt out here once more, on purpose, and not taken from `extension_file`.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import subprocess
import tarfile
import zipfile
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from processes import PROJECT, new_environment, run_python

import duckdb_sketch
from duckdb_sketch import _files
from extension_file import platforms
from extension_file.build import write_extension
from extension_file.compiler import crate_version
from extension_file.footer import footer
from extension_file.signing import digest
from extension_file.toolchain import NoToolchainError

MIB = 1 << 20


def signature_is_valid(extension: bytes, public_key: bytes) -> bool:
    content, signature = extension[:-256], extension[-256:]
    chunks = b"".join(hashlib.sha256(content[at : at + MIB]).digest() for at in range(0, len(content), MIB))
    key = load_pem_public_key(public_key)
    assert isinstance(key, RSAPublicKey)
    try:
        key.verify(signature, hashlib.sha256(chunks).digest(), PKCS1v15(), Prehashed(SHA256()))
    except InvalidSignature:
        return False
    return True


# The extension file


def test_footer_bytes() -> None:
    written = footer(extension_version="0.1.0", platform="linux_amd64")
    assert len(written) == 22 + 8 * 32
    # custom section · LEB128 531 bytes · LEB128 16 bytes of name · LEB128 512 bytes of content
    assert written[:22] == b"\x00\x93\x04\x10duckdb_signature\x80\x04"
    fields = [written[at : at + 32].rstrip(b"\0") for at in range(22, len(written), 32)]
    assert fields == [b"", b"", b"", b"C_STRUCT", b"0.1.0", b"v1.2.0", b"linux_amd64", b"4"]


def test_footer_refuses_what_does_not_fit() -> None:
    with pytest.raises(ValueError, match="takes more than the 32 bytes"):
        footer(extension_version="1" * 33, platform="linux_amd64")


@pytest.mark.native
def test_the_built_extension_ends_in_its_footer() -> None:
    expected = footer(extension_version=duckdb_sketch.__version__, platform=platforms.duckdb_platform())
    assert _files.EXTENSION.read_bytes()[:-256].endswith(expected)


@pytest.mark.native
def test_the_built_extension_is_signed_with_the_shipped_key() -> None:
    assert signature_is_valid(_files.EXTENSION.read_bytes(), _files.PUBLIC_KEY.read_bytes())


@pytest.mark.native
def test_the_private_key_is_nowhere() -> None:
    assert b"PRIVATE" not in _files.PUBLIC_KEY.read_bytes()
    assert b"PRIVATE KEY" not in _files.EXTENSION.read_bytes()


@pytest.mark.parametrize("size", [0, 1, MIB - 278, MIB - 277, MIB, 3 * MIB + 5])
def test_signature_of_every_number_of_chunks(tmp_path: Path, size: int) -> None:
    extension = write_extension(tmp_path, b"x" * size, "0.1.0", "linux_amd64").read_bytes()
    public_key = (tmp_path / "duckdb_sketch.pem").read_bytes()
    assert signature_is_valid(extension, public_key)
    changed = bytes([extension[0] ^ 1]) + extension[1:]
    assert not signature_is_valid(changed, public_key)


def test_digest_of_two_chunks() -> None:
    chunks = [b"a" * MIB, b"b"]
    assert digest(b"".join(chunks)) == hashlib.sha256(b"".join(hashlib.sha256(c).digest() for c in chunks)).digest()


def test_every_build_has_a_key_of_its_own(tmp_path: Path) -> None:
    keys = set()
    for _ in range(2):
        write_extension(tmp_path, b"library", "0.1.0", "linux_amd64")
        keys.add((tmp_path / "duckdb_sketch.pem").read_bytes())
    assert len(keys) == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["duckdb_sketch.duckdb_extension", "duckdb_sketch.pem"]


# The build


def test_one_version() -> None:
    assert crate_version(PROJECT / "extension") == duckdb_sketch.__version__
    assert importlib.metadata.version("duckdb-sketch") == duckdb_sketch.__version__


@pytest.mark.parametrize(
    ("system", "machine", "libc", "expected"),
    [
        ("Linux", "x86_64", "glibc", "linux_amd64"),
        ("Linux", "aarch64", "glibc", "linux_arm64"),
        ("Linux", "x86_64", "", "linux_amd64_musl"),
        ("Darwin", "arm64", "", "osx_arm64"),
        ("Darwin", "x86_64", "", "osx_amd64"),
        ("Windows", "AMD64", "", "windows_amd64"),
        ("Windows", "ARM64", "", "windows_arm64"),
    ],
)
def test_duckdb_platform(monkeypatch: pytest.MonkeyPatch, system: str, machine: str, libc: str, expected: str) -> None:
    monkeypatch.setattr("platform.system", lambda: system)
    monkeypatch.setattr("platform.machine", lambda: machine)
    monkeypatch.setattr("platform.libc_ver", lambda: (libc, ""))
    assert platforms.duckdb_platform() == expected


def test_duckdb_platform_of_an_unknown_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.machine", lambda: "vax")
    with pytest.raises(NoToolchainError, match="vax"):
        platforms.duckdb_platform()


def test_the_working_copy_has_its_sql() -> None:
    assert _files.sql_folder() == PROJECT / "sql"


# What ships


@pytest.fixture(scope="module")
def sdist(distributions: Path) -> list[str]:
    (path,) = distributions.glob("*.tar.gz")
    with tarfile.open(path) as archive:
        return [name.split("/", 1)[1] for name in archive.getnames()]


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [
        "LICENSE",
        "NOTICE",
        "README.md",
        "docs/STORAGE.md",
        "duckdb_sketch/py.typed",
        "extension/Cargo.lock",
        "extension/Cargo.toml",
        "extension/src/lib.rs",
        "extension_file/footer.py",
        "hatch_build.py",
    ],
)
def test_sdist_holds(sdist: list[str], name: str) -> None:
    assert name in sdist


@pytest.mark.slow
def test_sdist_holds_nothing_that_was_built(sdist: list[str]) -> None:
    assert not [name for name in sdist if name.startswith("extension/target") or name.endswith((".pem", "_extension"))]


@pytest.mark.native
@pytest.mark.slow
def test_wheel_contents(wheel: Path) -> None:
    assert wheel.name == f"duckdb_sketch-{duckdb_sketch.__version__}-py3-none-{platforms.wheel_platform()}.whl"
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        extension = archive.read("duckdb_sketch/duckdb_sketch.duckdb_extension")
        assert signature_is_valid(extension, archive.read("duckdb_sketch/duckdb_sketch.pem"))
        assert b"Root-Is-Purelib: false" in archive.read(next(name for name in names if name.endswith("/WHEEL")))
    assert "duckdb_sketch/py.typed" in names
    assert {f"duckdb_sketch/sql/{path.name}" for path in (PROJECT / "sql").glob("*.sql")} <= set(names)
    assert {name.split("/")[0] for name in names} == {
        "duckdb_sketch",
        f"duckdb_sketch-{duckdb_sketch.__version__}.dist-info",
    }
    assert not [name for name in names if name.endswith((".so", ".rs", ".toml", ".pyc"))]


@pytest.mark.native
@pytest.mark.slow
def test_the_same_source_gives_the_same_bytes_before_signing(wheel: Path) -> None:
    """The wheel's was built from the sdist, in another folder than the working copy's."""
    with zipfile.ZipFile(wheel) as archive:
        in_wheel = archive.read("duckdb_sketch/duckdb_sketch.duckdb_extension")
    in_working_copy = _files.EXTENSION.read_bytes()
    assert in_wheel[:-256] == in_working_copy[:-256]
    assert in_wheel[-256:] != in_working_copy[-256:]


@pytest.mark.native
@pytest.mark.slow
def test_wheel_in_a_new_environment(wheel: Path, tmp_path: Path) -> None:
    python = new_environment(tmp_path / "venv", str(wheel))
    code = (
        "import duckdb_sketch as s; from duckdb_sketch import _files; "
        "print(s.connect().execute('SELECT duckdb_sketch_version()').fetchone()[0], _files.sql_folder().is_dir())"
    )
    assert run_python(code, python=python, path=tmp_path) == f"{duckdb_sketch.__version__} True"
    command = subprocess.run([python.with_name("duckdb-sketch"), "version"], capture_output=True, text=True, check=True)
    assert command.stdout.startswith(f"duckdb_sketch {duckdb_sketch.__version__}, DuckDB ")
