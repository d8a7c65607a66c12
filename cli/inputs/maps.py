"""Targets and regions to avoid that are maps: files on the command line."""

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from ... import meshing
from ...meshing import TISSUE_NAMES, HeadMesh, SurfaceFrame
from ...optimize import targeting
from .heads import is_template


_ON_SURFACES = (".gii", ".annot")
_OPTIONS = ("map_threshold", "cluster", "label", "surface", "map_space")


@dataclass(frozen=True)
class MapChoice:
    """What of a file is meant.

    Attributes:
        file: NIfTI, or values on a surface.
        head: As the command line names it.
        threshold: What passes counts, as for `VolumeMap.above`.
        cluster: Of what passes, the weightiest being 1; None for all.
        label: Of an atlas.
        surface: On which the values are, for GIfTI and annotations.
        space: `head` or `mni`; None for the head's, where the header says nothing else.
        frame: Of the surface; None for what its file or the head says.
        depth: Below the scalp, that a coil reaches; None for no limit. [m]
    """

    file: str
    head: str
    threshold: float = 0.0
    cluster: int | None = None
    label: str | None = None
    surface: str | None = None
    space: str | None = None
    frame: SurfaceFrame | None = None
    depth: float | None = None

    @classmethod
    def of(
        cls, options: argparse.Namespace, *, other_ball: bool = False
    ) -> "MapChoice | None":
        """Take it from the options, and check that they fit each other.

        Args:
            options: Of the command line.
            other_ball: Whether `--radius` is of another place, too.

        Raises:
            ValueError: They do not.
        """
        file = getattr(options, "target_map", None)
        frame = surface_frame(options)
        if file is None:
            for name in _OPTIONS:
                if getattr(options, name, None) not in (None, "head"):
                    raise ValueError(f"--{name.replace('_', '-')} needs --target-map.")
            return None
        if options.radius is not None and not other_ball:
            raise ValueError(
                "--radius is of --target; a --target-map has its own extent."
            )
        if file.endswith(_ON_SURFACES) != (options.surface is not None):
            raise ValueError(
                f"--target-map {file}: values on a surface (.gii, .annot) need --surface, "
                "and images (.nii) go without."
            )
        return cls(
            file,
            options.head,
            0.0 if options.map_threshold is None else options.map_threshold,
            options.cluster,
            options.label,
            options.surface,
            options.map_space,
            frame,
            options.depth * 1e-3,
        )

    def region(self, head: HeadMesh, tissue: str) -> targeting.MappedTarget:
        """Weigh a head's tissue by the map.

        Raises:
            ValueError: The file is malformed, or nothing of it lies in the tissue.
            FileNotFoundError: There is no such file.
        """
        if self.file.endswith(_ON_SURFACES):
            weigh = self._on_surface(head)
        else:
            chosen, way = self.volume(), self._way()
            weigh = lambda points: chosen.at(way(points))
        return targeting.mapped_region(
            head, weigh, tissue=tissue, reach=self.depth, name=self.file
        )

    def volume(self) -> targeting.VolumeMap:
        """Read an image, and take what is chosen of it."""
        found = targeting.read_map(self.file)
        self._check_space(found.space)
        if self.label is not None:
            if not self.label.lstrip("-").isdigit():
                raise ValueError(
                    f"--label {self.label}: the labels of an image are whole numbers."
                )
            found = found.labelled(int(self.label))
        found = found.above(self.threshold)
        return found if self.cluster is None else found.cluster(self.cluster)

    def _on_surface(self, head: HeadMesh) -> Callable:
        values = targeting.read_surface_map(self.file, self.label)
        sign = -1.0 if self.threshold < 0 else 1.0
        passed = np.where(sign * values >= abs(self.threshold), sign * values, 0.0)
        if self.cluster is not None:
            raise ValueError(
                "--cluster is of images; on surfaces give --map-threshold."
            )
        file = meshing.open_surface(str(self.surface))
        try:
            surface = file.surface(head, self.frame)
        except ValueError as error:
            raise ValueError(f"{error} (--surface-frame)") from None
        try:
            return targeting.surface_weights(surface, passed)
        except ValueError as error:
            raise ValueError(f"{self.file} on {self.surface}: {error}") from None

    def _check_space(self, named: str) -> None:
        """Refuse the space of a template that was not asked for."""
        if not named or self.space == "head":
            return
        if named == "MNI" and (self.space == "mni" or is_template(self.head)):
            return
        ways = "--map-space head" + (" or mni" if named == "MNI" else "")
        raise ValueError(
            f"{self.file}: the header says that the image is in the space {named}, and not "
            f"in that of {self.head}. Say how its coordinates are meant: {ways}."
        )

    def _way(self) -> Callable[[Float[ndarray, "point 3"]], ndarray]:
        """From the head to the map's space."""
        if self.space != "mni" or is_template(self.head):
            return lambda points: points
        subject = meshing.subject_of(self.head)
        if subject is None:
            raise ValueError(
                f"--map-space mni: {self.head} is no m2m_ folder of SimNIBS, and nothing "
                "else shows where MNI coordinates are in it."
            )
        transform = meshing.read_mni(subject)
        return lambda points: np.asarray(transform.to_mni(points))


def surface_frame(options: argparse.Namespace) -> SurfaceFrame | None:
    """Take the frame of surfaces from the options.

    Raises:
        ValueError: It is given, but no surface from a file.
    """
    word = getattr(options, "surface_frame", None)
    if word is None:
        return None
    files = [name for name in getattr(options, "gifti", ()) if name != "mesh"]
    if not files and options.surface is None:
        raise ValueError("--surface-frame needs --surface, or --gifti with a file.")
    return SurfaceFrame(word)


def avoided_regions(
    choices: tuple[tuple[str, float | None], ...], head: str, space: str | None
) -> tuple[tuple[MapChoice, float | None], ...]:
    """Take maps of what is to be spared, with their limits [V/m]."""
    return tuple((MapChoice(file, head, space=space), limit) for file, limit in choices)


def place_of_map(choice: MapChoice) -> tuple[float, float, float]:
    """Read an image early, and say where it is, in its own space. [mm]"""
    if choice.file.endswith(_ON_SURFACES):
        return 0.0, 0.0, 0.0
    x, y, z = (choice.volume().centre * 1e3).tolist()
    return x, y, z


@dataclass(frozen=True)
class MapFigures:
    """What of a map became the target.

    Attributes:
        choice: What was asked for.
        tetrahedra: How many.
        volume: Of them. [m³]
        deep_share: Of the map's weight, that lies too deep.
    """

    choice: MapChoice
    tetrahedra: int
    volume: float
    deep_share: float

    def to_json(self) -> dict:
        """For a summary."""
        return {
            "file": self.choice.file,
            "threshold": self.choice.threshold,
            "cluster": self.choice.cluster,
            "label": self.choice.label,
            "space": self.choice.space or "head",
            "tetrahedra": self.tetrahedra,
            "volume_mm3": self.volume * 1e9,
            "too_deep_share": self.deep_share,
        }


def describe(
    head: HeadMesh, choice: MapChoice, found: targeting.MappedTarget
) -> MapFigures:
    """Count what of a map became the target."""
    chosen = found.region.tetrahedra
    volume = float(head.volumes[chosen].sum())
    return MapFigures(choice, len(chosen), volume, found.deep_share)


def print_map(found: MapFigures, centre: Sequence[float] | ndarray, tag: int) -> None:
    """Print where a map is in the head, around a centre [mm]."""
    at = ", ".join(f"{x:.1f}" for x in centre)
    deep = found.deep_share
    left_out = f"; {deep:.0%} of its weight lie too deep" if deep > 0.005 else ""
    print(
        f"target           {found.choice.file}: {found.volume * 1e9:.0f} mm³ of "
        f"{TISSUE_NAMES[tag]} around ({at}) mm{left_out}"
    )
