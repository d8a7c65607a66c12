"""`tmsgrad show`: pictures of a result that is there already."""

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from ... import meshing
from ...meshing.pictures.animation import Frame, write_animation
from ...meshing.pictures.hull import CoilHull
from ...meshing.pictures.overview import write_overview
from ...meshing.pictures.slices import write_field_slices
from ..inputs.kept import kept
from ..inputs.stored import StoredRequest, StoredResult, read_all, read_stored
from ..results.shown_result import (
    ShownResult,
    facts_of,
    place_of_interest,
)
from ..runtime.naming import picture_path
from ..runtime.progress import Progress


@dataclass(frozen=True, eq=False)
class ShowRequest:
    """What `tmsgrad show` is asked for.

    Attributes:
        stored: The result.
        out: The picture.
        coil: As the command line names it, or None for that of the result.
        t1: An image behind slices, or None.
        at: Where slices meet, or None for a place of interest. [m]
        slices: Whether slices are drawn, not surfaces.
    """

    stored: StoredRequest
    out: Path
    coil: str | None
    t1: str | None
    at: Float[ndarray, "3"] | None
    slices: bool

    @classmethod
    def of(cls, options: argparse.Namespace) -> "ShowRequest":
        """Take it from the options.

        Raises:
            ValueError: They do not fit each other, or the picture has another ending.
        """
        out = picture_path(options.out, (".png", ".gif"))
        if out.suffix == ".gif":
            for name in ("number", "slices", "t1", "at", "pose"):
                if getattr(options, name):
                    raise ValueError(
                        "an animation has all poses of the result, on surfaces: leave "
                        f"--{name} out, or write a .png."
                    )
        return cls(
            *(StoredRequest.of(options), out, options.coil, options.t1),
            at=None if options.at is None else np.asarray(options.at) * 1e-3,
            slices=options.slices or options.t1 is not None or options.at is not None,
        )

    @property
    def animated(self) -> bool:
        """Whether all poses are drawn, one after the other."""
        return self.out.suffix == ".gif"


@dataclass(frozen=True, eq=False)
class ShownCoil:
    """What is drawn of a coil.

    Attributes:
        name: How it is called.
        hull: Its casing or windings.
    """

    name: str
    hull: CoilHull


def show(options: argparse.Namespace) -> ShownResult:
    """Draw a result."""
    request = ShowRequest.of(options)
    progress = Progress()
    progress.stage("result", f"result {request.stored.result}")
    found = read_stored(request.stored, progress)
    source = request.coil or found.coil
    coil = None if source is None else _coil(request, source)
    progress.stage("picture", "drawing")
    at = None
    if request.animated:
        _animate(request, found, coil, progress)
    elif request.slices:
        at = place_of_interest(found) if request.at is None else request.at
        _draw_slices(request, found, at, coil)
    else:
        _draw_surfaces(request, found, coil)
    progress.close()
    return ShownResult(str(request.out), at, _facts(found, coil))


def _facts(found: StoredResult, coil: ShownCoil | None) -> list[tuple[str, str]]:
    return facts_of(found) + ([] if coil is None else [("coil", coil.name)])


def _words(
    request: ShowRequest, found: StoredResult, coil: ShownCoil | None
) -> dict[str, str]:
    return {
        "title": f"{'|E|' if coil is None else coil.name} on {found.name}",
        "subtitle": f"{request.stored.result} · tmsgrad · for research use only",
    }


def _draw_slices(
    request: ShowRequest,
    found: StoredResult,
    at: Float[ndarray, "3"],
    coil: ShownCoil | None,
) -> None:
    image = None if request.t1 is None else meshing.load_nifti(Path(request.t1))
    placed = None if found.pose is None or coil is None else (found.pose, coil.hull)
    write_field_slices(
        *(request.out, found.head, found.magnitude, at),
        coil=placed,
        target=found.target,
        image=image,
        facts=_facts(found, coil),
        **_words(request, found, coil),
    )


def _draw_surfaces(
    request: ShowRequest, found: StoredResult, coil: ShownCoil | None
) -> None:
    if found.pose is None or coil is None:
        lacking = "--pose FILE" if found.pose is None else "--coil C"
        raise ValueError(
            f"{request.stored.result} does not say where the coil was: give {lacking}, "
            "or --slices for a picture without it."
        )
    centre, radius = found.target or (None, None)
    write_overview(
        *(request.out, found.head, found.magnitude, found.pose, coil.hull),
        target_centre=centre,
        target_radius=radius,
        facts=_facts(found, coil),
        **_words(request, found, coil),
    )


def _animate(
    request: ShowRequest,
    found: StoredResult,
    coil: ShownCoil | None,
    progress: Progress,
) -> None:
    if coil is None:
        raise ValueError(
            f"{request.stored.result} does not say which coil it was: give --coil."
        )
    every = read_all(request.stored, found)
    frames = []
    for number, (name, here) in enumerate(every, 1):
        assert here.pose is not None
        facts = [fact for fact in facts_of(here) if fact[0] != "target"]
        title = (f"pose {number} of {len(every)}", name)
        frames.append(Frame(here.magnitude, here.pose, [title, *facts]))
    write_animation(
        *(request.out, found.head, frames, coil.hull),
        target=found.target,
        progress=progress,
        **_words(request, found, coil),
    )


def _coil(request: ShowRequest, source: str) -> ShownCoil:
    try:
        return kept("shape", source, _find_shape, _of_shape)
    except FileNotFoundError:
        if request.coil is not None:
            raise
        raise FileNotFoundError(
            f"{request.stored.result}: the result was made with the coil {source}, which "
            "is not here: give --coil."
        ) from None


def _find_shape(source: str) -> dict:
    from .coil_shape import find_shape  # JAX starts slowly.

    return find_shape(source)


def _of_shape(content: dict) -> ShownCoil:
    hull = CoilHull(np.array(content["points"]), content["casing"])
    return ShownCoil(content["name"], hull)
