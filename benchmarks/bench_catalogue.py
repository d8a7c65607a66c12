"""Compare catalogue coils with measured ones, as a table in Markdown.

Run `python -m benchmarks.bench_catalogue FOLDER`, where FOLDER holds measured .ccd files.
The potential A is compared on planes 10 to 60 mm below the coil, over 16 cm by 16 cm, at
points more than 12 mm from any source and on the head's side of tilted wings.
"""

import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from scipy.spatial import KDTree

from tmsgrad import coils


PAIRS = {
    "magstim-70mm-double": "MagStim_D70.ccd",
    "magstim-double-cone": "MagStim_DCC.ccd",
    "magventure-c-b60": "MagVenture_C-B60.ccd",
    "magventure-cool-b65": "MagVenture_Cool-B65.ccd",
    "magventure-mst-twin": "MagVenture_MST-Twin.tcd",
    "deymed-120bfv": "Deymed_120BFV.ccd",
}
DEPTHS = (0.01, 0.02, 0.03, 0.04, 0.05, 0.06)


def compare(name: str, file: Path) -> dict[float, float]:
    """Relative L2 error of A by depth; under the depth 0 the error over all."""
    measured, built = coils.read(file), coils.read(name)
    wing = coils.catalogue.design(name).wings[0]
    slope = abs(wing.axis[0] / wing.axis[2])
    x = np.arange(-0.08, 0.081, 0.01)
    points = np.stack(np.meshgrid(x, x, DEPTHS, indexing="ij"), -1).reshape(-1, 3)
    places = np.asarray(measured.sources().dipole_positions)
    clear = KDTree(places).query(points)[0] > 0.012
    bend = slope * np.maximum(np.abs(points[:, 0]) - 0.01, 0)
    points = points[clear & (points[:, 2] - bend > 0.0099)]
    expected = np.asarray(measured.vector_potential(jnp.asarray(points)))
    actual = np.asarray(built.vector_potential(jnp.asarray(points)))

    def error(rows: np.ndarray) -> float:
        difference = np.linalg.norm(actual[rows] - expected[rows])
        return float(difference / np.linalg.norm(expected[rows]))

    result = {0.0: error(np.ones(len(points), dtype=bool))}
    for depth in DEPTHS:
        result[depth] = error(np.abs(points[:, 2] - depth) < 1e-9)
    return result


def main() -> None:
    jax.config.update("jax_enable_x64", True)
    folder = Path(sys.argv[1])
    print("| coil | measured file | all | 10 | 20 | 30 | 40 | 50 | 60 mm |")
    print("|---|---|---|---|---|---|---|---|---|")
    for name, file in PAIRS.items():
        errors = compare(name, folder / file)
        cells = " | ".join(f"{100 * value:.1f} %" for value in errors.values())
        print(f"| {name} | {file} | {cells} |")


if __name__ == "__main__":
    main()
