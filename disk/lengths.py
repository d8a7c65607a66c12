"""Units of length, by the words that files have for them."""

_MM_PER_UNIT = {
    **dict.fromkeys(("mm", "millimetre", "millimeter"), 1.0),
    **dict.fromkeys(("m", "metre", "meter"), 1e3),
    **dict.fromkeys(("cm", "centimetre", "centimeter"), 10.0),
    **dict.fromkeys(("um", "µm", "μm", "micrometre", "micrometer", "micron"), 1e-3),
    **dict.fromkeys(("in", "inch", "inche"), 25.4),
}


def mm_per_unit(unit: str) -> float | None:
    """Find how many millimetres a unit of length has; None where it is no such unit."""
    word = unit.strip().lower()
    return _MM_PER_UNIT.get(word) or _MM_PER_UNIT.get(word.removesuffix("s"))
