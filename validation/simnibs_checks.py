"""Checks against SimNIBS 4.5: fields that it computed on the same mesh."""

from functools import partial
from pathlib import Path

import numpy as np

from .. import coils, efield, meshing
from ..coils import AbstractCoil, Pose
from ..efield import Anisotropy, Conductor
from ..meshing import FSL_TENSORS, HeadMesh, TensorImage
from .cases import reference
from .catalogue import figure_of_eight
from .checks import AtMost, Check, Workbench
from .metrics import mag, peak, rdm


GROUP = "simnibs"
KINDS = tuple(kind.value for kind in Anisotropy)

_QUICK = ("scalar", "vn")

# What is promised is 1e-8. Only rounding may lie between, which is far less.
_LIMITS = {
    "rdm": 1e-12,
    "mag": 1e-13,
    "rate": 1e-13,
    "potential": 1e-11,
    "spr": 1e-11,
    "summary": 1e-12,
    "tensor": 1e-14,
}
_SHAPE = "shape (RDM), the worst of"
_SIZE = "size (|MAG - 1|), the worst of"


def checks() -> list[Check]:
    """All checks of this group."""
    return [*_of_head("template", quick=True), *_of_head("New York head", quick=False)]


def _of_head(head: str, quick: bool) -> list[Check]:
    def check(what: str, compares: str, key: str, kind: str) -> Check:
        study = {"scalar": _scalar_study}.get(kind, _tensor_study)
        return Check(
            name=f"{head}: {what}",
            group=GROUP,
            compares=compares,
            limit=AtMost(_LIMITS[key]),
            measure=partial(_number, study, head, kind, key),
            rounding=True,
            quick=quick and kind in _QUICK,
        )

    rows = [
        check("E, shape", f"{_SHAPE} six poses, same mesh", "rdm", "scalar"),
        check("E, size", f"{_SIZE} six poses, same mesh", "mag", "scalar"),
        check("dA/dt at nodes", "relative L2", "rate", "scalar"),
        check("potential at nodes", "relative L2", "potential", "scalar"),
        check("E recovered (SPR)", "worst point in gray matter", "spr", "scalar"),
    ]
    if head == "template":
        what = "percentiles, mean and norm of all elements, the worst of six poses"
        rows.append(check("summaries of |E|", what, "summary", "scalar"))
    for kind in KINDS:
        tensor = f"conductivities {kind}"
        rows += [
            check(tensor, "relative L2, sampled elements", "tensor", kind),
            check(f"E with {kind}, shape", f"{_SHAPE} one", "rdm", kind),
            check(f"E with {kind}, size", f"{_SIZE} one", "mag", kind),
        ]
    return rows


def _number(study, head: str, kind: str, key: str, bench: Workbench) -> float:
    arguments = (head,) if kind == "scalar" else (head, kind)
    return bench.once(study, *arguments)[key]


def _load(
    bench: Workbench, name: str
) -> tuple[HeadMesh, Conductor, dict[str, np.ndarray]]:
    if name == "template":
        head = meshing.read_npz(bench.references() / "template_mesh.npz")
        stored = reference(bench.references())
    else:
        folder = Path(bench.folder())
        head = meshing.read_npz(folder / "heads" / "mesh_nyhead_500k.npz")
        with np.load(folder / "simnibs_reference" / "nyhead_simnibs45.npz") as file:
            stored = dict(file)
    return head, efield.assemble(head, efield.isotropic(head)), stored


def _coil(bench: Workbench, name: str, anisotropic: bool) -> AbstractCoil:
    if name == "template":
        return figure_of_eight()
    which = "MagVenture_Cool-B65" if anisotropic else "MagStim_D70"
    return coils.read(Path(bench.folder()) / "coils" / f"{which}.ccd")


def _tensors(bench: Workbench, name: str) -> TensorImage:
    if name == "template":
        path = bench.references() / "template_tensor_synthetic.nii.gz"
    else:
        path = Path(bench.folder()) / "heads" / "nyhead_tensor_synthetic.nii.gz"
    return meshing.read_tensors(path, FSL_TENSORS)


def _scalar_study(bench: Workbench, name: str) -> dict[str, float]:
    """All poses with scalar conductivities."""
    head, conductor, stored = _load(bench, name)
    coil = _coil(bench, name, anisotropic=False)
    poses = Pose.from_matsimnibs(stored["matsimnibs"])
    rate = float(stored["didt"])
    field = efield.solve(conductor, coil, poses, rate, solver=efield.Direct())
    sampled = stored["tet_index"]
    volumes, vectors = head.volumes[sampled], np.asarray(field.vectors)
    pairs = list(zip(vectors[:, sampled], stored["E_scalar"], strict=True))
    driven = np.asarray(efield.rates(conductor, coil, poses, rate)[0, :1000])
    recovery = efield.simnibs_recovery(head, stored["spr_points_mm"] * 1e-3)
    recovered, expected = np.asarray(recovery(field)[0]), stored["E_spr_points"]
    apart = np.linalg.norm(recovered - expected, axis=1)
    bench.pictures.setdefault("simnibs", {})[name] = tuple(
        np.concatenate([np.linalg.norm(pair[side], axis=1) for pair in pairs])
        for side in (0, 1)
    )
    found = {
        "rdm": max(rdm(a, b, volumes) for a, b in pairs),
        "mag": max(abs(mag(a, b, volumes) - 1) for a, b in pairs),
        "rate": _relative(driven, stored["dadt_nodes_first1000"]),
        "potential": _relative(
            np.asarray(field.potential)[0, :1000], stored["v_first1000"]
        ),
        "spr": float(np.max(apart / np.linalg.norm(expected, axis=1))),
    }
    if "summary_scalar" in stored:
        ours = _summaries(head, vectors)
        columns = [ours[name] for name in stored["summary_names"].tolist()]
        table = np.stack(columns, axis=1) / stored["summary_scalar"]
        found["summary"] = float(np.abs(table - 1).max())
    return found


def _summaries(head: HeadMesh, vectors: np.ndarray) -> dict[str, np.ndarray]:
    """What the references' `README.md` says of all elements; volumes are in mm³ there."""
    gray, size = head.of("gray matter"), np.linalg.norm(vectors, axis=2)
    volumes = head.volumes[gray]
    found = {
        f"magnE_GM_{name}": np.array([peak(m[gray], volumes, p) for m in size])
        for name, p in (("p50", 50.0), ("p99", 99.0), ("p999", 99.9))
    }
    found["magnE_GM_mean"] = size[:, gray] @ volumes / volumes.sum()
    found["L2_all"] = np.sqrt(size**2 @ (head.volumes * 1e9))
    return found


def _tensor_study(bench: Workbench, name: str, kind: str) -> dict[str, float]:
    """The first pose with conductivities of a tensor image."""
    head, conductor, stored = _load(bench, name)
    image = _tensors(bench, name)
    conductivity, _ = efield.anisotropic(head, image, Anisotropy(kind))
    sampled = stored["tet_index"]
    field = efield.solve(
        conductor.with_conductivity(conductivity),
        _coil(bench, name, anisotropic=True),
        Pose.from_matsimnibs(stored["matsimnibs"][0]),
        float(stored["didt"]),
        solver=efield.Direct(),
    )
    expected = stored[f"cond_{kind}"].reshape(-1, 3, 3)
    pair = (
        np.asarray(field.vectors)[sampled],
        stored[f"E_{kind}"],
        head.volumes[sampled],
    )
    return {
        "tensor": _relative(np.asarray(conductivity)[sampled], expected),
        "rdm": rdm(*pair),
        "mag": abs(mag(*pair) - 1),
    }


def _relative(found: np.ndarray, expected: np.ndarray) -> float:
    return float(np.linalg.norm(found - expected) / np.linalg.norm(expected))
