"""Numbers as people read them."""

_UNITS = ("B", "kB", "MB", "GB", "TB")


def bytes_text(count: float) -> str:
    """`count` bytes in the unit that leaves one to three digits before the point, as `2.1 MB` (of 1,000,000 B)."""
    size = float(count)
    for unit in _UNITS:
        if size < 999.5 or unit == _UNITS[-1]:
            break
        size /= 1000
    decimals = 0 if (unit == "B" and size == round(size)) or size >= 99.95 else 1
    return f"{size:,.{decimals}f} {unit}"
