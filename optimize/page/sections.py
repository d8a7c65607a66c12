"""Slices through the target: tissues, or the person's own T1, with what lies where."""

import base64
import io

import numpy as np
from PIL import Image

from ... import meshing
from ...meshing.pictures.overview import LETTERS
from ...meshing.pictures.slices import VIEWS, brightness, section_camera, section_image
from .scene import Scene


_SIZE = 240  # Pixels along each side.


def sections_json(scene: Scene) -> list[dict]:
    """Three slices as pictures, and the planes that they lie in; lengths in m."""
    at = np.asarray(scene.region.centre)
    subject = meshing.subject_of(scene.source)
    t1 = None if subject is None else subject.t1
    behind = None if t1 is None else brightness(meshing.load_nifti(t1))
    nothing = np.zeros(len(scene.head.tags))
    found = []
    for across, viewer, up, name in VIEWS:
        camera = section_camera(
            scene.head, at, LETTERS[viewer], LETTERS[up], (0, 0, _SIZE, _SIZE)
        )
        colours = section_image(scene.head, nothing, camera, behind)
        found.append(
            {
                "name": f"{name}, {'xyz'[across]} = {at[across] * 1e3:.0f} mm",
                "of": "tissues" if behind is None else "T1",
                "picture": _png(colours),
                "centre": camera.centre.tolist(),
                "right": camera.right.tolist(),
                "up": camera.up.tolist(),
                "pixel": camera.pixel,
                "size": _SIZE,
            }
        )
    return found


def _png(colours: np.ndarray) -> str:
    """A picture as an address that holds it."""
    gray = np.rint(255 * np.clip(colours[..., 0], 0, 1)).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(gray).save(file, "PNG", optimize=True)
    text = base64.b64encode(file.getvalue()).decode("ascii")
    return f"data:image/png;base64,{text}"
