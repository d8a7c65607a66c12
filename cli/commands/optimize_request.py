"""What `tmsgrad optimize` and `tmsgrad demo` are asked for."""

import argparse
from dataclasses import dataclass, field

import numpy as np

from ...optimize import COVER, Domain, Face
from ..inputs.conduction import Conduction
from ..inputs.distances import coil_distance
from ..inputs.forms import Forms
from ..inputs.goals import Wishes
from ..inputs.handles import HandleRequest
from ..inputs.targets import Point, TargetRequest
from ..inputs.uncertainties import Uncertainties


_LEAST_THRESHOLD = 10.0  # [%]


@dataclass(frozen=True)
class RulesRequest:
    """Clinical rules to compare with.

    Attributes:
        motor: The motor hotspot, as a place [m] or the name of a position, or None.
        motor_pose: A file of the coil's pose over it, or None.
    """

    motor: Point | str | None = None
    motor_pose: str | None = None

    @classmethod
    def of(cls, options: argparse.Namespace) -> "RulesRequest | None":
        """Take them from the options; None where no rules are asked for.

        Raises:
            ValueError: The motor hotspot is given for nothing.
        """
        # Pages compare with them in any case; the parts of a coil move only for one pose.
        pages = options.report or options.interactive is not None
        if options.rules or (pages and not options.shape):
            return cls(options.hotspot, options.hotspot_pose)
        for name in ("hotspot", "hotspot_pose"):
            if getattr(options, name) is not None:
                name = name.replace("_", "-")
                raise ValueError(f"--{name} is for --rules, which are not asked for.")
        return None


@dataclass(frozen=True)
class OptimizeRequest:
    """What `tmsgrad optimize` is asked for.

    Attributes:
        head: As the command line names it.
        coil: Likewise.
        target: Where the field is wanted.
        wishes: Of what, and what else.
        domain: Where the coil may be.
        out: Folder.
        efield: Wanted in the target, or None. [V/m]
        force: Checks of the head whose errors do not stop.
        conduction: Of the head.
        uncertainties: Or None.
        forms: Of the field.
        around: Where to search, as a place [m] or a name; None for near the target.
        electrodes: A file of positions on the scalp, or None.
        rules: To compare with, or None.
        shape: Whether the coil's parts are to be moved.
        report: Whether a page is wanted.
        handle: Which way it is to point.
        accuracy: Of the field in the target that the mesh must give, relative, or None.
        interactive: The basis of a page to move the coil on; empty to make it, None for
            no page.
        threshold: Resting motor threshold, a share of the maximum, or None.
        stimulator: By name, or None.
        atlas: What names gyri, in the head's space; None for one in MNI space.
        reduced: A file of a reduced field to search by, or None.
    """

    head: str
    coil: str
    target: TargetRequest
    wishes: Wishes
    domain: Domain
    out: str
    efield: float | None = None
    force: tuple[str, ...] = ()
    conduction: Conduction = field(default_factory=Conduction)
    uncertainties: Uncertainties | None = None
    forms: Forms = field(default_factory=Forms)
    around: Point | str | None = None
    electrodes: str | None = None
    rules: RulesRequest | None = None
    shape: bool = False
    report: bool = False
    handle: HandleRequest = field(default_factory=HandleRequest)
    accuracy: float | None = None
    interactive: str | None = None
    threshold: float | None = None
    stimulator: str | None = None
    atlas: str | None = None
    reduced: str | None = None

    @property
    def cover(self) -> float:
        """Assumed over windings that have no casing. [m]"""
        asked = self.domain.distance
        return asked.cover if isinstance(asked, Face) else COVER

    @classmethod
    def of(cls, options: argparse.Namespace) -> "OptimizeRequest":
        """Take it from the options.

        Raises:
            ValueError: They do not fit each other, or the target is not known.
            FileNotFoundError: There is no such file.
        """
        target, wishes = TargetRequest.of(options), Wishes.of(options)
        _check(options, wishes)
        return cls(
            head=options.head,
            coil=options.coil,
            target=target,
            wishes=wishes,
            domain=_domain(options),
            out=options.out,
            efield=options.efield,
            force=tuple(options.force),
            conduction=Conduction.of(options),
            uncertainties=Uncertainties.of(options),
            forms=Forms.of(options),
            around=options.around,
            electrodes=options.electrodes,
            rules=RulesRequest.of(options),
            shape=options.shape,
            report=options.report,
            handle=HandleRequest(
                "free" if options.shape else options.handle,
                options.handle_tolerance / 100,
            ),
            accuracy=options.accuracy,
            interactive=options.interactive,
            threshold=None if options.threshold is None else options.threshold / 100,
            stimulator=options.stimulator,
            atlas=options.atlas,
            reduced=options.reduced,
        )

    @classmethod
    def demo(cls, options: argparse.Namespace) -> "OptimizeRequest":
        """Take the template head and a well-known target."""
        return cls(
            head="template",
            coil="magstim-70mm-double",
            # Left dorsolateral prefrontal cortex: the site of Fox et al. 2012 (doi:10.1016/
            # j.biopsych.2012.04.028) with the best clinical response, MNI.
            target=TargetRequest((-0.044, 0.040, 0.029), 5e-3, "gm"),
            wishes=Wishes(),
            domain=Domain(distance=Face(), radius=30e-3),
            out=options.out,
            efield=60.0,
            report=options.report,
            rules=RulesRequest() if options.report else None,
        )


def _check(options: argparse.Namespace, wishes: Wishes) -> None:
    """Refuse options that exclude each other."""
    if options.shape and (options.uncertainty or options.robust or options.rules):
        raise ValueError(
            "--shape is of one pose: leave out --uncertainty, --robust and --rules."
        )
    if options.shape and options.handle not in (None, "free"):
        raise ValueError(
            "--shape moves the coil as its parts need: leave out --handle, or write free."
        )
    if options.threshold is not None and options.threshold < _LEAST_THRESHOLD:
        raise ValueError(
            f"--threshold {options.threshold:g}: no resting motor threshold is so low a "
            "per cent of the maximum; what counts of a map is --map-threshold."
        )
    if options.threshold is not None and options.efield is None:
        raise ValueError(
            "--threshold is for the output that --efield needs, which is not asked for."
        )
    if options.reduced is not None:
        _check_reduced(options)
    if options.shape and options.interactive:
        raise ValueError(
            "--shape moves the parts of the coil, whose field --interactive's basis then "
            "does not know: write --interactive alone, which makes a basis for it."
        )
    if options.accuracy is not None and options.interactive:
        raise ValueError(
            "--accuracy makes another mesh than that of --interactive's basis: write "
            "--interactive alone, which makes a basis for it."
        )
    if options.accuracy is not None and not (wishes.simple and options.order is None):
        raise ValueError(
            "--accuracy is of the target's mean vector or its --direction, corrected for "
            "the mesh: leave out --order, --objective and --avoid."
        )
    if options.uncertainty is not None and not (
        wishes.simple and options.around != "upper-head"
    ):
        raise ValueError(
            "--uncertainty is of the target's mean vector or its --direction, around one "
            "place: leave out --objective, --avoid and --around upper-head."
        )


def _check_reduced(options: argparse.Namespace) -> None:
    """Refuse what a basis does not serve."""
    for name, why in (
        (
            "shape",
            "moves the parts of the coil, whose field the basis then does not know",
        ),
        ("accuracy", "makes another mesh than that of the basis"),
        ("uncertainty", "needs adjoint solves"),
    ):
        if getattr(options, name):
            raise ValueError(f"--{name} {why}: leave it out, or leave out --reduced.")


def _domain(options: argparse.Namespace) -> Domain:
    return Domain(
        distance=coil_distance(options),
        radius=options.search_radius * 1e-3,
        clearance=options.hair * 1e-3,
        tilt=np.radians(options.tilt).item(),
        forbidden=tuple(options.forbid),
        obstacles=tuple(options.obstacle),
    )
