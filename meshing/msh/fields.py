"""Data sections of a .msh file: fields at nodes and in elements."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray

from .sections import MshSource, TextNumbers


class NumberedValues(NamedTuple):
    """A field with the numbers of the nodes or elements that its values belong to."""

    name: str
    numbers: Int[ndarray, "value"]
    values: Float[ndarray, "value component"]


def read_field(source: MshSource, section: str) -> NumberedValues:
    """Read $NodeData or $ElementData, which are alike in the formats 2.2 and 4.1."""
    names = [source.line().strip('"') for _ in range(source.count_line())]
    for _ in range(source.count_line()):
        source.line()  # Real tags: the time.
    integers = [source.count_line() for _ in range(source.count_line())]
    if not names or len(integers) < 3:
        raise source.refusal(f"${section} lacks a name or its counts")
    _, components, count = integers[:3]
    if components not in (1, 3, 9):
        raise source.refusal(
            f"${section} {names[0]!r} has {components} components rather than 1, 3 or 9"
        )
    if source.binary:
        row = np.dtype([("number", "<i4"), ("value", "<f8", (components,))])
        rows = source.array(row, count)
        return NumberedValues(names[0], rows["number"], rows["value"])
    numbers = source.text_numbers(section)
    rows = numbers.floats(count * (1 + components)).reshape(count, 1 + components)
    numbers.finish()
    owners = TextNumbers(source, section, rows[:, 0]).ints(count)
    return NumberedValues(names[0], owners, rows[:, 1:])


def values_of(
    field: NumberedValues, numbers: Int[ndarray, "item"]
) -> Float[ndarray, "item *component"]:
    """Pick the values of the items with the given numbers; NaN where there are none."""
    result = np.full((len(numbers), field.values.shape[1]), np.nan)
    if len(field.numbers):
        order = np.argsort(field.numbers, kind="stable")
        place = np.searchsorted(field.numbers, numbers, sorter=order)
        source = order[np.minimum(place, len(order) - 1)]
        found = field.numbers[source] == numbers
        result[found] = field.values[source[found]]
    return result[:, 0] if result.shape[1] == 1 else result
