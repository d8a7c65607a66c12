"""Nodes and elements of a .msh file, formats 2.2 and 4.1, text and binary.

A file may hold its elements in any number of blocks. Within a block all numbers are
taken at once; no loop runs over elements.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int
from numpy import ndarray

from .sections import MshSource, TextNumbers


TRIANGLE, TETRAHEDRON = 2, 4
CORNERS = {1: 2, TRIANGLE: 3, 3: 4, TETRAHEDRON: 4, 15: 1}
_REFUSED = {
    5: "hexahedra",
    6: "prisms",
    7: "pyramids",
    8: "lines of second order",
    9: "triangles of second order",
    11: "tetrahedra of second order",
}


class NumberedPoints(NamedTuple):
    """Points with the numbers that the file gives them."""

    numbers: Int[ndarray, "point"]
    positions: Float[ndarray, "point 3"]  # [mm]


class Block(NamedTuple):
    """Elements of one kind."""

    kind: int
    numbers: Int[ndarray, "element"]
    tags: Int[ndarray, "element"]
    grouped: Bool[ndarray, "element"]  # Whether the tag is a physical group's.
    corners: Int[ndarray, "element corner"]  # Numbers of points.


@dataclass(frozen=True)
class Entities:
    """The physical groups of each entity of a 4.1 file, by dimension and number."""

    groups: dict[tuple[int, int], tuple[int, ...]]

    def tag(self, source: MshSource, dimension: int, entity: int) -> tuple[int, bool]:
        """Find the tag of an entity's elements, and whether it is a physical group's.

        It is that of its physical group, and that of the entity itself where it is in
        none, as SimNIBS reads it.
        """
        groups = self.groups.get((dimension, entity), ())
        if dimension == 3 and len(set(groups)) > 1:
            raise ValueError(
                f"{source.path}: volume {entity} is in the physical groups "
                f"{', '.join(map(str, groups))}, but it can be of one tissue only. "
                "Leave it in one group."
            )
        return (abs(groups[0]), True) if groups else (entity, False)


def read_points_2(source: MshSource) -> NumberedPoints:
    """Read $Nodes of format 2.2."""
    if source.binary:
        count = source.count_line()
        rows = source.array(np.dtype([("number", "<i4"), ("at", "<f8", 3)]), count)
        return NumberedPoints(rows["number"], rows["at"])
    values = source.text_numbers("Nodes")
    (count,) = values.sizes(1).tolist()
    rows = values.floats(4 * count).reshape(count, 4)
    values.finish()
    numbers = TextNumbers(source, "Nodes", rows[:, 0]).ints(count)
    return NumberedPoints(numbers, rows[:, 1:])


def read_points_4(source: MshSource) -> NumberedPoints:
    """Read $Nodes of format 4.1."""
    values = source.numbers("Nodes")
    blocks, total, _, _ = values.sizes(4).tolist()
    numbers, positions = [np.empty(0, np.int64)], [np.empty((0, 3))]
    for _ in range(blocks):
        dimension, _, parametric = values.ints(3).tolist()
        (count,) = values.sizes(1).tolist()
        if dimension not in range(4):
            raise source.refusal(f"a block of nodes has the dimension {dimension}")
        numbers.append(values.sizes(count))
        width = 3 + (dimension if parametric else 0)
        positions.append(values.floats(width * count).reshape(count, width)[:, :3])
    values.finish()
    points = NumberedPoints(np.concatenate(numbers), np.concatenate(positions))
    if len(points.numbers) != total:
        raise source.refusal(
            f"$Nodes should hold {total} nodes, but its blocks have "
            f"{len(points.numbers)}"
        )
    return points


def read_entities(source: MshSource) -> Entities:
    """Read $Entities of format 4.1."""
    values = source.numbers("Entities")
    groups = {}
    for dimension, count in enumerate(values.sizes(4).tolist()):
        for _ in range(count):
            (number,) = values.ints(1).tolist()
            values.floats(6 if dimension else 3)  # The bounding box.
            (physical,) = values.sizes(1).tolist()
            groups[dimension, number] = tuple(values.ints(physical).tolist())
            if dimension:
                (bounding,) = values.sizes(1).tolist()
                values.ints(bounding)
    values.finish()
    return Entities(groups)


def read_blocks_4(source: MshSource, entities: Entities) -> list[Block]:
    """Read $Elements of format 4.1."""
    values = source.numbers("Elements", whole=True)
    blocks, total, _, _ = values.sizes(4).tolist()
    found: list[Block] = []
    for _ in range(blocks):
        dimension, entity, kind = values.ints(3).tolist()
        (count,) = values.sizes(1).tolist()
        width = 1 + _corners_of(source, kind)
        rows = values.sizes(width * count).reshape(count, width)
        if kind in (TRIANGLE, TETRAHEDRON):
            tag, group = (
                entities.tag(source, dimension, entity) if count else (0, False)
            )
            tags, grouped = np.full(count, tag, np.int64), np.full(count, group)
            found.append(Block(kind, rows[:, 0], tags, grouped, rows[:, 1:]))
        total -= count
    values.finish()
    if total:
        raise source.refusal(
            f"$Elements should hold {abs(total)} elements "
            f"{'more' if total > 0 else 'fewer'} than its blocks have"
        )
    return found


def read_blocks_2(source: MshSource) -> list[Block]:
    """Read $Elements of format 2.2."""
    if source.binary:
        blocks = list(_binary_blocks_2(source, source.count_line()))
    else:
        values = source.text_numbers("Elements", whole=True)
        blocks = list(_text_blocks_2(source, values))
    return [block for block in blocks if block.kind in (TRIANGLE, TETRAHEDRON)]


def _binary_blocks_2(source: MshSource, total: int) -> Iterator[Block]:
    while total > 0:
        kind, count, tags = source.array("<i4", 3).tolist()
        width = 1 + _tags_of(source, tags) + _corners_of(source, kind)
        if not 0 < count <= total:
            raise source.refusal(
                f"a block has {count} elements where {total} are to follow"
            )
        if count > 1:
            rows = source.array("<i4", count * width).reshape(count, width)
        else:
            # Some programs give each element a block of its own: take those at once
            # that have the same head.
            first, head = source.array("<i4", width), [kind, 1, tags]
            more = _rows_alike(source.rest("<i4"), 3 + width, total - 1, 0, head)
            others = source.array("<i4", more * (3 + width)).reshape(more, 3 + width)
            rows = np.vstack([first[None], others[:, 3:]])
        total -= len(rows)
        yield _block_2(kind, tags, rows[:, 0], rows[:, 1:])


def _text_blocks_2(source: MshSource, values: TextNumbers) -> Iterator[Block]:
    (total,) = values.sizes(1).tolist()
    row, at = values.rest(), 0
    while total > 0:
        if at + 3 > len(row):
            raise source.refusal(f"$Elements ends where {total} elements should follow")
        kind, tags = row[at + 1 : at + 3].tolist()
        width = 3 + _tags_of(source, tags) + _corners_of(source, kind)
        alike = _rows_alike(row[at:], width, total, 1, [kind, tags])
        if alike == 0:
            raise source.refusal(f"$Elements ends where {total} elements should follow")
        rows = row[at : at + alike * width].reshape(alike, width)
        yield _block_2(kind, tags, rows[:, 0], rows[:, 3:])
        total -= alike
        at += alike * width
    if at != len(row):
        raise source.refusal("$Elements holds more numbers than its count says")


def _rows_alike(
    values: ndarray, width: int, most: int, first: int, head: list[int]
) -> int:
    """Count the whole rows at the front that have `head` from column `first` on."""
    most = min(most, len(values) // width)
    known, window = 0, 64
    while known < most:
        count = min(window, most - known)
        rows = values[known * width : (known + count) * width].reshape(count, width)
        alike = (rows[:, first : first + len(head)] == head).all(axis=1)
        if not alike.all():
            return known + int(np.argmin(alike))
        known += count
        window *= 4
    return known


def _block_2(kind: int, tags: int, numbers: ndarray, rest: ndarray) -> Block:
    corners = rest[:, tags:]
    if tags == 0:
        none = np.zeros(len(numbers), np.int64)
        return Block(kind, numbers, none, none != 0, corners)
    # The first tag is the physical group, 0 for none; the second is the entity.
    physical, entity = rest[:, 0], rest[:, min(1, tags - 1)]
    grouped = physical != 0
    return Block(kind, numbers, np.where(grouped, physical, entity), grouped, corners)


def _corners_of(source: MshSource, kind: int) -> int:
    if kind in CORNERS:
        return CORNERS[kind]
    if not 0 < kind < 141:
        raise source.refusal(f"$Elements has elements of the type {kind}")
    what = _REFUSED.get(kind, f"elements of the type {kind}")
    raise ValueError(
        f"{source.path}: the mesh has {what}; a head consists of tetrahedra with four "
        "nodes. Mesh it anew with elements of first order (Mesh.ElementOrder = 1)."
    )


def _tags_of(source: MshSource, count: int) -> int:
    if not 0 <= count < 1000:
        raise source.refusal(f"$Elements has an element with {count} tags")
    return count
