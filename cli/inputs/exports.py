"""The forms that a field is wanted in, read from the files that options name."""

from collections.abc import Sequence
from pathlib import Path

from ... import meshing
from ...efield.output.forms import Cortex, Exports
from ...meshing import HeadMesh, SurfaceFrame


OWN = "mesh"  # The surface of gray matter of the head's own mesh.
_ENDINGS = (".surf.gii", ".gii")


def read_exports(
    nifti: str | None,
    vtu: bool,
    gifti: Sequence[str] = (),
    spheres: Sequence[Sequence[str]] = (),
) -> Exports:
    """Read what exports need, before anything takes long.

    Args:
        nifti: The image in whose grid images are wanted, or None.
        vtu: Whether a file for VTK is wanted.
        gifti: Surfaces, or `mesh` for the mesh's own.
        spheres: Pairs of registration spheres, the first for the first surface.

    Raises:
        ValueError: A file is no image, says not where it is, or holds no surface; or the
            spheres do not fit the surfaces.
        FileNotFoundError: There is no such file.
    """
    grid = None if nifti is None else meshing.read_grid(nifti)
    files = [name for name in gifti if name != OWN]
    if len(spheres) > len(files):
        raise ValueError(
            f"--resample is given {len(spheres)} times for {len(files)} surfaces of "
            "--gifti: each needs a surface of its own, which the sphere belongs to."
        )
    pairs = dict(zip(files, spheres, strict=False))
    names = [OWN if path == OWN else _stem(path) for path in gifti]
    if len(set(names)) < len(names):
        raise ValueError(f"--gifti: two surfaces have one name ({', '.join(names)}).")
    return Exports(
        grid,
        vtu,
        tuple(
            _read_cortex(name, path, pairs.get(path))
            for name, path in zip(names, gifti, strict=True)
        ),
    )


def _read_cortex(name: str, path: str, pair: Sequence[str] | None) -> Cortex:
    if path == OWN:
        return Cortex("gray_matter")
    file = meshing.open_surface(path)
    if pair is None:
        return Cortex(name, file=file)
    sphere, onto = (meshing.read_sphere(each) for each in pair)
    count = len(file.stored.vertices)
    if len(sphere.vertices) != count:
        raise ValueError(
            f"--resample {pair[0]}: the sphere has {len(sphere.vertices)} vertices, "
            f"but {path} has {count}: it is of another surface."
        )
    return Cortex(name, file=file, spheres=(sphere, onto))


def _stem(path: str) -> str:
    name = Path(path).name
    return next((name.removesuffix(e) for e in _ENDINGS if name.endswith(e)), name)


def placed_exports(
    exports: Exports, head: HeadMesh, frame: SurfaceFrame | None
) -> Exports:
    """Bring the surfaces of exports into the head's frame.

    Raises:
        ValueError: The frame of one cannot be decided.
    """
    try:
        return exports.placed(head, frame)
    except ValueError as error:
        raise ValueError(f"{error} (--surface-frame)") from None
