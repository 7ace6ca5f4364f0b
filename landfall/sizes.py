"""Writes a number of bytes for people."""

_KIBI = 1024
_UNITS = ("B", "KiB", "MiB", "GiB", "TiB")


def size(count: int) -> str:
    """Bytes in the unit that leaves few digits: 512 B, 1.4 KiB, 3.0 GiB."""
    amount, units = float(count), iter(_UNITS)
    unit = next(units)
    while amount >= _KIBI and unit != _UNITS[-1]:
        amount, unit = amount / _KIBI, next(units)
    return f"{count} B" if unit == "B" else f"{amount:.1f} {unit}"
