"""What `tmsgrad simulate` reads and prepares, before it solves."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass

from jaxtyping import Float
from numpy import ndarray

from ... import efield, meshing
from ...coils import Coil, PoseList
from ...efield import ErrorEstimate, Fibres
from ...efield.output.fibre_files import fitted_fibres, read_fibres
from ...efield.output.forms import Exports
from ...efield.output.region_table import RegionTable
from ...meshing import HeadMesh, Tractogram
from ...optimize import Outline, Placing
from ..inputs.coils import read_driven_coil
from ..inputs.exports import placed_exports, read_exports
from ..inputs.files import way_to_mni
from ..inputs.frame import Frame
from ..inputs.heads import read_head
from ..inputs.poses import current_rates
from ..inputs.targets import Target, places_of
from ..results.placing import Placer, ShownPose, place_all
from ..runtime.beside import Beside
from ..runtime.progress import Progress
from ..runtime.provenance import Provenance
from .simulate_request import SimulateRequest


@dataclass(frozen=True, eq=False)
class _Read:
    """What is read before the head.

    Attributes:
        coil: Driven.
        outline: Waits for its outline.
        poses: As given.
        rates: dI/dt of each. [A/s]
        exports: The forms that the field is wanted in.
        tracts: Along which it is wanted, or None.
    """

    coil: Coil
    outline: Callable[[], Outline]
    poses: PoseList
    rates: Float[ndarray, "pose"]
    exports: Exports
    tracts: Tractogram | None


@dataclass(frozen=True, eq=False)
class Prepared:
    """All that is known before the solves.

    Attributes:
        frame: Head, scalp, coil and conductor.
        poses: Checked against the scalp.
        rates: dI/dt of each. [A/s]
        places: Of each.
        outline: Of the coil.
        exports: In the head's frame.
        fibres: In the head, or None.
        target: Or None.
        estimator: Waits for what estimates errors.
        table: Waits for the table of regions.
    """

    frame: Frame
    poses: PoseList
    rates: Float[ndarray, "pose"]
    places: list[Placing]
    outline: Outline
    exports: Exports
    fibres: Fibres | None
    target: Target | None
    estimator: Callable[[], Callable[..., ErrorEstimate]]
    table: Callable[[], RegionTable]

    @property
    def shown(self) -> ShownPose:
        """The first pose, which is pictured."""
        return ShownPose.of(0, self.poses, self.rates)


def _read(request: SimulateRequest, poses: PoseList, beside: Beside) -> _Read:
    coil, most = read_driven_coil(request.coil, request.rates)
    outline = beside(Outline.of, coil)
    rates = current_rates(poses, most, request.poses.source)
    forms = request.forms
    exports = read_exports(forms.nifti, forms.vtu, forms.gifti, forms.resample)
    return _Read(coil, outline, poses, rates, exports, read_fibres(request.tracts))


def prepare(
    request: SimulateRequest,
    poses: PoseList,
    origin: Provenance,
    progress: Progress,
    beside: Beside,
) -> Prepared:
    """Read, and place the coil on the head's scalp.

    Raises:
        ValueError: An input is malformed, or does not fit the others.
        FileNotFoundError: There is no such file.
    """
    given = _read(request, poses, beside)
    progress.stage("head", f"head {request.head}")
    head = read_head(
        *(request.head, progress, None, request.force),
        places_of(given.poses, request.target),
    )
    exports = placed_exports(given.exports, head, request.forms.frame)
    fibres = None if given.tracts is None else fitted_fibres(head, given.tracts)
    _check_room(request.out, head, len(given.poses))
    target = None if request.target is None else request.target.find(head)
    progress.stage("scalp", "scalp")
    scalp = meshing.scalp(head, exact=False)  # Placing measures by triangles.
    outline, source = given.outline(), request.poses.source
    placer = Placer(scalp, outline, request.poses.repair, source)
    poses, places = place_all(placer, given.poses, progress)
    frame = Frame.assembled(
        request.conduction,
        *(request.head, head, scalp, request.coil, given.coil),
        *(progress, origin),
    )
    progress.stage("solve", "solving")
    estimator = beside(efield.error_estimator, frame.conductor, head)
    region = None if target is None else target.region
    thresholds, to_mni = request.forms.thresholds, way_to_mni(request.head)
    table = beside(RegionTable, head, scalp, region, thresholds, to_mni)
    return Prepared(
        *(frame, poses, given.rates, places, outline, exports, fibres, target),
        *(estimator, table),
    )


def _check_room(out: str, head: HeadMesh, count: int) -> None:
    needed = 8 * count * (4 * len(head.tags) + len(head.nodes))
    free = shutil.disk_usage(out).free
    if needed > free:
        raise ValueError(
            f"--out {out}: the fields of {count} poses take {_bytes(needed)}, but "
            f"{_bytes(free)} are free. With --target X,Y,Z --radius MM only values "
            "in the target are kept."
        )


def _bytes(count: int) -> str:
    """Write a number of bytes so that small ones do not become 0."""
    for factor, unit in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if count >= factor:
            return f"{count / factor:.3g} {unit}"
    return f"{count} bytes"
