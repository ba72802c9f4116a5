"""Finding a Rust toolchain that can compile the crate, or fetching one within a bounded time."""

from __future__ import annotations

import importlib.util
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from pathlib import Path

REQUIRE_NATIVE = "DUCKDB_SKETCH_REQUIRE_NATIVE"
_PROBE_SECONDS = 10.0
_FETCH_SECONDS = 900.0
_RUSTUP = "https://static.rust-lang.org/rustup"
_FETCH = "import json, sys, puccinialin; print(json.dumps(puccinialin.setup_rust(file=sys.stderr)))"


class NoToolchainError(Exception):
    """There is no toolchain that can compile the crate; the message says why, in one line."""


def native_is_required() -> bool:
    """Whether a build without the native extension is an error rather than a slower package."""
    return os.environ.get(REQUIRE_NATIVE, "") not in ("", "0")


def without_native(error: NoToolchainError) -> str:
    """What is said of a build that goes on without the native extension, in one line."""
    return (
        f"The native extension is not built: {error}. The package works without it, in NumPy and many times slower; "
        f"{REQUIRE_NATIVE}=1 makes this an error."
    )


def build_requirements(crate: Path) -> list[str]:
    """What pip must install before the extension can be built; nothing where it will not be."""
    signing = ["cryptography>=42"]
    if _linker_is_missing():
        return []
    if _defect(os.environ.get("PATH"), crate) is None:
        return signing
    return [*signing, "puccinialin"] if _rustup_answers() else []


def find_toolchain(crate: Path) -> dict[str, str]:
    """The environment in which `cargo` compiles the crate: this one, or that of a toolchain fetched with rustup.

    Raises:
        NoToolchainError: If no toolchain is found and none can be fetched.
    """
    environment = dict(os.environ)
    if _linker_is_missing():
        raise NoToolchainError("there is no linker: install a C compiler (Debian: apt install gcc)")
    defect = _defect(environment.get("PATH"), crate)
    if defect is None:
        return environment
    if importlib.util.find_spec("puccinialin") is None:
        raise NoToolchainError(defect)
    environment.update(_fetched(defect))
    return environment


def least_rust(crate: Path) -> tuple[int, int]:
    """The least version of Rust that compiles the crate, from `Cargo.toml`."""
    manifest = (crate / "Cargo.toml").read_text(encoding="utf-8")
    found = re.search(r'^rust-version = "(\d+)\.(\d+)', manifest, re.MULTILINE)
    if found is None:
        raise ValueError(f"no rust-version in {crate / 'Cargo.toml'}")
    return int(found[1]), int(found[2])


def _defect(path: str | None, crate: Path) -> str | None:
    """Why the `cargo` of `path` cannot compile the crate; None if it can."""
    cargo = shutil.which("cargo", path=path)
    if cargo is None:
        return "there is no cargo"
    try:
        # rustup's stand-in for cargo fails here where no toolchain is installed behind it.
        shown = subprocess.run([cargo, "--version"], capture_output=True, text=True, timeout=60, cwd=crate)
    except (OSError, subprocess.TimeoutExpired):
        return f"{cargo} does not run"
    version = re.match(r"cargo (\d+)\.(\d+)", shown.stdout)
    if shown.returncode or version is None:
        return f"{cargo} does not run: {_last_line(shown.stderr)}"
    least = least_rust(crate)
    if (int(version[1]), int(version[2])) < least:
        return f"{cargo} is {version[0]}, older than {least[0]}.{least[1]}"
    return None


def _linker_is_missing() -> bool:
    if platform.system() == "Windows" or shutil.which("cc"):
        return False
    return not any(re.fullmatch("CARGO_TARGET_.+_LINKER", name) for name in os.environ)


def _rustup_answers() -> bool:
    """Whether the server of rustup can be reached: an answer of any kind, soon."""
    root = os.environ.get("RUSTUP_UPDATE_ROOT") or os.environ.get("RUSTUP_DIST_SERVER") or _RUSTUP
    ended = threading.Event()
    answers: list[bool] = []

    def ask() -> None:
        try:
            urllib.request.urlopen(urllib.request.Request(root, method="HEAD"), timeout=_PROBE_SECONDS / 2).close()
            answers.append(True)
        except urllib.error.HTTPError:
            answers.append(True)
        except (OSError, ValueError):
            pass
        ended.set()

    # In a thread, because the look-up of a name obeys no timeout.
    threading.Thread(target=ask, daemon=True).start()
    ended.wait(_PROBE_SECONDS)
    return bool(answers)


def _fetched(defect: str) -> dict[str, str]:
    """What a toolchain that puccinialin puts into the user's cache needs in the environment."""
    command = [sys.executable, "-c", _FETCH]
    try:
        fetched = subprocess.run(command, capture_output=True, text=True, timeout=_FETCH_SECONDS)
    except subprocess.TimeoutExpired:
        raise NoToolchainError(f"{defect}, and rustup took more than {_FETCH_SECONDS / 60:.0f} minutes") from None
    if fetched.returncode:
        raise NoToolchainError(f"{defect}, and rustup cannot be fetched: {_last_line(fetched.stderr)}")
    environment: dict[str, str] = json.loads(fetched.stdout.strip().splitlines()[-1])
    return environment


def _last_line(text: str) -> str:
    return next(reversed(text.strip().splitlines()), "it said nothing").strip()
