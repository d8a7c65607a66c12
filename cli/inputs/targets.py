"""Where the field is wanted: a ball, a place of MNI space, or a map, as frozen values."""

import argparse
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from ... import meshing
from ...coils.navigation import PoseList
from ...meshing import HeadMesh, Region
from ..runtime.notices import note
from .findings import Places
from .heads import is_template
from .maps import MapChoice, MapFigures, describe, place_of_map, print_map
from .symptoms import PublishedPlace


_RADIUS = 5e-3  # Of a ball for which none is given. [m]
_OFF_CENTRE = 0.6  # Of the radius: farther off, a target is at the edge of its ball.
_RETURN = 5e-3  # After going from MNI space to the head and back, at most. [m]
_NO_SYMPTOM = "--symptoms-file needs --target-mni SYMPTOM, which is to be found in it."
Point = tuple[float, float, float]


@dataclass(frozen=True)
class MniPlace:
    """A place of MNI space that was brought to a head.

    Attributes:
        centre: In MNI space. [m]
        place: In the head. [m]
        transform: What brought it there, in words.
        return_error: How far one ends from it after going there and back. [m]
        published: Where it is published, or None.
        others: Published places of the same symptom, in words.
    """

    centre: Point
    place: Point
    transform: str
    return_error: float
    published: str | None
    others: tuple[str, ...] = ()

    @classmethod
    def of(cls, given: Point | str, source: str, file: str | None = None) -> "MniPlace":
        """Bring a place, or the published target of a symptom, to a head.

        Args:
            given: The place in MNI space [mm], or the symptom.
            source: Of the head.
            file: Of the user's own targets by symptom, or None.

        Raises:
            ValueError: The symptom is unknown, the head has no way to MNI space, or the
                place lies outside of it.
            FileNotFoundError: The transforms are missing.
        """
        published = None
        if isinstance(given, str):
            published = PublishedPlace.of(given, file)
        elif file is not None:
            raise ValueError(_NO_SYMPTOM)
        centre = np.asarray(given if published is None else published.centre) * 1e-3
        if is_template(source):
            place, words, error = centre, "the template is in MNI space", 0.0
        else:
            place, words, error = _in_head(centre, source)
        found = _point(centre), _point(place), words, error
        if published is None:
            return cls(*found, None)
        return cls(*found, published.words, published.others)

    def describe(self) -> None:
        """Print where it is."""
        if self.published is not None:
            print(f"published target {self.published}")
        for other in self.others:
            print(f"  another        {other}")
        at, mni = (
            ", ".join(f"{1e3 * x:.1f}" for x in place)
            for place in (self.place, self.centre)
        )
        print(
            f"target           MNI ({mni}) mm is ({at}) mm in the head ({self.transform})"
        )

    def to_json(self) -> dict:
        """For a summary."""
        return {
            # Rounded, so that a place is written as it was typed.
            "centre_mni_mm": [round(1e3 * x, 9) for x in self.centre],
            "transform": self.transform,
            "return_error_mm": 1e3 * self.return_error,
            "published": self.published,
            "other_published": list(self.others),
        }


def _in_head(
    centre: Float[ndarray, "3"], source: str
) -> tuple[Float[ndarray, "3"], str, float]:
    subject = meshing.subject_of(source)
    if subject is None:
        raise ValueError(
            f"--target-mni: {source} is no m2m_ folder of SimNIBS, and nothing else shows "
            "where MNI coordinates are in it. Give --target in the head's mm."
        )
    transform = meshing.read_mni(subject)
    place = transform.to_subject(centre)
    error = transform.return_error(centre)
    if error > _RETURN:
        raise ValueError(
            f"--target-mni: from there to the head and back one ends {1e3 * error:.1f} mm "
            f"away ({transform.description}): the transforms do not belong together."
        )
    return place, f"{transform.kind}: {transform.description}", error


def refuse_symptoms_file(options: argparse.Namespace) -> None:
    """Refuse targets by symptom where no symptom is named.

    Raises:
        ValueError: They are given.
    """
    if options.symptoms_file is not None:
        raise ValueError(_NO_SYMPTOM)


def _point(values: Float[ndarray, "3"]) -> Point:
    x, y, z = np.asarray(values).tolist()
    return x, y, z


def _note_of_shift(head: HeadMesh, region: Region, radius: float, tissue: str) -> None:
    """Say where a target lies that is at the edge of its ball."""
    middle = region.weights @ head.centroids[region.tetrahedra]
    off = float(np.linalg.norm(middle - region.centre))
    if off > _OFF_CENTRE * radius:
        asked, found = (
            ", ".join(f"{1e3 * x:.1f}" for x in place)
            for place in (region.centre, middle)
        )
        name = meshing.TISSUE_NAMES[meshing.tissue_tag(tissue)]
        note(
            f"the target's ball at ({asked}) mm has {name} at its edge only, on average at "
            f"({found}) mm, {1e3 * off:.1f} mm off; that is the target."
        )


@dataclass(frozen=True, eq=False)
class Target:
    """A target in a head.

    Attributes:
        region: Its tetrahedra and their weights.
        centre: As asked for; of a map its centre of gravity. [m]
        radius: Of the ball; of a map that of a ball which spreads as far. [m]
        tissue: As the command line names it.
        mni: The place of MNI space that it comes from, or None.
        map: What of a map it is, or None.
    """

    region: Region
    centre: Point
    radius: float
    tissue: str
    mni: MniPlace | None = None
    map: MapFigures | None = None


@dataclass(frozen=True)
class TargetRequest:
    """The target that is asked for.

    Attributes:
        centre: In the head; of a map only a rough place in its own space. [m]
        radius: Of a ball; 0 for a map. [m]
        tissue: As the command line names it.
        mni: The place of MNI space that was named, or None.
        choice: What of a map is meant, or None for a ball.
    """

    centre: Point
    radius: float
    tissue: str
    mni: MniPlace | None = None
    choice: MapChoice | None = None

    @classmethod
    def of(
        cls, options: argparse.Namespace, *, other_ball: bool = False
    ) -> "TargetRequest":
        """Take it from `--target`, `--target-mni` or `--target-map`, and print a place.

        Args:
            options: Of the command line.
            other_ball: Whether `--radius` is of another place, too.

        Raises:
            ValueError: The options do not fit each other, the head has no way to MNI
                space, or the target lies outside of it.
            FileNotFoundError: The map or the transforms are missing.
        """
        choice, mni = MapChoice.of(options, other_ball=other_ball), None
        if options.target_mni is None:
            refuse_symptoms_file(options)
        if choice is not None:
            x, y, z = place_of_map(choice)
            return cls(
                (x * 1e-3, y * 1e-3, z * 1e-3), 0.0, options.tissue, None, choice
            )
        if options.target_mni is not None:
            mni = MniPlace.of(options.target_mni, options.head, options.symptoms_file)
            mni.describe()
            centre = mni.place
        else:
            x, y, z = options.target
            centre = (x * 1e-3, y * 1e-3, z * 1e-3)
        radius = _RADIUS if options.radius is None else options.radius * 1e-3
        return cls(centre, radius, options.tissue, mni)

    @property
    def settled(self) -> dict[str, list[float]]:
        """The option `target` [mm], where it is found and not typed."""
        if self.mni is None and self.choice is None:
            return {}
        return {"target": [1e3 * x for x in self.centre]}

    @property
    def places(self) -> Places:
        """Where it is, where that is known before the head is read. [m]"""
        known = self.choice is None
        return {"the target": np.asarray(self.centre)[None]} if known else {}

    def find(self, head: HeadMesh) -> Target:
        """Find the target in a head, and print where a map is in it.

        Raises:
            ValueError: There is no such tissue, or nothing of the target lies in it.
        """
        if self.choice is None:
            place = np.asarray(self.centre)
            region = meshing.ball(head, place, self.radius, self.tissue)
            _note_of_shift(head, region, self.radius, self.tissue)
            return Target(region, self.centre, self.radius, self.tissue, self.mni)
        found = self.choice.region(head, self.tissue)
        centre, radius = meshing.extent(head, found.region)
        about = describe(head, self.choice, found)
        print_map(about, 1e3 * centre, meshing.tissue_tag(self.tissue))
        place = _point(centre)
        return Target(found.region, place, radius, self.tissue, None, about)


def places_of(poses: PoseList, target: TargetRequest | None) -> Places:
    """Where coils and target of a run are. [m]"""
    centres = np.asarray(poses.poses.translation).reshape(-1, 3)
    return {"the coil": centres} | ({} if target is None else dict(target.places))
