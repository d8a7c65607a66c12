"""Which conductivity matters for the field in a target: one gradient through the solve.

python examples/tissue_sensitivity.py m2m_ernie MagStim_D70.ccd pose.txt --target=-41,-13,66
"""

import argparse

import jax
import jax.numpy as jnp
import numpy as np

from tmsgrad import coils, efield, meshing


def main(words: list[str] | None = None) -> dict[str, float]:
    """Return by how many per cent the field changes, by tissue."""
    jax.config.update("jax_enable_x64", True)
    parser = argparse.ArgumentParser(description="Which conductivity matters.")
    parser.add_argument("head")
    parser.add_argument("coil")
    parser.add_argument("pose", help="a file of matsimnibs or of a navigation system")
    parser.add_argument("--target", default="-41,-13,66", help="mm")
    parser.add_argument("--radius", type=float, default=8.0, help="mm")
    options = parser.parse_args(words)

    head = meshing.read_head(options.head)
    coil = coils.read(options.coil)
    poses = coils.read_poses(options.pose).poses
    pose = coils.Pose(poses.rotation[0], poses.translation[0])
    centre = np.array([float(x) for x in options.target.split(",")]) * 1e-3
    target = meshing.ball(head, centre, options.radius * 1e-3)
    conductor = efield.assemble(head, efield.isotropic(head))
    tags = jnp.asarray(np.unique(head.tags))
    which = jnp.searchsorted(tags, jnp.asarray(head.tags))

    def value(change):
        """The field when each tissue conducts more by a share."""
        sigma = conductor.conductivity * (1 + change[which])
        field = efield.solve(conductor.with_conductivity(sigma), coil, pose)
        return jnp.linalg.norm(field.mean(target))

    now, slopes = jax.value_and_grad(value)(jnp.zeros(len(tags)))
    print(f"{now:.4f} V/m at 1e6 A/s; 10% more of each conductivity change it by:")
    found = {
        meshing.TISSUE_NAMES[int(tag)]: 10 * float(slope / now)
        for tag, slope in zip(tags, slopes, strict=True)
    }
    for name, percent in found.items():
        print(f"  {name:<14} {percent:+.3f}%")
    return found


if __name__ == "__main__":
    main()
