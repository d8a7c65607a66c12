"""What `tmsgrad dose` is asked for, as one frozen value."""

import argparse
from dataclasses import dataclass

from ...optimize import dosing
from ..inputs.conduction import Conduction
from ..inputs.sites import SiteRequest, motor_place
from ..inputs.targets import TargetRequest
from ..inputs.trains import Trains
from ..inputs.uncertainties import Uncertainties
from ..inputs.waveforms import WaveformRequest


_RADIUS = 5e-3  # Of balls, where none is given. [m]
_METRICS = {
    "mean": dosing.MeanStrength(),
    "p99": dosing.Percentile(99.0),
    "normal": dosing.MeanNormal(),
}


@dataclass(frozen=True)
class DoseRequest:
    """What `tmsgrad dose` is asked for.

    Attributes:
        head: As the command line names it.
        force: Checks of the head whose errors do not stop.
        threshold: Resting motor threshold, a share of the maximum.
        motor: The place of the threshold.
        target: The place to be treated.
        region: What is to be treated there.
        conduction: Of the head.
        other_coil: Whether the target has a coil of its own.
        radius: Of M1's ball. [m]
        tissue: Of both.
        metric: By which the fields are compared.
        activated: Share of the field of M1 that activates.
        nifti: In whose grid images are wanted, or None.
        corrected: Whether values are corrected for the mesh.
        trains: To compare with tables, or None.
        uncertainties: Or None.
        stimulator: By name, or None.
        reduced: A file of a reduced field to find placements by, or None.
        waveforms: To compare, or None.
        out: Folder.
    """

    head: str
    force: tuple[str, ...]
    threshold: float
    motor: SiteRequest
    target: SiteRequest
    region: TargetRequest
    conduction: Conduction
    other_coil: bool
    radius: float
    tissue: str
    metric: dosing.AbstractMetric
    activated: float
    nifti: str | None
    corrected: bool
    trains: Trains | None
    uncertainties: Uncertainties | None
    stimulator: str | None
    reduced: str | None
    waveforms: WaveformRequest | None
    out: str

    @classmethod
    def of(cls, options: argparse.Namespace) -> "DoseRequest":
        """Take it from the options.

        Raises:
            ValueError: They do not fit each other, or the threshold is above 100%.
        """
        if options.reduced and options.motor_pose and options.target_pose:
            raise ValueError(
                "--reduced finds placements, but --motor-pose and --target-pose give both."
            )
        threshold = options.threshold / 100
        dosing.fixed(threshold)
        other = options.target_coil is not None
        coil = options.target_coil if other else options.coil
        maximum = options.target_max_didt
        region = TargetRequest.of(options, other_ball=True)
        return cls(
            head=options.head,
            force=tuple(options.force),
            threshold=threshold,
            motor=SiteRequest(
                motor_place(options.motor, options.head),
                options.motor_pose,
                options.coil,
                options.max_didt,
            ),
            target=SiteRequest(region.centre, options.target_pose, coil, maximum),
            region=region,
            conduction=Conduction.of(options),
            other_coil=other,
            radius=_RADIUS if options.radius is None else options.radius * 1e-3,
            tissue=options.tissue,
            metric=_METRICS[options.metric],
            activated=options.activated / 100,
            nifti=options.nifti,
            corrected=options.order is None,
            trains=Trains.of(options),
            uncertainties=Uncertainties.of(options),
            stimulator=options.stimulator,
            reduced=options.reduced,
            waveforms=WaveformRequest.of(options),
            out=options.out,
        )
