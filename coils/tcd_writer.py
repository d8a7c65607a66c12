"""Writing .tcd files; see `tcd` for the format."""

import base64
import json
import os
import zlib
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
from scipy.spatial import ConvexHull

from ..disk import write_whole
from .coil import AbstractCoil, Casing, Coil, Part
from .dipoles import MagneticDipoles
from .grids import SampledPotential
from .motions import Rotation, Translation
from .stimulators import Stimulator, Waveform
from .tcd import MM
from .wires import StraightSegments


def write_tcd(
    path: str | os.PathLike[str], coil: AbstractCoil, *, packed: bool = True
) -> None:
    """Write a coil as .tcd, at its present settings.

    Dipoles, segments and grids are written as such. Other elements are written as their
    point sources: circular turns as dipoles, filaments of thick wires as short currents.

    Args:
        path: The file, replaced when it exists.
        coil: What to write. The file cannot hold `rates`.
        packed: Whether arrays are compressed rather than legible.

    Raises:
        ValueError: The coil is driven at different rates, or an element has neither
            samples nor sources.
    """
    if not isinstance(coil, Coil):
        coil = Coil((coil,), name=Path(path).stem)
    if coil.rates is not None and not bool((np.asarray(coil.rates) == 1).all()):
        raise ValueError(
            f"{path}: a .tcd cannot hold different rates of its stimulators. Write the "
            "coil without them and give the rates anew after reading."
        )
    content = _Writer(coil, packed).root()
    write_whole(path, json.dumps(content, allow_nan=False))


class _Writer:
    """The lists of a file, to which elements refer by their places."""

    def __init__(self, coil: Coil, packed: bool):
        self.coil, self.packed = coil, packed
        self.models: list[dict] = []
        self.motions: list[dict] = []

    def root(self) -> dict[str, Any]:
        coil = self.coil
        root: dict[str, Any] = {"name": coil.name}
        details = coil.details
        if details.brand:
            root["brand"] = details.brand
        if details.version:
            root["version"] = details.version
        if details.limits is not None:
            root["limits"] = [[low / MM, high / MM] for low, high in details.limits]
        if details.resolution is not None:
            root["resolution"] = [step / MM for step in details.resolution]
        if coil.casing is not None:
            root["coilCasing"] = self.model(
                Casing(coil.casing, coil.casing_triangles, coil.casing_distance_points)
            )
        elements = [each for part in coil.elements for each in self.elements(part)]
        root["coilElementList"] = elements
        root["stimulatorList"] = self.stimulators()
        if self.motions:
            root["deformList"] = self.motions
        if coil.ranges:
            root["deformRangeList"] = self.ranges()
        if self.models:
            root["coilModels"] = self.models
        if details.apart:
            root["selfIntersectionTest"] = [list(group) for group in details.apart]
        return root

    def array(self, values: Any, dtype: str = "<f8") -> str | list:
        array = np.asarray(values)
        if not self.packed:
            return array.tolist()
        raw = np.ascontiguousarray(array, dtype=dtype).tobytes()
        return base64.b64encode(zlib.compress(raw)).decode()

    def model(self, casing: Casing) -> int:
        points = np.asarray(casing.points)
        triangles = casing.triangles
        if triangles is None:
            triangles = ConvexHull(points).simplices
        record = {
            "points": self.array(points / MM),
            "faces": self.array(triangles, "<i8"),
        }
        if casing.distance_points is not None:
            near = np.asarray(casing.distance_points) / MM
            record["minDistancePoints"] = self.array(near)
        self.models.append(record)
        return len(self.models) - 1

    def elements(self, given: AbstractCoil) -> list[dict]:
        part = given if isinstance(given, Part) else Part(given)
        shared: dict[str, Any] = {"name": part.name, "stimulator": part.stimulator}
        if not part.name:
            del shared["name"]
        if part.casing is not None:
            shared["elementCasing"] = self.model(part.casing)
        if part.motions:
            shared["deformations"] = [self.motion(each) for each in part.motions]
        return [shared | field for field in self.fields(part.element)]

    def fields(self, element: AbstractCoil) -> list[dict]:
        if isinstance(element, MagneticDipoles):
            return [self.rows(1, element.positions, element.moments)]
        if isinstance(element, SampledPotential):
            affine = np.array(element.affine)
            affine[:3] /= MM
            samples = np.asarray(element.samples).tolist()
            return [{"type": 3, "data": samples, "affine": affine.tolist()}]
        if isinstance(element, StraightSegments) and bool(
            jnp.all(element.currents == 1)
        ):
            return [self.rows(2, element.midpoints, element.vectors / MM)]
        sources = element.sources()
        fields = []
        if len(sources.dipole_positions):
            fields.append(
                self.rows(1, sources.dipole_positions, sources.dipole_moments)
            )
        if len(sources.current_positions):
            vectors = sources.current_vectors / MM
            fields.append(self.rows(2, sources.current_positions, vectors))
        return fields

    def rows(self, kind: int, points: Any, values: Any) -> dict:
        places = np.asarray(points) / MM
        return {
            "type": kind,
            "points": self.array(places),
            "values": self.array(values),
        }

    def motion(self, motion: Any) -> int:
        record: dict[str, Any] = {"deformRange": motion.setting}
        if isinstance(motion, Translation):
            direction = np.asarray(motion.direction).tolist()
            if sorted(direction) != [0.0, 0.0, 1.0]:
                raise ValueError(
                    "a .tcd holds shifts along x, y or z only, got the direction "
                    f"{direction}."
                )
            record["type"] = "xyz"[direction.index(1.0)]
        elif isinstance(motion, Rotation):
            # Two points far apart fix the axis to the last digits.
            first = np.asarray(motion.point) / MM
            record |= {
                "type": "rot2p",
                "point1": first.tolist(),
                "point2": (first + 100 * np.asarray(motion.axis)).tolist(),
            }
        else:
            raise ValueError(f"a .tcd cannot hold a {type(motion).__name__}.")
        if record not in self.motions:
            self.motions.append(record)
        return self.motions.index(record)

    def ranges(self) -> list[dict]:
        turning = {
            motion.setting
            for part in self.coil.elements
            if isinstance(part, Part)
            for motion in part.motions
            if isinstance(motion, Rotation)
        }
        settings = self.coil.settings
        assert settings is not None
        records = []
        for index, each in enumerate(self.coil.ranges):
            unit = np.pi / 180 if index in turning else MM
            low, high = each.lowest / unit, each.highest / unit
            initial = float(np.clip(float(settings[index]) / unit, low, high))
            records.append({"initial": initial, "range": [low, high]})
        return records

    def stimulators(self) -> list[dict]:
        known = self.coil.stimulators or tuple(
            Stimulator(f"stimulator {n + 1}", "", self.coil.max_current_rate)
            for n in range(self.coil.stimulator_count)
        )
        return [self.stimulator(each) for each in known]

    def stimulator(self, given: Stimulator) -> dict:
        record: dict[str, Any] = {"name": given.name}
        if given.brand:
            record["brand"] = given.brand
        if given.max_current_rate is not None:
            record["maxdIdt"] = given.max_current_rate
        if given.waveforms:
            record["waveformList"] = [self.waveform(each) for each in given.waveforms]
        return record

    def waveform(self, given: Waveform) -> dict:
        record: dict[str, Any] = {
            "name": given.name,
            "time": self.array(given.time),
            "signal": self.array(given.signal),
        }
        if given.fit is not None:
            record["fit"] = self.array(given.fit)
        return record
