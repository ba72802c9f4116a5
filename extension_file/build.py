"""From the Rust crate to the two files that ship: the signed extension and the key that it is signed with."""

import os
from pathlib import Path

from extension_file.compiler import compile_library, crate_version
from extension_file.footer import footer
from extension_file.target import Target, chosen_target

EXTENSION = "duckdb_sketch.duckdb_extension"
PUBLIC_KEY = "duckdb_sketch.pem"


def build_extension(project: Path, target: Target | None = None) -> Path:
    """Compile, sign, and put both files into the Python package.

    Args:
        project: The working copy.
        target: What it is for; this machine by default.

    Returns:
        The path of the extension.

    Raises:
        NoToolchainError: If nothing here can compile it; the package works without, more slowly.
        subprocess.CalledProcessError: If the compiler fails; it has said why on stderr.
    """
    crate = project / "extension"
    target = target or chosen_target()
    library = compile_library(crate, target).read_bytes()
    return write_extension(project / "duckdb_sketch", library, crate_version(crate), target.duckdb)


def write_extension(folder: Path, library: bytes, version: str, platform: str) -> Path:
    """Sign `library` as a DuckDB extension and write it and its public key into `folder`."""
    from extension_file.signing import sign_once  # cryptography, which a build without the extension does not need

    content = library + footer(extension_version=version, platform=platform)
    signature, public_key = sign_once(content)
    _replace(folder / PUBLIC_KEY, public_key)
    return _replace(folder / EXTENSION, content + signature)


def _replace(path: Path, content: bytes) -> Path:
    # A process may have the old file mapped: overwriting it in place would crash that process.
    scratch = path.with_name(f"{path.name}.{os.getpid()}")
    scratch.write_bytes(content)
    os.replace(scratch, path)
    return path
