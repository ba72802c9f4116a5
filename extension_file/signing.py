"""The signature at the end of a `.duckdb_extension` file.

Each build has a key of its own. Its private half lives in memory for as long as it takes to sign one file,
so nobody, ourselves included, can ever sign a second one that a user's DuckDB would trust.
"""

import hashlib

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

CHUNK_BYTES = 1024 * 1024
KEY_BITS = 2048  # DuckDB leaves room for a signature of 256 bytes


def digest(content: bytes) -> bytes:
    """What DuckDB compares with the signature: the SHA-256 of the SHA-256 of each MiB."""
    starts = range(0, len(content), CHUNK_BYTES)
    chunks = [hashlib.sha256(content[start : start + CHUNK_BYTES]).digest() for start in starts]
    return hashlib.sha256(b"".join(chunks)).digest()


def sign_once(content: bytes) -> tuple[bytes, bytes]:
    """Sign `content` with a new key that is forgotten at once.

    Returns:
        The signature, and the public key as PEM.
    """
    key = generate_private_key(public_exponent=65537, key_size=KEY_BITS)
    signature = key.sign(digest(content), PKCS1v15(), Prehashed(SHA256()))
    public_key = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return signature, public_key
