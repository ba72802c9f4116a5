"""The build hook with and without Rust: what it finds, what it fetches, and what it does without."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from processes import OUTSIDE, PROJECT

from extension_file import toolchain
from extension_file.toolchain import NoToolchainError, build_requirements, find_toolchain, least_rust

CRATE = PROJECT / "extension"
SIGNING = "cryptography>=42"


def command(folder: Path, name: str, script: str) -> None:
    """A program of that name that is a shell script."""
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder of PATH, with a linker; nobody answers for rustup."""
    folder = tmp_path / "bin"
    folder.mkdir()
    command(folder, "cc", "exit 0")
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setenv("RUSTUP_UPDATE_ROOT", "http://127.0.0.1:9/rustup")
    return folder


def test_cargo_that_is_new_enough(path: Path) -> None:
    major, minor = least_rust(CRATE)
    command(path, "cargo", f"echo cargo {major}.{minor}.0")
    assert find_toolchain(CRATE)["PATH"] == str(path)
    assert build_requirements(CRATE) == [SIGNING]


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("echo cargo 1.63.0", r"cargo is cargo 1\.63, older than 1\.85"),
        ("echo no default toolchain is configured >&2; exit 1", "does not run: no default toolchain is configured"),
        ("exit 1", "does not run: it said nothing"),
    ],
)
def test_cargo_that_cannot_compile_the_crate(path: Path, script: str, said: str) -> None:
    command(path, "cargo", script)
    with pytest.raises(NoToolchainError, match=said):
        find_toolchain(CRATE)
    assert build_requirements(CRATE) == []


def test_no_cargo_and_nobody_who_answers_for_rustup(path: Path) -> None:
    assert build_requirements(CRATE) == []
    with pytest.raises(NoToolchainError, match=r"^there is no cargo$"):
        find_toolchain(CRATE)


def test_no_linker(path: Path) -> None:
    (path / "cc").unlink()
    command(path, "cargo", "echo cargo 1.99.0")
    assert build_requirements(CRATE) == []
    with pytest.raises(NoToolchainError, match="apt install gcc"):
        find_toolchain(CRATE)


def test_a_toolchain_is_asked_for_where_rustup_answers(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with HTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as server:  # which answers that it has nothing
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("RUSTUP_UPDATE_ROOT", f"http://127.0.0.1:{server.server_port}/rustup")
        assert build_requirements(CRATE) == [SIGNING, "puccinialin"]
        server.shutdown()


def test_the_wait_for_rustup_is_bounded(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(toolchain, "_PROBE_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("RUSTUP_UPDATE_ROOT", f"http://127.0.0.1:{silent.getsockname()[1]}/rustup")
        assert build_requirements(CRATE) == []


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("import sys; print('stage 1', file=sys.stderr); sys.exit('no route to rustup')", "no route to rustup$"),
        ("import time; time.sleep(60)", "rustup took more than"),
    ],
)
def test_rustup_that_fails(path: Path, monkeypatch: pytest.MonkeyPatch, script: str, said: str) -> None:
    monkeypatch.setattr(toolchain, "_FETCH", script)
    monkeypatch.setattr(toolchain, "_FETCH_SECONDS", 2)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: name)
    with pytest.raises(NoToolchainError, match=f"^there is no cargo, and .*{said}"):
        find_toolchain(CRATE)


def test_toolchain_that_was_fetched(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(toolchain, "_FETCH", "print('cargo 1.99.0'); print('{\"PATH\": \"/fetched\"}')")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: name)
    assert find_toolchain(CRATE)["PATH"] == "/fetched"


# The wheel


def wheel_without_rust(project: Path, out: Path, path: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Have pip build a wheel where there is no Rust."""
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    return subprocess.run(
        [*pip, "--wheel-dir", out, project],
        env={**OUTSIDE, "PATH": str(path), **environment},
        capture_output=True,
        text=True,
    )


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of what an sdist holds, and an extension that an earlier build left."""
    folder = tmp_path / "project"
    names = ("pyproject.toml", "hatch_build.py", "README.md", "LICENSE", "NOTICE", ".gitignore")
    built = shutil.ignore_patterns("target", "__pycache__", "*.duckdb_extension", "*.pem")
    for name in ("duckdb_sketch", "sql", "extension", "extension_file"):
        shutil.copytree(PROJECT / name, folder / name, ignore=built)
    for name in names:
        shutil.copy(PROJECT / name, folder / name)
    (folder / "duckdb_sketch" / "duckdb_sketch.duckdb_extension").write_bytes(b"of an earlier build")
    return folder


def test_wheel_without_rust_is_for_any_platform(project: Path, path: Path, tmp_path: Path) -> None:
    done = wheel_without_rust(project, tmp_path / "out", path)
    assert done.returncode == 0, done.stderr
    (wheel,) = (tmp_path / "out").iterdir()
    assert wheel.name.endswith("-py3-none-any.whl")
    with zipfile.ZipFile(wheel) as archive:
        assert not [name for name in archive.namelist() if name.endswith((".duckdb_extension", ".pem"))]


def test_native_can_be_required(project: Path, path: Path, tmp_path: Path) -> None:
    done = wheel_without_rust(project, tmp_path / "out", path, DUCKDB_SKETCH_REQUIRE_NATIVE="1")
    assert done.returncode != 0
    assert "The native extension cannot be built: there is no cargo." in done.stderr
    assert "Traceback" not in done.stderr


def test_make_builds_what_it_can(project: Path, path: Path) -> None:
    run = [sys.executable, "-m", "extension_file"]
    environment = {**os.environ, "PATH": str(path)}
    done = subprocess.run(run, cwd=project, env=environment, capture_output=True, text=True)
    assert done.returncode == 0
    assert done.stderr.startswith("The native extension is not built: there is no cargo. ")
    assert len(done.stderr.splitlines()) == 1
    environment["DUCKDB_SKETCH_REQUIRE_NATIVE"] = "1"
    done = subprocess.run(run, cwd=project, env=environment, capture_output=True, text=True)
    assert done.stderr == "The native extension cannot be built: there is no cargo.\n"
    assert done.returncode == 1
