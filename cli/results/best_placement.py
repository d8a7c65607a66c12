"""The plan that `optimize` follows, and what it found: summary, picture and words."""

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ... import meshing, optimize
from ...coils import Coil, Pose
from ...efield import ElectricField
from ...meshing import HeadMesh, Region, SurfaceFrame
from ..inputs.goals import Wishes
from ..inputs.maps import MapChoice
from ..pictures.overview import write_overview
from ..runtime.notices import warn
from ..runtime.versions import versions
from .doses import sensitivity_report
from .fields import field_figures, in_metres
from .uncertainty import tell_uncertainty


@dataclass(frozen=True)
class Plan:
    """What `optimize` is asked for. Lengths in m."""

    head: str
    coil: str
    target: tuple[float, float, float]
    radius: float
    tissue: str
    wishes: Wishes
    efield: float | None
    distance: float
    search_radius: float
    tilt: float = 0.0  # [rad]
    anisotropy: str = "scalar"
    order: int = 1
    tensor: str | None = None
    tensor_coverage: float = 0.5
    mni: dict | None = None
    uncertainty: str | None = None
    draws: int = 1024
    placement_sd: tuple[float, ...] = (2.0, 1.0, 3.0, 3.0)
    nifti: str | None = None
    vtu: bool = False
    gifti: tuple[str, ...] = ()
    resample: tuple[tuple[str, str], ...] = ()
    surface_frame: SurfaceFrame | None = None
    thresholds: tuple[float, ...] = ()
    clearance: float = 0.0
    around: tuple[float, float, float] | str | None = None
    electrodes: str | None = None
    forbidden: tuple[tuple[tuple[float, float, float], float], ...] = ()
    obstacles: tuple[tuple[tuple[float, float, float], float], ...] = ()
    rules: bool = False
    shape: bool = False
    motor: tuple[float, float, float] | str | None = None
    motor_pose: str | None = None
    report: bool = False
    target_map: MapChoice | None = None
    force: tuple[str, ...] = ()

    @property
    def domain(self) -> optimize.Domain:
        """Where the coil may be."""
        return optimize.Domain(
            distance=self.distance,
            radius=self.search_radius,
            clearance=self.clearance,
            tilt=self.tilt,
            forbidden=self.forbidden,
            obstacles=self.obstacles,
        )


def plan_summary(
    plan: Plan,
    head: HeadMesh,
    target: Region,
    coil: Coil,
    search: optimize.Search,
    field: ElectricField,
    scaled: ElectricField,
    value: float,
    didt: float,
) -> dict:
    """Put a placement in the words of `summary.json`, with how it was found."""
    best = search.best
    return {
        "matsimnibs": best.pose.to_matsimnibs().tolist(),
        "value": value,
        "reciprocal_value": best.value,
        "value_unit": "V/m at dI/dt = 1e6 A/s",
        "didt": didt,
        "didt_unit": "A/s",
        "share_of_max_didt": None
        if coil.max_current_rate is None
        else didt / coil.max_current_rate,
        "wanted_efield": plan.efield,
        "scalp_clearance_mm": best.clearance * 1e3,
        "distance_mm": best.distance * 1e3,
        "distance_convention": "scalp to coil centre along the coil's z axis",
        "objective": plan.wishes.words,
        "target": {
            "centre_mm": [x * 1e3 for x in plan.target],
            "mni": plan.mni,
            "radius_mm": plan.radius * 1e3,
            "tissue": meshing.TISSUE_NAMES[meshing.tissue_tag(plan.tissue)],
            "tetrahedra": len(target.tetrahedra),
            "volume_mm3": float(head.volumes[target.tetrahedra].sum() * 1e9),
        },
        "field": field_figures(head, scaled, target),
        "optima": [
            {
                "matsimnibs": optimum.pose.to_matsimnibs().tolist(),
                "value": optimum.value,
                "share_of_best": optimum.value / best.value if best.value > 0 else None,
                "scalp_clearance_mm": optimum.clearance * 1e3,
            }
            for optimum in search.optima
        ],
        "search": {
            "starts": search.starts,
            "converged": search.converged,
            "evaluations": search.evaluations,
            "simplification_error": search.simplification_error,
            "tilt_limit_degrees": np.degrees(plan.tilt).item(),
            "at_edge": best.at_edge,
            "stopped": search.stopped,
            "reasons": list(search.reasons),
            "history": search.history.tolist(),
            "value": search.value,
            "robust_value": search.robust_value,
            "sensitivity": sensitivity_report(search.sensitivity),
            "gradient_V_per_m_per_mm": best.gradient[0],
            "gradient_V_per_m_per_degree": best.gradient[1],
        },
        "solver": {"relative_residual": float(np.max(field.report.residual))},
        "head": {
            "source": plan.head,
            "nodes": len(head.nodes),
            "tetrahedra": len(head.tags),
        },
        "coil": {"source": plan.coil, "name": coil.name},
        "versions": versions(),
    }


def draw_plan(
    folder: Path,
    plan: Plan,
    head: HeadMesh,
    coil: Coil,
    pose: Pose,
    field: ElectricField,
    report: dict,
) -> None:
    """Draw the placement as `overview.png`."""
    at = ", ".join(f"{x * 1e3:.0f}" for x in plan.target)
    output = report["share_of_max_didt"]
    facts = [
        (
            "target",
            f"({at}) mm, radius {plan.radius * 1e3:g} mm, {report['target']['tissue']}",
        ),
        ("field in target", f"{report['value'] * report['didt'] / 1e6:.1f} V/m"),
        (
            "dI/dt",
            f"{report['didt'] / 1e6:.1f} A/µs"
            + ("" if output is None else f" ({output:.0%} of this coil's maximum)"),
        ),
        ("coil", coil.name),
        ("distance to scalp", f"{report['distance_mm']:.1f} mm along the coil's axis"),
        ("clearance of the casing", f"{report['scalp_clearance_mm']:.1f} mm"),
    ]
    write_overview(
        folder / "overview.png",
        head,
        np.asarray(field.magnitude),
        in_metres(pose),
        optimize.casing_samples(coil),
        target_centre=np.asarray(plan.target),
        target_radius=plan.radius,
        title=f"Best placement of {coil.name} on {Path(plan.head).name}",
        subtitle=f"{report['objective']} in the target · tmsgrad · for research use only",
        facts=facts,
    )


def warn_of_plan(report: dict, coil: Coil) -> None:
    """Warn of a current above the coil's limit, and of a pose at the search's border."""
    share = report["share_of_max_didt"]
    if share is not None and share > 1:
        assert coil.max_current_rate is not None
        warn(
            f"{report['didt']:.4g} A/s is more than {coil.name} is made "
            f"for ({coil.max_current_rate:.4g} A/s); there the target gets "
            f"{report['value'] * coil.max_current_rate / 1e6:.1f} V/m."
        )
    if report["search"]["at_edge"]:
        warn(
            "the best pose lies at the border of what was searched; a "
            "better one may lie beyond. Take a larger --search-radius."
        )


def share_of_best(optimum: dict) -> str:
    """How good an optimum is beside the best one: objectives have several units."""
    share = optimum["share_of_best"]
    return f"{optimum['value']:.4g}" if share is None else f"{share:.2%} of the best"


def tell_plan(report: dict, out: str) -> None:
    """Print the placement."""
    matrix = np.asarray(report["matsimnibs"])
    share = report["share_of_max_didt"]
    print(f"coil centre      {np.round(matrix[:3, 3], 1).tolist()} mm")
    print(f"handle towards   {np.round(-matrix[:3, 1], 3).tolist()}")
    print(
        f"field in target  {report['value']:.4f} V/m at 1e6 A/s ({report['objective']}; "
        "by a direct solve)"
    )
    error = report["field"]["estimated_error"]
    print(
        f"estimated error  {error['relative_l2_target']:.1%} of the field in the target, "
        f"{error['relative_l2_head']:.1%} in the whole head (of the mesh alone)"
    )
    of_maximum = "" if share is None else f", {share:.0%} of the coil's maximum"
    if report["wanted_efield"] is not None:
        print(
            f"drive it with    {report['didt']:.4g} A/s for {report['wanted_efield']:g} V/m"
            f"{of_maximum}"
        )
    print(
        f"scalp            {report['distance_mm']:.2f} mm from the coil's centre, "
        f"{report['scalp_clearance_mm']:.2f} mm from its casing"
    )
    if "uncertainty" in report:
        tell_uncertainty(report["uncertainty"])
    for other in report["optima"][1:3]:
        print(
            f"another optimum  {share_of_best(other)}, centre "
            f"{np.round(np.asarray(other['matsimnibs'])[:3, 3], 1).tolist()} mm, handle "
            f"{np.round(-np.asarray(other['matsimnibs'])[:3, 1], 2).tolist()}"
        )
    print(f"files            {Path(out)}{os.sep}")
    print(f"time             {report['seconds']['total']:.1f} s")
