"""Arrays as text that the page's script reads."""

import base64

import numpy as np
from jaxtyping import Float, Shaped
from numpy import ndarray


#: Of numbers in a page: little-endian, as every browser of today has them.
KINDS = ("f8", "f4", "f2", "i2", "i1", "u4")
_MOST = 32_000  # Of a 16-bit number; a little is left for rounding.


def packed(values: Shaped[ndarray, "..."], kind: str) -> dict[str, object]:
    """Write an array as base64 of its little-endian bytes, with its kind and shape."""
    assert kind in KINDS
    data = np.ascontiguousarray(values, dtype=f"<{kind}").tobytes()
    text = base64.b64encode(data).decode("ascii")
    return {"kind": kind, "shape": list(values.shape), "data": text}


def quantised(values: Float[ndarray, "..."], most: float) -> dict[str, object]:
    """Write numbers up to a size as 16-bit ones, with what these are multiplied with.

    Args:
        values: Larger ones are cut off.
        most: The size.
    """
    unit = most / _MOST
    cut = np.rint(np.clip(values, -most, most) / unit)
    return packed(cut, "i2") | {"unit": unit}
