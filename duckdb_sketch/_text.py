"""Numbers and lists as people read them."""

from collections.abc import Sequence

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


def counted(count: int, noun: str, nouns: str | None = None) -> str:
    """A number of things: `1 file`, `2,000 files`, `0 batches` with the plural said."""
    return f"{count:,} {noun if count == 1 else nouns or noun + 's'}"


def number_text(value: float) -> str:
    """`value` in about three digits: `0.0378`, `87.7`, `1,301`."""
    size = abs(value)
    if size < 1 or size >= 1e9:
        return f"{value:.3g}"
    text = f"{value:,.{max(0, 3 - len(f'{size:.0f}'))}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def percent_text(fraction: float) -> str:
    """A fraction in percent: `95 %`, `99.9 %`, `0.5 %`, `< 0.01 %`."""
    if 0 < fraction < 0.0001:
        return "< 0.01 %"
    return f"{100 * fraction:.4g} %" if fraction >= 0.01 else f"{100 * fraction:.2g} %"


def listed(names: Sequence[str]) -> str:
    """The first three of some names, and how many more there are."""
    return "; ".join(names[:3]) + (f" and {len(names) - 3:,} more" if names[3:] else "")


def first_line(error: Exception) -> str:
    """What an error says, without the candidates, hints or stack that DuckDB adds in further lines."""
    return str(error).partition("\n")[0].rstrip()
