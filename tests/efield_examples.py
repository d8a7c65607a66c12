"""A small head, coil and conductivities for the tests of the solver.

Run as a program it meshes the spheres of `data/layered_spheres.npz` anew.
"""

import functools
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from tmsgrad.coils import MagneticDipoles, Pose
from tmsgrad.meshing import HeadMesh, spheres


RADII = [0.07, 0.08, 0.092]
# gmsh's meshes depend on its version and on the processor, and on elements so large the
# errors of the fields depend on the mesh.
STORED = Path(__file__).parent / "data" / "layered_spheres.npz"
STORED_SIZES = (0.02, 0.03)


@functools.cache
def layered_sphere(size: float = 0.02) -> HeadMesh:
    """Gray matter within bone within scalp; 4000 tetrahedra at the default size."""
    if size not in STORED_SIZES:
        return meshed_sphere(size)
    with np.load(STORED) as stored:
        parts = [stored[f"{each}_{size}"] for each in ("nodes", "tetrahedra", "tags")]
    return HeadMesh(parts[0], parts[1].astype(np.int64), parts[2].astype(np.int64))


def meshed_sphere(size: float) -> HeadMesh:
    return spheres(RADII, ["gray matter", "bone", "scalp"], size)


def figure_of_eight() -> MagneticDipoles:
    """Two discs of dipoles of opposite sign, 70 mm wide each."""
    nodes, weights = np.polynomial.legendre.leggauss(3)
    r = 0.0175 * (nodes + 1)
    area = weights * 0.0175 * r * 2 * np.pi / 8
    r, angle = np.meshgrid(r, 2 * np.pi * np.arange(8) / 8, indexing="ij")
    disc = np.stack([r * np.cos(angle), r * np.sin(angle), 0 * r], axis=-1)
    wing = np.array([0.035, 0.0, 0.0])
    positions = np.concatenate([disc.reshape(-1, 3) - wing, disc.reshape(-1, 3) + wing])
    moments = np.zeros((48, 3))
    moments[:, 2] = 9 * np.outer([1, -1], np.repeat(area, 8)).ravel()  # 9 turns.
    return MagneticDipoles(positions, moments)


def pose_above(direction, angle: float = 0.0, gap: float = 9e-3) -> Pose:
    """Place a coil tangentially over the sphere, towards a direction."""
    up = np.asarray(direction) / np.linalg.norm(direction)
    z = -up
    y = np.cross(z, [0.0, 0.0, 1.0] if abs(z[2]) < 0.9 else [0.0, 1.0, 0.0])
    y /= np.linalg.norm(y)
    frame = np.stack([np.cross(y, z), y, z], axis=1)
    turn = jnp.array([0.0, 0.0, angle])
    return Pose(frame, (RADII[-1] + gap) * up).moved(jnp.zeros(3), turn)


def several_poses() -> Pose:
    """Three poses, one of them tilted, as a batch."""
    tilted = pose_above([0.0, -1.0, 0.3], 2.0, 20e-3)
    poses = [
        pose_above([0.2, 0.3, 1.0]),
        pose_above([1.0, 0.5, -0.2], 0.7),
        tilted.moved(jnp.zeros(3), jnp.array([0.1, -0.05, 0.0])),
    ]
    return jax.tree.map(lambda *leaves: jnp.stack(leaves), *poses)


def random_tensors(rng: np.random.Generator, count: int) -> np.ndarray:
    """Symmetric tensors with eigenvalues between 0.1 and 1 S/m, in any direction."""
    axes = np.linalg.qr(rng.normal(size=(count, 3, 3)))[0]
    return np.einsum("eia,ea,eja->eij", axes, rng.uniform(0.1, 1, (count, 3)), axes)


def relative_error(actual, expected) -> float:
    """Relative L2 distance of two arrays."""
    difference = np.asarray(actual) - np.asarray(expected)
    return float(np.linalg.norm(difference) / np.linalg.norm(expected))


def store() -> None:
    parts = {}
    for size in STORED_SIZES:
        head = meshed_sphere(size)
        parts |= {
            f"nodes_{size}": head.nodes,
            f"tetrahedra_{size}": head.tetrahedra.astype(np.uint16),
            f"tags_{size}": head.tags.astype(np.uint16),
        }
    np.savez_compressed(STORED, **parts)


if __name__ == "__main__":
    store()
