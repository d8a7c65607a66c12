"""What `tmsgrad simulate` is asked for."""

import argparse
from dataclasses import dataclass

import numpy as np

from ..inputs.coils import Rates
from ..inputs.conduction import Conduction
from ..inputs.forms import Forms
from ..inputs.maps import MapChoice
from ..inputs.poses import PoseRequest
from ..inputs.targets import Point, TargetRequest, refuse_symptoms_file
from ..inputs.uncertainties import Uncertainties


# What a reduced field does not serve.
_NOT_REDUCED = (
    *("target", "report", "nifti", "vtu", "gifti", "tracts", "uncertainty"),
    *("thresholds", "exact"),
)


@dataclass(frozen=True)
class SimulateRequest:
    """What `tmsgrad simulate` is asked for.

    Attributes:
        head: As the command line names it.
        force: Checks of the head whose errors do not stop.
        coil: As the command line names it.
        rates: dI/dt of all stimulators, or of each; None for those recorded. [A/s]
        poses: Of the coil.
        target: Or None.
        direction: Of which the component in the target is wanted, of length 1, or None.
        whole: Whether whole fields are wanted, or values in the target only.
        fast: Whether those values may be less exact, however few.
        exact: Whether nothing may be less exact than solves, however many poses.
        conduction: Of the head.
        order: Of the elements, as asked for; None where a basis may choose.
        forms: Of whole fields.
        tracts: A file of streamlines, or None.
        reduced: A file of a reduced field that stands for solves, or None.
        uncertainties: Or None.
        report: Whether a page is wanted.
        out: Folder.
    """

    head: str
    force: tuple[str, ...]
    coil: str
    rates: Rates
    poses: PoseRequest
    target: TargetRequest | None
    direction: Point | None
    whole: bool
    fast: bool
    exact: bool
    conduction: Conduction
    order: int | None
    forms: Forms
    tracts: str | None
    reduced: str | None
    uncertainties: Uncertainties | None
    report: bool
    out: str

    @classmethod
    def of(cls, options: argparse.Namespace) -> "SimulateRequest":
        """Take it from the options, and print where a place of MNI space is.

        Raises:
            ValueError: They do not fit each other, or the target is not known.
            FileNotFoundError: There is no such file.
        """
        _check_reduced(options)
        target = _target(options)
        whole = target is None or options.fields
        if options.uncertainty is not None and whole:
            raise ValueError(
                "--uncertainty is of the value in a --target, without --fields."
            )
        if options.fast and whole:
            raise ValueError("--fast is of the values in a --target, without --fields.")
        if options.tracts and not whole:
            raise ValueError(
                "--tracts needs whole fields: with a --target, give --fields."
            )
        return cls(
            head=options.head,
            force=tuple(options.force),
            coil=options.coil,
            rates=None if options.didt == "recorded" else options.didt,
            poses=PoseRequest.of(options, options.pose),
            target=target,
            direction=_unit(options.direction),
            whole=whole,
            fast=options.fast,
            exact=options.exact,
            conduction=Conduction.of(options),
            order=options.order,
            forms=Forms.of(options),
            tracts=options.tracts,
            reduced=options.reduced,
            uncertainties=Uncertainties.of(options),
            report=options.report,
            out=options.out,
        )

    @property
    def reducible(self) -> bool:
        """Whether a basis can give what is wanted of whole fields."""
        forms = self.forms
        asked = (forms.nifti, forms.vtu, forms.gifti, forms.thresholds, self.tracts)
        others = (self.target, self.report, self.exact)
        return self.whole and not any((*asked, *others))

    @property
    def settled(self) -> dict[str, list[float]]:
        """Values of options that were found and not typed."""
        return {} if self.target is None else self.target.settled


def _check_reduced(options: argparse.Namespace) -> None:
    """Refuse what a reduced field does not serve."""
    if options.reduced is None:
        return
    for name in _NOT_REDUCED:
        if getattr(options, name):
            raise ValueError(
                f"--{name} needs solves: leave it out, or leave out --reduced."
            )


def _target(options: argparse.Namespace) -> TargetRequest | None:
    named = (options.target, options.target_mni, options.target_map)
    if any(each is not None for each in named):
        return TargetRequest.of(options)
    MapChoice.of(options)  # Refuses what is of a map.
    refuse_symptoms_file(options)
    if options.radius or options.direction:
        raise ValueError(
            "--radius and --direction are of a --target, which is missing."
        )
    return None


def _unit(direction: Point | None) -> Point | None:
    if direction is None:
        return None
    length = np.linalg.norm(direction)
    if length == 0:
        raise ValueError("--direction: (0, 0, 0) is none.")
    x, y, z = (np.asarray(direction) / length).tolist()
    return x, y, z
