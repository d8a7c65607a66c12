"""What a search for the field weighted by a network gains over one for its best place.

    python -m benchmarks network --head=template:200000 --subjects=20

Each simulated subject has a map of weights on left prefrontal gray matter: a few patches of
random places, widths and weights. One search maximises Σ w |E| over the map, the other |E|
in a ball at the centre of the map's strongest cluster, as is usual; both poses are rated by
Σ w |E| of a direct solve.
"""

import argparse
from pathlib import Path

import jax
import numpy as np
from benchmarks import record
from benchmarks.bench_forward import head_of
from matplotlib.figure import Figure
from scipy.sparse.csgraph import connected_components
from scipy.spatial import KDTree

from tmsgrad import coils, efield, meshing, optimize


_CENTRE = np.array([-0.040, 0.036, 0.036])  # MNI, left dorsolateral prefrontal. [m]
_REACH, _DEEPEST = 35e-3, 40e-3  # Of the map around it, and below the scalp. [m]
_BALL = 5e-3  # [m]
_RADIUS = 30e-3  # Of the search. [m]


def main(words: list[str]) -> None:
    jax.config.update("jax_enable_x64", True)
    parser = argparse.ArgumentParser(prog="python -m benchmarks network")
    parser.add_argument(
        "--head", default="template:200000", help="a mesh in MNI space, or template:N"
    )
    parser.add_argument("--coil", default="magstim-70mm-double")
    parser.add_argument("--subjects", type=int, default=20)
    options = parser.parse_args(words)
    head = head_of(options.head)
    scalp = meshing.scalp(head)
    coil = coils.read(options.coil)
    conductor = efield.assemble(head, efield.isotropic(head))
    near = np.flatnonzero(
        head.of("gray matter")
        & (np.linalg.norm(head.centroids - _CENTRE, axis=1) < _REACH)
    )
    depth = -scalp.surface.signed_distance(head.centroids[near])
    near = near[depth < _DEEPEST]
    rows, first = [], ()
    for number in range(options.subjects):
        weights = network(np.random.default_rng(number), head.centroids[near])
        kept = weights > 0.05 * weights.max()
        region = meshing.weighted_region(head, near[kept], weights[kept])
        middle = cluster_centre(head, near, weights)
        ball = meshing.ball(head, middle, _BALL)
        modes = optimize.region_modes(
            conductor, coil, scalp, region, centre=middle, radius=_RADIUS
        )
        usual = optimize.MeanMagnitude(efield.reciprocal(conductor, ball))
        poses = [
            optimize.find_pose(
                each,
                coil,
                scalp,
                optimize.Domain(radius=_RADIUS),
                around=scalp.nearest(middle),
            ).pose
            for each in (optimize.MeanOfMagnitude(modes), usual)
        ]
        first = first or (head.centroids[near], weights, poses)
        values = []
        for pose in poses:
            field = efield.solve(conductor, coil, pose, 1e6)
            values.append(float(field.mean_magnitude(region)))
        apart = np.linalg.norm(
            np.asarray(poses[0].translation) - np.asarray(poses[1].translation)
        )
        rows.append(
            {
                "subject": number,
                "by network [V/m]": round(values[0], 4),
                "by cluster [V/m]": round(values[1], 4),
                "gain": round(values[0] / values[1] - 1, 5),
                "coils apart, mm": round(1e3 * float(apart), 1),
            }
        )
        print(rows[-1], flush=True)
    gains = np.array([row["gain"] for row in rows])
    print(record.table(rows))
    print(f"better in {np.sum(gains > 0)} of {len(gains)}")
    print(
        f"gain: median {np.median(gains):.2%}, {gains.min():.2%} to {gains.max():.2%}"
    )
    path = record.write("network", rows)
    _draw(rows, first, path.with_suffix(".png"))
    print("written to", path)


def network(rng: np.random.Generator, places: np.ndarray) -> np.ndarray:
    """Draw a map: the sum of three to seven patches of gray matter. [1]"""
    weights = np.zeros(len(places))
    for _ in range(rng.integers(3, 8)):
        middle = places[rng.integers(len(places))]
        width = rng.uniform(4e-3, 10e-3)
        distance = np.linalg.norm(places - middle, axis=1)
        weights += rng.uniform(0.3, 1.0) * np.exp(-((distance / width) ** 2) / 2)
    return weights


def cluster_centre(head, near: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The gray matter nearest to the centre of gravity of the strongest cluster. [m]"""
    strong = np.flatnonzero(weights > 0.5 * weights.max())
    places, volumes = head.centroids[near[strong]], head.volumes[near[strong]]
    near_pairs = KDTree(places).sparse_distance_matrix(KDTree(places), 4e-3)
    _, cluster = connected_components(near_pairs, directed=False)
    mass = np.bincount(cluster, weights[strong] * volumes)
    mine = cluster == np.argmax(mass)
    centre = np.average(places[mine], axis=0, weights=(weights[strong] * volumes)[mine])
    return places[mine][np.argmin(np.linalg.norm(places[mine] - centre, axis=1))]


def _draw(rows: list[dict], first: tuple, path: Path) -> None:
    """Draw the fields of all subjects, and the map of the first with both coils."""
    colours = {"by network": "#0b5394", "by cluster": "#b45f06"}
    figure = Figure(figsize=(7.6, 3.4), layout="constrained")
    fields, brain = figure.subplots(1, 2)
    by_network, by_cluster = (
        np.array([row[f"{name} [V/m]"] for row in rows]) for name in colours
    )
    ends = [0.95 * by_cluster.min(), 1.05 * by_network.max()]
    fields.plot(ends, ends, color="#888888", linewidth=0.8)
    fields.plot(by_cluster, by_network, "o", color=colours["by network"], alpha=0.7)
    fields.set(
        xlabel="coil placed for the strongest cluster [V/m]",
        ylabel="coil placed for the network [V/m]",
        title="Σ w |E| of each subject",
        xlim=ends,
        ylim=ends,
        aspect="equal",
    )
    places, weights, poses = first
    order = np.argsort(weights)
    points = 1e3 * places[order]
    dots = brain.scatter(
        points[:, 1], points[:, 2], 4, weights[order], cmap="cividis", linewidths=0
    )
    for (name, colour), pose in zip(colours.items(), poses, strict=True):
        y, z = 1e3 * np.asarray(pose.translation)[1:]
        handle = 1e3 * 0.012 * np.asarray(pose.rotation)[1:, 1]
        brain.plot([y, y + handle[0]], [z, z + handle[1]], color=colour, linewidth=2)
        brain.plot(y, z, "o", color=colour, markersize=8, label=f"coil {name}")
    figure.colorbar(dots, ax=brain, label="w, of the first subject")
    brain.set(xlabel="MNI y [mm]", ylabel="MNI z [mm]", aspect="equal")
    brain.legend(
        frameon=False, fontsize=8, ncols=2, loc="lower center", bbox_to_anchor=(0.5, 1)
    )
    fields.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=130)
