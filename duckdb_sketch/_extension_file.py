"""The file of the native extension: whether it is there, whole, and for this platform.

DuckDB checks the signature of what it loads from a repository, and of nothing that it loads unsigned; a damaged library
could end the process. So the signature is checked here, once, in a few milliseconds.
"""

from __future__ import annotations

import base64
import hashlib
from functools import lru_cache
from pathlib import Path

SIGNATURE_BYTES = 256
_FOOTER_BYTES = 8 * 32
_PLATFORM = 6  # of the eight fields
_CHUNK_BYTES = 1 << 20
_EXPONENT = 65537
# A SubjectPublicKeyInfo of RSA with 2048 bits has its modulus in one place.
_MODULUS = slice(33, 33 + 256)
_KEY_BYTES = 294
_SHA256 = bytes.fromhex("3031300d060960864801650304020105000420")  # the DigestInfo before a SHA-256
_REINSTALL = "install the package again: pip install --force-reinstall --no-deps, and its wheel or source folder"
_BUILD = "install Rust (https://rustup.rs; on Debian 13: apt install cargo) and then the package again"


def defect(extension: Path, key: Path, platform: str) -> str | None:
    """Why a DuckDB of `platform` cannot load the file, with what to do about it; None if it can.

    Args:
        extension: The signed file.
        key: The public key that was shipped with it, as PEM.
        platform: DuckDB's name of its platform, such as `linux_amd64`.
    """
    try:
        status = extension.stat()
    except OSError:
        return f"this package was built without its native extension: {_BUILD}"
    built_for = _built_for(extension, key, status.st_mtime_ns, status.st_size)
    if built_for is None:
        return f"{extension} is damaged: {_REINSTALL}"
    if built_for != platform:
        return f"the native extension was built for {built_for}, and this DuckDB is for {platform}: {_REINSTALL}"
    return None


@lru_cache(maxsize=8)
def _built_for(extension: Path, key: Path, changed: int, size: int) -> str | None:
    """The platform in the footer of a file that its key has signed; None if it has not, or is cut off."""
    try:
        content = extension.read_bytes()
        modulus = _modulus(key.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None
    signature, signed = content[-SIGNATURE_BYTES:], content[:-SIGNATURE_BYTES]
    if len(signed) < _FOOTER_BYTES or not _has_signed(modulus, signature, _digest(signed)):
        return None
    field = signed[-_FOOTER_BYTES:][_PLATFORM * 32 : (_PLATFORM + 1) * 32]
    return field.rstrip(b"\0").decode("ascii", "replace")


def _digest(content: bytes) -> bytes:
    """What DuckDB compares with the signature: the SHA-256 of the SHA-256 of each MiB."""
    view = memoryview(content)
    chunks = (hashlib.sha256(view[at : at + _CHUNK_BYTES]).digest() for at in range(0, len(content), _CHUNK_BYTES))
    return hashlib.sha256(b"".join(chunks)).digest()


def _modulus(pem: str) -> int:
    body = "".join(line for line in pem.splitlines() if not line.startswith("-----"))
    key = base64.b64decode(body, validate=True)
    if len(key) != _KEY_BYTES:
        raise ValueError("not a public RSA key of 2048 bits")
    return int.from_bytes(key[_MODULUS], "big")


def _has_signed(modulus: int, signature: bytes, digest: bytes) -> bool:
    """Whether a signature of PKCS #1 v1.5 is of `digest`."""
    opened = pow(int.from_bytes(signature, "big"), _EXPONENT, modulus).to_bytes(SIGNATURE_BYTES, "big")
    padding = b"\xff" * (SIGNATURE_BYTES - 3 - len(_SHA256) - len(digest))
    return opened == b"\0\1" + padding + b"\0" + _SHA256 + digest
