"""Values that JSON can say."""

import math
from collections.abc import Mapping


def finite(content: object) -> object:
    """Put null in the place of what is not finite, which JSON cannot say."""
    if isinstance(content, Mapping):
        return {key: finite(value) for key, value in content.items()}
    if isinstance(content, list | tuple):
        return [finite(value) for value in content]
    if isinstance(content, float) and not math.isfinite(content):
        return None
    return content
