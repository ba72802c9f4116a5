"""What bytes look like that are not what a function reads, for its error."""

from __future__ import annotations

from duckdb_sketch.portable.druid import is_of_druid
from duckdb_sketch.portable.hyper_unique import is_hyper_unique


def hint(blob: bytes) -> str:
    """Return what the bytes are instead, and who reads them, as the end of a sentence; nothing if it is not known."""
    if blob.startswith(b"AH"):
        return "; this is an approximate histogram"
    if blob[1:3] == b"\x01\x07":
        return "; this is an HLL sketch"
    if len(blob) >= 8 and blob[:1] in (b"\x01", b"\x02", b"\x03") and blob[1:3] in (b"\x03\x03", b"\x04\x03"):
        return "; this is a theta sketch: it goes with the theta functions alone"
    if is_hyper_unique(blob):
        return "; this is a hyperUnique of Druid, of another hash: it goes with the hyper_unique functions alone"
    if is_of_druid(blob):
        return "; this is a histogram of Druid: approx_histogram_from_druid makes one of it"
    return ""


def start(blob: bytes, most: int) -> str:
    """Return the first bytes, as an error shows them."""
    return blob[:most].hex(" ") or "nothing"
