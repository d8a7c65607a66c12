"""The analytic problems that tmsgrad is held against."""

from pathlib import Path

import jax.numpy as jnp
import numpy as np

from ..coils import (
    AbstractCoil,
    MagneticDipoles,
    Pose,
    StraightSegments,
    read_ccd,
    rotation_from_vector,
    wire,
)
from .box_problems import ManufacturedProblem, SlabProblem
from .problems import AbstractProblem, Bound, EllipsoidProblem, SphereProblem


# Brain, skull and scalp of the classic sphere model [Rush & Driscoll 1969,
# doi:10.1109/TBME.1969.4502598]. The brain is in two parts: coils reach its outer shell.
RADII = (0.060, 0.080, 0.085, 0.092)  # [m]
TISSUES = ("white matter", "gray matter", "bone", "scalp")

_BRAIN_SHELL = ("gray matter",)
_SLAB = ("white matter", "gray matter")
_COIL_DISTANCE = 4e-3  # From the scalp to the coil's lowest source. [m]


def figure_of_eight() -> AbstractCoil:
    """The coil of 910 dipoles with which the references were made."""
    return read_ccd(Path(__file__).parent / "figure8_70mm.ccd")


def round_wire() -> StraightSegments:
    """A circle of thin wire, 90 mm wide, as a polygon with 60 corners."""
    angles = 2 * np.pi * np.arange(60) / 60
    path = 0.045 * np.stack([np.cos(angles), np.sin(angles), 0 * angles], axis=1)
    thin = wire(path, closed=True)
    # So many Gauss points a segment that its sources have the field of the wire.
    return StraightSegments(thin.midpoints, thin.vectors, points_per_segment=4)


def one_dipole(x: float, y: float, z: float) -> MagneticDipoles:
    """A dipole of such a moment in its own frame. [A m² / A]"""
    return MagneticDipoles(np.zeros((1, 3)), np.array([[x, y, z]]))


def over_the_sphere(coil: AbstractCoil, distance: float, turn: float = 0.4) -> Pose:
    """Place a coil over the sphere, askew to all axes.

    Args:
        coil: Its z axis will point to the centre of the sphere.
        distance: From the scalp to the lowest of its sources. [m]
        turn: About its z axis. [rad]
    """
    sources = coil.sources()
    heights = jnp.concatenate([sources.dipole_positions, sources.current_positions])
    up = np.array([0.36, -0.48, 0.8])
    y = np.cross(up, [0.0, 0.0, 1.0])
    y /= np.linalg.norm(y)
    axes = np.stack([np.cross(y, -up), y, -up], axis=1)
    height = RADII[-1] + distance + float(heights[:, 2].max())
    return Pose(axes, height * up).moved(jnp.zeros(3), jnp.array([0.0, 0.0, turn]))


def figure_of_eight_problem() -> SphereProblem:
    """A real coil over a head of four layers."""
    coil = figure_of_eight()
    return SphereProblem(
        name="figure-of-eight over four layers",
        compared=_BRAIN_SHELL,
        bounds={"P1": Bound(0.14, 1.0), "P2": Bound(0.010, 2.0)},
        radii=RADII,
        tissues=TISSUES,
        coil=coil,
        pose=over_the_sphere(coil, _COIL_DISTANCE),
    )


def radial_problem() -> SphereProblem:
    """The same, where tissue conducts half as well across the layers as along them."""
    coil = figure_of_eight()
    return SphereProblem(
        name="figure-of-eight over anisotropic layers",
        compared=_BRAIN_SHELL,
        bounds={"P1": Bound(0.14, 1.0), "P2": Bound(0.010, 2.0)},
        radii=RADII,
        tissues=TISSUES,
        coil=coil,
        pose=over_the_sphere(coil, _COIL_DISTANCE),
        radial_ratio=0.5,
    )


def wire_problem() -> SphereProblem:
    """A loop of wire over a homogeneous sphere."""
    coil = round_wire()
    return SphereProblem(
        name="round wire over a homogeneous sphere",
        compared=_BRAIN_SHELL,
        bounds={"P1": Bound(0.10, 1.0), "P2": Bound(0.0045, 2.0)},
        radii=RADII[1:2],
        tissues=TISSUES[1:2],
        coil=coil,
        pose=over_the_sphere(coil, _COIL_DISTANCE),
    )


def dipole_problem(
    direction: str,
    distance: float,
    moment: tuple[float, float, float],
    bounds: dict[str, Bound],
) -> SphereProblem:
    """One dipole over a head of four layers.

    Args:
        direction: What the moment is, in a word.
        distance: From the scalp. [m]
        moment: In the frame of the coil, whose z axis points to the centre. [A m² / A]
        bounds: What the error may be, by method. It is large where the potential cancels
            most of ∂A/∂t, as under a tangential dipole.
    """
    coil = one_dipole(*moment)
    return SphereProblem(
        name=f"{direction} dipole {distance * 1e3:.0f} mm from the scalp",
        compared=_BRAIN_SHELL,
        bounds=bounds,
        radii=RADII,
        tissues=TISSUES,
        coil=coil,
        pose=over_the_sphere(coil, distance),
    )


def ellipsoid_problem() -> EllipsoidProblem:
    """An ellipsoid of fibres askew to its axes, in a uniform field."""
    fibre = np.array([[0.6, 0.64, 0.48], [-0.8, 0.48, 0.36], [0.0, -0.6, 0.8]])
    tensor = fibre @ np.diag([0.6, 0.2, 0.1]) @ fibre.T
    return EllipsoidProblem(
        name="anisotropic ellipsoid in a uniform field",
        compared=("white matter",),
        bounds={"P1": Bound(0.07, 1.0), "P2": Bound(0.0008, 2.0)},
        semi_axes=(0.070, 0.090, 0.080),
        tissue="white matter",
        tensor=tuple(map(tuple, tensor.tolist())),
        field_rate=(1e4, -2e4, 3e4),
    )


def slab_problem() -> SlabProblem:
    """Two layers of fibres, one along and one across, under an array of coils."""
    turn = rotation_from_vector(jnp.array([0.3, -0.5, 0.4]))
    return SlabProblem(
        name="slab of anisotropic layers under an array of coils",
        compared=_SLAB,
        bounds={"P1": Bound(0.16, 1.0), "P2": Bound(0.010, 2.0)},
        tissues=_SLAB,
        heights=(0.06, 0.04),
        conductivities=((0.1, 0.6, 0.2), (0.5, 0.1, 0.4)),
        width=0.1,
        strength=5.0,
        turn=tuple(map(tuple, np.asarray(turn).tolist())),
    )


def manufactured_problem(twist: float, bounds: dict[str, Bound]) -> ManufacturedProblem:
    """A made-up field in a cube where fibres conduct six times as well along as across.

    Args:
        twist: How much the fibres turn from place to place; 0 where they are parallel.
        bounds: What the error may be, by method.
    """
    kind = "that turn" if twist else "in parallel"
    return ManufacturedProblem(
        name=f"manufactured field among fibres {kind}",
        compared=("white matter",),
        bounds=bounds,
        width=0.1,
        tissue="white matter",
        across=0.1,
        along=0.6,
        current=(0.3, -0.2, 0.5),
        potential=5.0,
        twist=twist,
    )


def analytic_problems() -> tuple[AbstractProblem, ...]:
    """All problems whose field is known exactly."""
    return (
        figure_of_eight_problem(),
        radial_problem(),
        wire_problem(),
        dipole_problem(
            "radial",
            10e-3,
            (0.0, 0.0, 1.0),
            {"P1": Bound(0.15, 1.0), "P2": Bound(0.018, 2.0)},
        ),
        dipole_problem(
            "tangential",
            10e-3,
            (1.0, 0.0, 0.0),
            {"P1": Bound(0.48, 1.0), "P2": Bound(0.050, 2.0)},
        ),
        dipole_problem(
            "oblique",
            30e-3,
            (0.48, 0.6, 0.64),
            {"P1": Bound(0.23, 1.0), "P2": Bound(0.016, 2.0)},
        ),
        ellipsoid_problem(),
        slab_problem(),
        manufactured_problem(0.0, {"P1": Bound(0.15, 1.0), "P2": Bound(0.01, 2.0)}),
        manufactured_problem(1.0, {"P1": Bound(0.15, 1.0), "P2": Bound(0.04, 1.0)}),
    )
