"""`tmsgrad page`: one file in which the coil is moved and the field follows."""

import argparse

from ...coils import Pose
from ...optimize.page.building import build_page
from ...optimize.page.scene import Scene, Spot
from ..results.page_result import BestOfCoil, PageResult
from ..runtime.ownership import owned_file
from ..runtime.progress import Progress
from ..runtime.provenance import Provenance
from ..runtime.setup import set_up
from .page_request import PageRequest
from .scene import make_scene


def page(options: argparse.Namespace) -> dict:
    """Make the page."""
    set_up()
    request = PageRequest.of(options)
    with owned_file(request.out):
        origin = Provenance.of(options, request.scene.target.settled)
        return make_page(request, origin).to_json()


def make_page(request: PageRequest, origin: Provenance) -> PageResult:
    """Find the best placement of each coil, reduce the field, and write the page.

    Raises:
        ValueError: An input is malformed, or does not fit the others.
        FileNotFoundError: There is no such file.
    """
    progress = Progress()
    made = make_scene(request.scene, origin, progress, str(request.out))
    progress.stage("output", "writing the page")
    size = build_page(request.out, made.scene)
    progress.close()
    scene, best = made.scene, _best(made.scene)
    accuracy = scene.field.accuracy
    result = PageResult(
        *(str(request.out), size, accuracy, best[0].value / made.direct - 1),
        *(scene.verdict, best, made.tensors, origin, progress.to_json()),
    )
    result.show()
    return result


def _best(scene: Scene) -> tuple[BestOfCoil, ...]:
    """What the best placements and those of rules are worth, by the basis."""

    def value(spot: Spot, number: int) -> float:
        pose = Pose(spot.pose[:3, :3], spot.pose[:3, 3])
        return float(scene.in_target.magnitude(pose, 1e6, coil=number)[0])

    found = []
    for placed in scene.coils:
        best = value(placed.best, placed.number)
        shares = {x.name: value(x, placed.number) / best for x in placed.rules}
        matrix = placed.best.pose.copy()
        matrix[:3, 3] *= 1e3
        found.append(BestOfCoil(placed.coil.name, matrix.tolist(), best, shares))
    return tuple(found)
