"""A label image as a function of position: which tissue is where, and how far off.

The indicator of each label is smoothed by a Gaussian of 0.6 voxels and interpolated
trilinearly; the label at a point is that of the largest. So narrow a kernel rounds the
stairs of the voxels and keeps a sheet of one voxel.

Positions are in the frame of the image: voxel index times voxel size, in whatever unit
the voxel size has. Labels are counted from 0 in the order of `values`.
"""

import numpy as np
from jaxtyping import Bool, Float, Int, UInt8
from numpy import ndarray
from scipy import ndimage


_SMOOTHING = 0.6  # [voxel]
_RADIUS = 2  # Where the kernel is cut. [voxel]
_MARGIN = 4  # Of air around the head. [voxel]
_REACH = 8  # Largest distance that differs from farther ones. [voxel]
_MANY = 255  # Code of a cell in which more than two labels compete.
_AT_ONCE = 1 << 18  # Points, so that temporary arrays stay small.


class LabelField:
    """Labels and distances at any position of a label image.

    Attributes:
        values: The labels of the image in the order that this field counts them; the
            first is 0, air.
        present: Whether each label is left at any voxel after smoothing: specks and
            threads of single voxels are not.
        volumes: What each label takes up in the image; of air, 0.
        lower, upper: Corners of a box around all that is not air.
        voxel: The size of a voxel.
    """

    values: Int[ndarray, "label"]
    present: Bool[ndarray, "label"]
    volumes: Float[ndarray, "label"]
    lower: Float[ndarray, "3"]
    upper: Float[ndarray, "3"]
    voxel: Float[ndarray, "3"]

    def __init__(self, labels: Int[ndarray, "i j k"], voxel: Float[ndarray, "3"]):
        """Smooth the indicators and measure the distances.

        Args:
            labels: The label image, 0 for air, at least one voxel of something else.
            voxel: The size of a voxel along each axis.
        """
        filled = [np.flatnonzero(labels.any(axis=axes)) for axes in _OTHER_AXES]
        low = np.array([f[0] for f in filled])
        high = np.array([f[-1] + 1 for f in filled])
        box = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
        self.values = np.union1d([0], np.unique(labels[box]))
        index = np.searchsorted(self.values, labels[box]).astype(np.uint8)
        counts = np.bincount(index.ravel(), minlength=len(self.values))
        counts[0] = 0
        self.volumes = counts * float(np.prod(voxel))
        index = np.pad(index, _MARGIN)
        self.voxel = np.asarray(voxel, dtype=np.float64)
        self.lower, self.upper = (low - 0.5) * self.voxel, (high - 0.5) * self.voxel
        self._first = (low - _MARGIN) * self.voxel
        self._shape = np.array(index.shape)
        winner, indicators = _smooth(index, len(self.values))
        self.present = np.bincount(winner.ravel(), minlength=len(self.values)) > 0
        self._cells = _Cells(winner, indicators)
        self._distances = _distances(index, len(self.values), self.voxel)

    def labels(self, points: Float[ndarray, "point 3"]) -> UInt8[ndarray, "point"]:
        """The label at each point, as its place in `values`; air outside the image."""
        result = np.empty(len(points), dtype=np.uint8)
        for start in range(0, len(points), _AT_ONCE):
            part = slice(start, start + _AT_ONCE)
            cell, fraction = self._locate(points[part])
            result[part] = self._cells.labels(cell, fraction)
        return result

    def distances(
        self, points: Float[ndarray, "point 3"]
    ) -> Float[ndarray, "point label"]:
        """How far each point is from each label, 0 in it, up to eight voxels.

        Between the centres of voxels, so half a voxel more than to the label's surface.
        """
        step = _REACH * self.voxel.max() / 255
        result = np.empty((len(points), len(self.values)), dtype=np.float32)
        for start in range(0, len(points), _AT_ONCE):
            part = slice(start, start + _AT_ONCE)
            cell, fraction = self._locate(points[part])
            result[part] = self._distance(cell, fraction)
        result *= step
        return result

    def _locate(self, points: ndarray) -> tuple[ndarray, ndarray]:
        place = (points - self._first) / self.voxel
        np.clip(place, 0, self._shape - 1.001, out=place)
        corner = place.astype(np.int32)
        cell = (corner[:, 0] * self._shape[1] + corner[:, 1]) * self._shape[2]
        return cell + corner[:, 2], (place - corner).astype(np.float32)

    def _distance(self, cell: ndarray, fraction: ndarray) -> ndarray:
        total = np.zeros((len(cell), len(self.values)), dtype=np.float32)
        along = (1 - fraction, fraction)
        for i, j, k in _CORNERS:
            weight = along[i][:, 0] * along[j][:, 1] * along[k][:, 2]
            corner = cell + ((i * self._shape[1] + j) * self._shape[2] + k)
            total += self._distances[corner] * weight[:, None]
        return total


_OTHER_AXES = ((1, 2), (0, 2), (0, 1))


def _smooth(index: ndarray, count: int) -> tuple[ndarray, ndarray]:
    """Smooth the indicator of each label.

    Returns:
        The label of the largest indicator at each voxel, and all indicators, (label, i,
        j, k).
    """
    every = np.empty((count, *index.shape), np.float16)
    winner, largest = np.zeros(index.shape, np.uint8), np.zeros(index.shape, np.float32)
    for label in range(count):
        indicator = (index == label).astype(np.float32)
        for axis in range(3):
            ndimage.gaussian_filter1d(
                indicator, _SMOOTHING, axis, output=indicator, radius=_RADIUS,
                mode="nearest",
            )  # fmt: skip
        winner[indicator > largest] = label
        np.maximum(largest, indicator, out=largest)
        every[label] = indicator
    return winner, every


class _Cells:
    """The labels inside the cells between eight voxel centres.

    Only labels that win at a corner of a cell compete inside it. Where one does, nothing
    need be computed; where two do, which is nearly everywhere else, the sign of the
    interpolated difference decides.
    """

    def __init__(self, winner: ndarray, indicators: ndarray) -> None:
        self._line, self._layer = winner.shape[2], winner.shape[1] * winner.shape[2]
        self._indicators = indicators.reshape(len(indicators), -1)
        offsets = np.array(
            [i * self._layer + j * self._line + k for i, j, k in _CORNERS]
        )
        self._offsets = offsets
        flat = winner.ravel()
        mixed = np.zeros(winner.shape, bool)
        inner = (slice(None, -1),) * 3
        for i, j, k in _CORNERS[1:]:
            shifted = winner[i : winner.shape[0] - 1 + i, j : winner.shape[1] - 1 + j,
                             k : winner.shape[2] - 1 + k]  # fmt: skip
            mixed[inner] |= shifted != winner[inner]
        cell = np.flatnonzero(mixed)
        corners = flat[cell[:, None] + offsets]
        one, two = corners.min(axis=1), corners.max(axis=1)
        pair = ((corners == one[:, None]) | (corners == two[:, None])).all(axis=1)
        # Codes: a label, or `_MANY`, or a row of the table of pairs above that.
        self._code = flat.astype(np.int32)
        self._code[cell[~pair]] = _MANY
        self._code[cell[pair]] = _MANY + 1 + np.arange(pair.sum(), dtype=np.int32)
        self._one, self._two = one[pair], two[pair]
        place = cell[pair, None] + offsets
        self._excess = np.subtract(
            self._indicators[self._one[:, None], place],
            self._indicators[self._two[:, None], place],
            dtype=np.float32,
        )

    def labels(self, cell: ndarray, fraction: ndarray) -> UInt8[ndarray, "point"]:
        """The label at places given by cell and place in the cell."""
        code = self._code[cell]
        found = code.astype(np.uint8)
        pairs = np.flatnonzero(code > _MANY)
        row = code[pairs] - (_MANY + 1)
        first = _between(self._excess[row], fraction[pairs]) >= 0
        found[pairs] = np.where(first, self._one[row], self._two[row])
        many = np.flatnonzero(code == _MANY)
        if len(many):
            place = cell[many, None] + self._offsets
            value = np.stack([
                _between(indicator[place].astype(np.float32), fraction[many])
                for indicator in self._indicators
            ])  # fmt: skip
            found[many] = value.argmax(axis=0)
        return found


_CORNERS = [(i, j, k) for i in (0, 1) for j in (0, 1) for k in (0, 1)]


def _between(corners: ndarray, fraction: ndarray) -> ndarray:
    """Interpolate between values at eight corners, (point, corner), in that order."""
    for axis in range(3):
        half = corners.shape[1] // 2
        low, high = corners[:, :half], corners[:, half:]
        corners = low + fraction[:, axis, None] * (high - low)
    return corners[:, 0]


def _distances(index: ndarray, count: int, voxel: ndarray) -> ndarray:
    """Euclidean distance of each voxel from each label, in 255ths of the reach.

    The exact transform by lower envelopes costs seconds per label; here only a narrow
    band matters, so a minimum over a few shifts along each axis in turn serves.
    """
    reach = _REACH * voxel.max()
    unit = 60000 / reach**2
    table = np.empty((index.size, count), dtype=np.uint8)
    for label in range(count):
        square = np.where(index == label, 0, 60000).astype(np.uint16)
        for axis in range(3):
            square = _lower_envelope(square, axis, voxel[axis], unit, reach)
        distance = np.sqrt(square.ravel(), dtype=np.float32)
        distance *= 255 / np.sqrt(np.float32(60000))
        table[:, label] = distance
    return table


def _lower_envelope(
    square: ndarray, axis: int, step: float, unit: float, reach: float
) -> ndarray:
    near = square.copy()
    shifted = np.empty_like(square)
    for shift in range(1, int(reach / step) + 1):
        added = round(unit * (shift * step) ** 2)
        np.minimum(square, max(60000 - added, 0), out=shifted)
        shifted += np.uint16(min(added, 60000))
        ahead = [slice(None)] * 3
        behind = [slice(None)] * 3
        ahead[axis], behind[axis] = slice(shift, None), slice(None, -shift)
        if shift < square.shape[axis]:
            np.minimum(
                near[tuple(ahead)], shifted[tuple(behind)], out=near[tuple(ahead)]
            )
            np.minimum(
                near[tuple(behind)], shifted[tuple(ahead)], out=near[tuple(behind)]
            )
    return near
