"""Checks against a SimNIBS that is run beside us."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import jax
import numpy as np
from jaxtyping import Float
from numpy import ndarray

from .. import efield, meshing, optimize
from ..coils import AbstractCoil, Pose
from ..meshing import HeadMesh
from .checks import AtLeast, AtMost, Check, Workbench
from .live import Progress, Simnibs, fields_request, search_request, simnibs_field
from .metrics import Comparison, compare, mag, pose_distance, rdm


# SimNIBS evaluates dA/dt by a fast multipole method with a tolerance of 1e-3, so that this
# and not rounding lies between; the committed references were made with 1e-12.
_FIELD = 2e-3
_WORSE = 0.98  # Of SimNIBS' optimum, rated by us; its grid has steps of 5 mm and 30°.


@dataclass(eq=False)
class LiveComparison:
    """One head, coil and poses, or a target, for SimNIBS and for us.

    Attributes:
        simnibs: The installation.
        folder: For SimNIBS' files.
        mesh: File of the head.
        head: As read from it.
        coil_file: That SimNIBS reads.
        coil: As we read it.
        poses: Placements with one leading axis, or None.
        target: Centre to search for, or None. [m]
        radius: Of the target. [m]
        methods: Of SimNIBS' search.
        current_rate: dI/dt. [A/s]
        progress: Called with the share done and what is being done.
        facts: Times, memory and comparisons, for tables.
    """

    simnibs: Simnibs
    folder: Path
    mesh: Path
    head: HeadMesh
    coil_file: Path
    coil: AbstractCoil
    poses: Pose | None = None
    target: Float[ndarray, "3"] | None = None
    radius: float = 5e-3
    methods: Sequence[str] = ("direct",)
    current_rate: float = 1e6
    progress: Progress = lambda share, what: None
    facts: dict[str, Any] = field(default_factory=dict)

    def checks(self) -> list[Check]:
        """Checks of what was given: fields where there are poses, optima for a target."""
        found = []
        check = partial(Check, group="simnibs")
        if self.poses is not None:
            number = lambda key: lambda bench: bench.once(self._fields)[key]
            found += [
                check(
                    name="E, shape",
                    compares="RDM, the worst pose, whole head, SimNIBS as installed",
                    limit=AtMost(_FIELD),
                    measure=number("rdm"),
                ),
                check(
                    name="E, size",
                    compares="|MAG - 1|, the worst pose, whole head",
                    limit=AtMost(_FIELD),
                    measure=number("mag"),
                ),
                check(
                    name="|E| in gray matter, peak",
                    compares="99.9 % peak, relative, the worst pose",
                    limit=AtMost(2 * _FIELD),
                    measure=number("peak"),
                ),
                check(
                    name="region above half maximum",
                    compares="overlap in gray matter (Dice), the worst pose",
                    limit=AtLeast(0.99),
                    measure=number("dice"),
                ),
            ]
        if self.target is not None:
            found += [
                check(
                    name=f"optimum against SimNIBS' ({method})",
                    compares="our value of our pose over that of SimNIBS' pose",
                    limit=AtLeast(_WORSE),
                    measure=lambda bench, method=method: bench.once(
                        self._search, method
                    )["ratio"],
                )
                for method in self.methods
            ]
        return found

    def _fields(self, bench: Workbench) -> dict[str, float]:
        assert self.poses is not None
        request = fields_request(
            self.mesh, self.coil_file, self.poses, self.current_rate
        )
        theirs = self.simnibs.run(request, self.folder, self.progress)
        self.progress(0.9, "tmsgrad is computing the same fields")
        begin = time.perf_counter()
        conductor = efield.assemble(self.head, efield.isotropic(self.head))
        field = efield.solve(conductor, self.coil, self.poses, self.current_rate)
        ours = np.asarray(jax.block_until_ready(field.vectors))
        seconds = time.perf_counter() - begin
        gray, volumes = self.head.of("gray matter"), self.head.volumes
        rows, worst = [], {"rdm": 0.0, "mag": 0.0, "peak": 0.0, "dice": 1.0}
        for path, vectors in zip(theirs.response["fields"], ours, strict=True):
            expected = simnibs_field(path, self.head)
            near: Comparison = compare(
                vectors[gray],
                expected[gray],
                volumes[gray],
                self.head.centroids[gray],
            )
            shape, size = (
                rdm(vectors, expected, volumes),
                mag(vectors, expected, volumes),
            )
            rows.append({"rdm": shape, "mag": size, "gray matter": near.__dict__})
            worst["rdm"] = max(worst["rdm"], shape)
            worst["mag"] = max(worst["mag"], abs(size - 1))
            worst["peak"] = max(worst["peak"], abs(near.peak_difference))
            worst["dice"] = min(worst["dice"], near.dice)
            pair = np.linalg.norm(vectors, axis=1), np.linalg.norm(expected, axis=1)
            bench.pictures["simnibs"] = {self.mesh.name: pair}
        self.facts["simnibs_version"] = theirs.version
        self.facts["fields"] = {
            "poses": rows,
            "seconds_simnibs": theirs.seconds,
            "seconds_tmsgrad": seconds,
            "peak_memory_simnibs_bytes": theirs.peak_memory,
            "peak_memory_tmsgrad_bytes": _own_peak_memory(),
        }
        return worst

    def _search(self, bench: Workbench, method: str) -> dict[str, float]:
        assert self.target is not None
        request = search_request(
            self.mesh, self.coil_file, self.target, self.radius, method
        )
        theirs = self.simnibs.run(request, self.folder, self.progress)
        ours = bench.once(self._own_search)
        pose = Pose.from_matsimnibs(theirs.response["matsimnibs"])
        objective: optimize.AbstractObjective = ours["objective"]
        value = float(
            objective.value(objective.reciprocal.mean_field(self.coil, pose, 1e6))
        )
        apart = pose_distance(ours["pose"], pose)
        self.facts["simnibs_version"] = theirs.version
        self.facts.setdefault("searches", {})[method] = {
            "value_tmsgrad": ours["value"],
            "value_simnibs": value,
            "apart_mm": apart.shift_mm,
            "apart_degrees": apart.turn_degrees,
            "matsimnibs_tmsgrad": np.asarray(ours["pose"].to_matsimnibs()).tolist(),
            "matsimnibs_simnibs": theirs.response["matsimnibs"],
            "seconds_simnibs": theirs.seconds,
            "seconds_tmsgrad": ours["seconds"],
            "peak_memory_simnibs_bytes": theirs.peak_memory,
        }
        return {"ratio": ours["value"] / value}

    def _own_search(self, bench: Workbench) -> dict[str, Any]:
        assert self.target is not None
        self.progress(0.9, "tmsgrad is searching")
        begin = time.perf_counter()
        conductor = efield.assemble(self.head, efield.isotropic(self.head))
        target = meshing.ball(self.head, self.target, self.radius, "gray matter")
        objective = optimize.MeanMagnitude(efield.reciprocal(conductor, target))
        found = optimize.find_pose(objective, self.coil, meshing.scalp(self.head))
        return {
            "objective": objective,
            "pose": found.pose,
            "value": float(found.value),
            "seconds": time.perf_counter() - begin,
        }


def _own_peak_memory() -> int | None:
    try:
        import resource
    except ImportError:
        return None
    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
