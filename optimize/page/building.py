"""From a scene to its page."""

import shlex
from collections.abc import Callable
from pathlib import Path

from ...efield.verdict import GOOD, LIMITS, UNSURE, USABLE, words_of_limits
from ...meshing.drawing.palette import field_palette
from ...meshing.viewer.packing import packed
from .brain import Brain
from .file import page, write_page
from .regions import regions_json
from .scene import Scene
from .sections import sections_json
from .surroundings import coil_json, scalp_json


SCHEMA = 1


def build_page(path: Path, scene: Scene) -> int:
    """Write the page of a scene, and return its size in bytes.

    Raises:
        ValueError: It would be too large.
        OSError: The file cannot be written.
    """
    return write_page(path, _title(scene), scene_json(scene))


def live_page(scene: Scene) -> Callable[[str], str]:
    """Make what gives the page of a tracked coil, for what it may connect to."""
    content = scene_json(scene) | {"live": True}
    return lambda stream: page(_title(scene), content, stream)


def _title(scene: Scene) -> str:
    names = " or ".join(each.coil.name for each in scene.coils)
    return f"{names} on {scene.head_name}"


def scene_json(scene: Scene) -> dict:
    """All that the page's script works with; lengths in m, angles in rad."""
    drives, brain = scene.field.coils, Brain.of(scene)
    return {
        "schema": SCHEMA,
        "head": {
            "name": scene.head_name,
            "source": shlex.quote(scene.source),
            "solved": shlex.join(scene.solved),
        },
        "palette": [_hex(colour) for colour in field_palette()[::5]],
        "cortex": brain.to_json(),
        "regions": regions_json(brain, scene.gyri),
        "scalp": scalp_json(scene),
        "coils": [coil_json(x, drives[x.number], scene.cover) for x in scene.coils],
        "sections": sections_json(scene),
        "target": {
            "centre": [float(x) for x in scene.region.centre],
            "radius": scene.radius,
            "modes": packed(scene.in_target.modes.dense()[:, 0], "f8"),
        },
        "named": {name: [float(x) for x in at] for name, at in scene.named.items()},
        "sure": {
            "mesh": scene.error,
            "word": scene.verdict.word,
            "reasons": list(scene.verdict.reasons),
            "limits": words_of_limits(),
            "bounds": list(LIMITS),
            "words": [GOOD, USABLE, UNSURE],
        },
        "didt": scene.didt,
        "image": None if scene.image is None else dict(scene.image),
    }


def _hex(colour) -> str:
    return "#" + "".join(f"{round(255 * float(part)):02x}" for part in colour)
