"""Calling cargo."""

import re
import shutil
import subprocess
from pathlib import Path

from extension_file.platforms import OLDEST_MACOS
from extension_file.target import Target
from extension_file.toolchain import find_toolchain
from extension_file.zig import write_linker


def compile_library(crate: Path, target: Target) -> Path:
    """Compile the crate in release mode.

    Returns:
        The path of the shared library.

    Raises:
        NoToolchainError: If there is no Rust that can.
        subprocess.CalledProcessError: If cargo fails; it has said why on stderr.
    """
    folder = crate / "target"
    manifest = crate / "Cargo.toml"
    environment = {"MACOSX_DEPLOYMENT_TARGET": OLDEST_MACOS, **find_toolchain(crate)}
    cargo = shutil.which("cargo", path=environment["PATH"]) or "cargo"
    command = [cargo, "build", "--release", "--locked", "--lib"]
    output = folder
    if target.triple:
        command += ["--target", target.triple]
        output = folder / target.triple
    if target.triple and target.zig:
        name = target.triple.upper().replace("-", "_")
        environment[f"CARGO_TARGET_{name}_LINKER"] = str(write_linker(folder, target.zig))
    subprocess.run(
        [*command, "--manifest-path", str(manifest), "--target-dir", str(folder)],
        env=environment,
        check=True,
    )
    return output / "release" / target.library


def crate_version(crate: Path) -> str:
    """The version in `Cargo.toml`, the one place that it is written down."""
    manifest = (crate / "Cargo.toml").read_text(encoding="utf-8")
    version = re.search(r'^version = "(.+)"$', manifest, re.MULTILINE)
    if version is None:
        raise ValueError(f"no version in {crate / 'Cargo.toml'}")
    return version[1]
