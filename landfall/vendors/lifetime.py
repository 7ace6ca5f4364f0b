"""Reads how long a link or a token lives."""


def lifetime(seconds: object, *, default: float, longest: float) -> float:
    """Seconds as the vendor named them, cut to `longest`; `default` where it named none or nonsense."""
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not seconds > 0:
        return default
    return min(seconds, longest)
