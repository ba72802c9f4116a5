"""A file as a slice of a source: its name, what tells whether it changed, and how DuckDB reads it."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from functools import cached_property

from duckdb_sketch.rollup.errors import SourceError
from duckdb_sketch.rollup.sources.objects import find_object, is_served
from duckdb_sketch.rollup.sources.slice import Comparison
from duckdb_sketch.rollup.sources.url import is_url
from duckdb_sketch.rollup.sources.web import is_web

#: The function of DuckDB that reads a file, by what its name ends in.
READERS = {
    "parquet": "read_parquet",
    "csv": "read_csv",
    "tsv": "read_csv",
    "json": "read_json",
    "jsonl": "read_json",
    "ndjson": "read_json",
}
#: What may follow that ending.
COMPRESSIONS = ("gz", "zst")
#: Files of up to this many bytes are hashed when they are counted; a larger one is not read twice.
HASHED_BYTES = 64 << 20

_CHUNK = 1 << 20
_MURMUR = "m"  # what the digests of MurmurHash3 start with; those of BLAKE2 are hexadecimal


@dataclass(frozen=True)
class File:
    """A file as it was when it was looked at.

    Attributes:
        path: Absolute, with symbolic links resolved, so that one file has one name; or a URL.
        size: In bytes.
        modified: In nanoseconds since 1970.
        digest: Of its bytes, as it was counted; the ETag of an object; empty if that is not known.
    """

    path: str
    size: int
    modified: int
    digest: str = ""

    def __hash__(self) -> int:
        return hash(self.path)  # of tens of thousands of files, the other fields take as long again

    @staticmethod
    def at(path: str) -> File:
        """The file or object at `path` as it is now.

        Raises:
            FileNotFoundError: If there is none.
            SourceError: If it is an object that cannot be asked for.
        """
        if is_served(path):
            found = find_object(path)
            if found is None:
                raise FileNotFoundError(path)
            return File(path, found.size, found.modified, found.tag)
        status = os.stat(path)
        return File(path, status.st_size, status.st_mtime_ns)

    @staticmethod
    def counted(path: str, fingerprint: str) -> File:
        """The file of a fingerprint that was recorded."""
        size, modified, *digest = fingerprint.split(":")
        return File(path, int(size), int(modified), "".join(digest))

    @property
    def kind(self) -> str:
        """See `Slice`."""
        return "file"

    @property
    def id(self) -> str:
        """The path."""
        return self.path

    @property
    def fingerprint(self) -> str:
        """Its size, when it was modified, and the digest of its bytes if that is known."""
        return f"{self.size}:{self.modified}:{self.digest}" if self.digest else f"{self.size}:{self.modified}"

    def recorded(self) -> str:
        """The fingerprint for the ledger, with the digest of its bytes. It has just been read, so this is cheap."""
        digest = self._digest()
        return f"{self.size}:{self.modified}:{digest}" if digest else f"{self.size}:{self.modified}"

    def compare(self, fingerprint: str) -> Comparison:
        """Compare it with what was counted, whose fingerprint this is; it is read only if just its time is another."""
        plain = f"{self.size}:{self.modified}"
        if (fingerprint == plain or fingerprint.startswith(f"{plain}:")) and not is_url(self.path):
            return "same"
        known = File.counted(self.path, fingerprint)
        if self.size != known.size:
            return "changed"
        if is_url(self.path) and self.digest and known.digest:  # clocks of stores tick too slowly
            return "same" if self.digest == known.digest else "changed"
        if self.modified == known.modified:
            return "same"
        return "touched" if known.digest and self._digest(known.digest) == known.digest else "changed"

    def _digest(self, like: str = _MURMUR) -> str:
        """The digest of its bytes, by the function that another one was made by; empty if it is not to be read."""
        if self.digest or is_url(self.path) or self.size > HASHED_BYTES:
            return self.digest
        import mmh3  # which most commands do not need

        # BLAKE2, which the first ledgers have, is several times slower. MurmurHash3 does not resist whoever wants two
        # files to look alike; but whoever writes the files decides what is counted anyway.
        is_murmur = like.startswith(_MURMUR)
        digest = mmh3.mmh3_x64_128() if is_murmur else hashlib.blake2b(digest_size=16)
        try:
            with open(self.path, "rb", buffering=0) as stream:
                while chunk := stream.read(_CHUNK):
                    digest.update(chunk)
        except OSError:
            return ""  # `check_unchanged` and `require` say what is wrong with it
        return (_MURMUR if is_murmur else "") + digest.digest().hex()

    @property
    def sql(self) -> None:
        """See `SourceSlice`: how a file is read depends on its columns, and on those of others."""
        return None

    def is_there(self) -> bool:
        """Whether there is a file of this name; of a URL that is not known, and taken to be so."""
        return is_url(self.path) or os.path.exists(self.path)

    def check_unchanged(self) -> None:
        """See that it did not change while it was read.

        Raises:
            SourceError: If it did.
        """
        if is_url(self.path):
            return
        try:
            now = File.at(self.path)
        except FileNotFoundError as error:
            raise SourceError(f"{self.path} disappeared while it was read: none of it was counted") from error
        if (now.size, now.modified) != (self.size, self.modified) and now.compare(self.fingerprint) == "changed":
            raise SourceError(
                f"{self.path} changed while it was read: write files elsewhere, and move them here when they are "
                "complete"
            )

    def require(self) -> None:
        """See that a file that has been counted is still there, as it was.

        Raises:
            SourceError: If it is not.
        """
        if is_url(self.path) and not is_served(self.path):
            return
        try:
            now = File.at(self.path)
        except FileNotFoundError as error:
            raise SourceError(
                f"{self.path} has been counted and no longer exists: restore it to rebuild its buckets"
            ) from error
        if now.compare(self.fingerprint) == "changed":
            raise SourceError(f"{self.path} changed since it was counted: refresh with on_change='rebuild' first")

    @cached_property
    def reader(self) -> str:
        """The name of the DuckDB function that reads it.

        Raises:
            SourceError: If its name does not say.
        """
        path = self.path.partition("?")[0] if is_web(self.path) else self.path
        ending = ending_of(path.rpartition("/")[2])
        if ending not in READERS:
            raise SourceError(
                f"{self.path}: a file's name has to end in .{', .'.join(READERS)}, or these and .gz or .zst"
            )
        return READERS[ending]


def ending_of(name: str) -> str:
    """What a file's name ends in, without what compressed it, in lower case."""
    stem, _, ending = name.lower().rpartition(".")
    return stem.rpartition(".")[2] if ending in COMPRESSIONS else ending
