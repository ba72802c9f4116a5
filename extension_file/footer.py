"""The last bytes of a `.duckdb_extension` file, which DuckDB reads before it loads the library.

    library │ section header, 22 bytes │ eight fields of 32 bytes │ signature, 256 bytes

The header makes the footer a custom section of WebAssembly, so that one layout serves every platform.
"""

FIELD_BYTES = 32
SIGNATURE_BYTES = 256
SECTION_NAME = b"duckdb_signature"

FOOTER_FORMAT = "4"
ABI_TYPE = "C_STRUCT"  # the stable C extension API: one file for every DuckDB from C_API_VERSION on
C_API_VERSION = "v1.2.0"


def footer(*, extension_version: str, platform: str) -> bytes:
    """Everything of the footer but the signature.

    Args:
        extension_version: The version that `duckdb_extensions()` reports.
        platform: DuckDB's name of the platform, such as `linux_amd64`.

    Raises:
        ValueError: If a text does not fit its field.
    """
    fields = ["", "", "", ABI_TYPE, extension_version, C_API_VERSION, platform, FOOTER_FORMAT]
    return _section_header() + b"".join(_field(text) for text in fields)


def _section_header() -> bytes:
    content = 8 * FIELD_BYTES + SIGNATURE_BYTES
    payload = bytes([len(SECTION_NAME)]) + SECTION_NAME + _leb128(content)
    custom_section = b"\x00"
    return custom_section + _leb128(len(payload) + content) + payload


def _leb128(number: int) -> bytes:
    """`number` as WebAssembly writes lengths: seven bits a byte, the low ones first."""
    encoded = bytearray()
    while number > 0x7F:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    encoded.append(number)
    return bytes(encoded)


def _field(text: str) -> bytes:
    encoded = text.encode("ascii")
    if len(encoded) > FIELD_BYTES:
        raise ValueError(f"{text!r} takes more than the {FIELD_BYTES} bytes of a footer field")
    return encoded.ljust(FIELD_BYTES, b"\0")
