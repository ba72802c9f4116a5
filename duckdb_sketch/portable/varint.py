"""Unsigned LEB128 of at most 64 bits, in its shortest form."""


def encode_varint(value: int) -> bytes:
    """Return the bytes of a number below 2^64."""
    encoded = bytearray()
    while value >= 0x80:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


def decode_varint(blob: bytes, at: int) -> tuple[int, int] | None:
    """Return the number whose bytes start at `at`, and where they end; None if they are cut off, padded or too many."""
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(blob):
            return None
        byte = blob[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            is_shortest = byte != 0 or shift == 0
            return (value, at) if is_shortest and value < 1 << 64 else None
    return None
