"""Localite TMS Navigator: lists of instrument markers and trigger markers, in XML.

Instrument markers are set by the user and named; trigger markers are recorded, one for
each pulse, with the stimulator's settings. A marker's matrix maps the coil to the image,
lengths in mm, in RAS or LPS as the list says. The coil's x axis points into the head and y
along the handle, away from the coil; so SimNIBS' axes are x = z, y = -y and z = x of
Localite's. [Axes: seen in recorded sessions over the hand area, where the handle points
backwards and sideways.]
"""

import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from xml.etree.ElementTree import Element
from xml.sax.saxutils import quoteattr

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from ...disk import write_whole
from .forms import ImageForm
from .poses import HEAD_FRAME, TO_RAS, PoseList, joined, reframed
from .text import check_names
from .xml import matrix_of, number_of, read_xml


# Columns of this are SimNIBS' axes of the coil in those of Localite's.
_AXES = np.array([[0.0, 0, 1, 0], [0, -1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 1]])

_NAMING = ("LocTMSTriggerData", "LocSessionState")
_MOST_STEPS = 4  # A session names the triggers' file, and that the lists of each coil.

# What is recorded with a pulse, by the units that the file may state.
_RATES = {"A/us": 1e6, "A/µs": 1e6, "MA/s": 1e6, "kA/s": 1e3, "A/s": 1.0}
_SHARES = {"%": 0.01}

_COMMENT = """    <!--All positions are saved in the coordinate system of the \
corresponding medical data.
NIfTI image data are recommended using RAS system (x-axis increases from the left hand \
side to the right hand side of the patient,
y-axis increases from the posterior side to the anterior side of the patient and z-axis \
increases from the feet toward the head of the patient).-->
"""
_RESPONSES = """    <ResponseParameters selectedResponseChannel="0">
        <responseDescription id="response" maxValue="51200.0"
            minValue="-51200.0" name="Response" unit="uV"/>
        <responseDescription id="valueA" maxValue="200.0" minValue="0.0"
            name="Value A (di/dt)" unit="A/us"/>
        <responseDescription id="amplitudeA" maxValue="100.0"
            minValue="0.0" name="Amplitude A" unit="%"/>
    </ResponseParameters>
"""


def read_localite(
    path: str | os.PathLike[str], *, space: str | None = None, repair: bool = False
) -> PoseList:
    """Read markers of Localite.

    Args:
        path: A list of instrument markers or of trigger markers; or a file that names
            some, which are then read: `TriggerData….xml` with the triggers of all coils,
            or a session with its instrument markers.
        space: `RAS` or `LPS`, where the file does not say it or is wrong.
        repair: See `PoseList.of_matrices`.

    Returns:
        The markers that have a position; trigger markers with dI/dt, output and time.

    Raises:
        OSError: The file, or one that it names, cannot be read.
        ValueError: It is no list of markers, or a marker is malformed.
    """
    lists = _lists(Path(path), set(), 0)
    found = [_read_list(*each, space, repair) for each in lists]
    return joined(found) if len(found) > 1 else found[0]


def _lists(file: Path, seen: set[Path], depth: int) -> list[tuple[Path, Element]]:
    """Find the lists that a file names, or itself, each once, however often it is named."""
    if depth > _MOST_STEPS:
        raise ValueError(
            f"{file}: files name one another over more than {_MOST_STEPS} steps, which no "
            "session does. Give the list of markers itself."
        )
    seen.add(file.resolve())
    root = read_xml(file)
    if root.tag not in _NAMING:
        return [(file, root)]
    found = []
    for each in _named(file, root):
        if each.resolve() not in seen:
            found += _lists(each, seen, depth + 1)
    if not found and depth == 0:
        raise ValueError(
            f"{file}: it names itself, or files that name one another, and no list of "
            "markers. Give the list itself."
        )
    return found


def _read_list(file: Path, root: Element, space: str | None, repair: bool) -> PoseList:
    if root.tag not in ("InstrumentMarkerList", "TriggerMarkerList"):
        raise ValueError(
            f"{file}: <{root.tag}> holds no coil poses. Give a list of instrument markers "
            "or of trigger markers."
        )
    said = root.get("coordinateSpace")
    named = space or said
    if named not in TO_RAS:
        raise ValueError(
            f"{file}: the coordinate space is {named!r}; known are RAS and LPS. State it "
            "(--space), or export the markers anew."
        )
    notes = []
    if said in TO_RAS and named != said:
        notes.append(f"the file says {said}, but its coordinates are read as {named}.")
    instruments = root.tag == "InstrumentMarkerList"
    found = list(_instruments(file, root) if instruments else _triggers(file, root))
    kept = [each for each in found if each is not None]
    matrices = np.array([each[1] for each in kept]).reshape(-1, 4, 4)
    try:
        return PoseList.of_matrices(
            reframed(TO_RAS[named], matrices, _AXES),
            [each[0] for each in kept],
            groups=["marker" if instruments else "pulse"] * len(kept),
            current_rates=[each[2] for each in kept],
            outputs=[each[3] for each in kept],
            times=[each[4] for each in kept],
            system=f"Localite {'instrument' if instruments else 'trigger'} markers",
            frame=HEAD_FRAME,
            form=ImageForm(),
            notes=notes + ([] if instruments else _units_left_out(root)),
            skipped=len(found) - len(kept),
            repair=repair,
        )
    except ValueError as error:
        raise ValueError(f"{file}: {error}") from None


def write_localite(
    path: str | os.PathLike[str],
    poses: PoseList,
    *,
    space: str = "RAS",
    triggers: bool = False,
) -> None:
    """Write poses as markers of Localite.

    Args:
        path: The file, replaced when it exists.
        poses: In the head's frame.
        space: `RAS`, which NIfTI images have, or `LPS`, which DICOM images have.
        triggers: Write trigger markers, with dI/dt and output, not instrument markers.

    Raises:
        OSError: The file cannot be written.
        ValueError: The space is unknown, or a name holds characters that XML cannot.
    """
    if space not in TO_RAS:
        raise ValueError(f"`space` must be RAS or LPS, got {space!r}.")
    check_names(poses, "XML")
    matrices = TO_RAS[space] @ poses.matrices() @ _AXES.T
    kind = "TriggerMarkerList" if triggers else "InstrumentMarkerList"
    more = ' isOnlineReading="false" startTime="00:00:00.000"' if triggers else ""
    lines = ['<?xml version="1.0" encoding="UTF-8"?>\n']
    lines.append(f'<{kind} coordinateSpace="{space}"{more}>\n{_COMMENT}')
    if triggers:
        lines.append(_RESPONSES)
    for index, matrix in enumerate(matrices):
        entry = _trigger if triggers else _instrument
        lines.append(entry(poses, index, matrix))
    lines.append(f"</{kind}>\n")
    write_whole(path, "".join(lines))


_Entry = tuple[str, list[list[float]], float, float, float]


def _instruments(file: Path, root: Element) -> Iterator[_Entry | None]:
    for number, each in enumerate(root.iter("InstrumentMarker")):
        marker = each.find("Marker")
        matrix = None if marker is None else marker.find("Matrix4D")
        if marker is None or matrix is None:
            raise ValueError(f"{file}: marker {number} has no Matrix4D.")
        name = marker.get("description", "")
        if marker.get("set") != "true":
            yield None
            continue
        rows = matrix_of(matrix, f"{file}: marker {number} ({name!r})")
        yield name, rows, np.nan, np.nan, np.nan


def _triggers(file: Path, root: Element) -> Iterator[_Entry | None]:
    units = _units(root)
    rate_unit = _RATES.get(units.get("valueA", ""), np.nan)
    share_unit = _SHARES.get(units.get("amplitudeA", ""), np.nan)
    for number, each in enumerate(root.iter("TriggerMarker")):
        where = f"{file}: trigger {number}"
        matrix = each.find("Matrix4D")
        if matrix is None:
            raise ValueError(f"{where} has no Matrix4D.")
        rows = matrix_of(matrix, where)
        # A coil out of sight is recorded as the unit matrix.
        if each.get("set") != "true" or rows == np.eye(4).tolist():
            yield None
            continue
        values = {
            value.get("key"): number_of(value, "response", where)
            for value in each.iter("Value")
        }
        time = number_of(each, "recordingTime", where) * 1e-3
        yield (
            each.get("description") or f"pulse {number + 1}",
            rows,
            values.get("valueA", np.nan) * rate_unit,
            values.get("amplitudeA", np.nan) * share_unit,
            time,
        )


def _units(root: Element) -> dict[str, str]:
    """The unit of each recorded quantity."""
    return {
        each.get("id", ""): each.get("unit", "")
        for each in root.iter("responseDescription")
    }


def _units_left_out(root: Element) -> list[str]:
    units = _units(root)
    known = {"valueA": ("dI/dt", _RATES), "amplitudeA": ("outputs", _SHARES)}
    return [
        f"{name} of the file are in {units[key]!r}, which is not known: they are left out."
        for key, (name, scales) in known.items()
        if key in units and units[key] not in scales
    ]


def _named(file: Path, root: Element) -> list[Path]:
    """Find the lists that a file of the session names, wherever the session lies now."""
    triggers = root.tag == "LocTMSTriggerData"
    if triggers:
        paths = [x.text or "" for x in root.iter("fileReferencePath")]
        folders = [file.parent]
    else:
        paths = [
            path.text or ""
            for entry in root.iter("entry")
            if (entry.findtext("string") or "") == "InstrumentMarkerList"
            for path in entry.iter("fileReferencePath")
        ]
        folders = [up / "InstrumentMarkers" for up in file.resolve().parents[:2]]
    if not paths:
        raise ValueError(f"{file}: it names no list of markers.")
    found = []
    for path in paths:
        # The name alone: a path in a file must not lead out of the session.
        name = PurePosixPath(path.replace("\\", "/")).name
        here = [folder / name for folder in folders if (folder / name).is_file()]
        if not name or not here:
            raise FileNotFoundError(
                f"{file}: it names {path}, which is not in {folders[0]}. Copy the whole "
                "session, or give the list of markers itself."
            )
        found.append(here[0])
    return found


def _instrument(poses: PoseList, index: int, matrix: Float[ndarray, "4 4"]) -> str:
    return (
        f'    <InstrumentMarker alwaysVisible="false" index="{index}" selected="false">\n'
        '        <Marker additionalInformation="" color="#ff0000"\n'
        f'            description={quoteattr(poses.names[index])} set="true">\n'
        f"            {_matrix(matrix, ' ' * 16)}\n"
        "        </Marker>\n"
        "    </InstrumentMarker>\n"
    )


def _trigger(poses: PoseList, index: int, matrix: Float[ndarray, "4 4"]) -> str:
    time = poses.times[index]
    values = [
        ("valueA", poses.current_rates[index] * 1e-6),
        ("response", np.nan),
        ("amplitudeA", poses.outputs[index] * 100),
    ]
    responses = "".join(
        f'            <Value key="{key}" '
        f'response="{"NaN" if np.isnan(value) else repr(float(value))}"/>\n'
        for key, value in values
    )
    return (
        '    <TriggerMarker color="#ffafaf" '
        f"description={quoteattr(poses.names[index])}\n"
        f'        recordingTime="{0 if np.isnan(time) else round(time * 1e3)}"\n'
        '        selected="false" set="true" visibility="true">\n'
        f"        <ResponseValues>\n{responses}        </ResponseValues>\n"
        f"        {_matrix(matrix, ' ' * 12)}\n"
        "    </TriggerMarker>\n"
    )


def _matrix(matrix: Float[ndarray, "4 4"], indent: str) -> str:
    rows = [
        " ".join(f'data{r}{c}="{float(matrix[r, c])!r}"' for c in range(4))
        for r in range(4)
    ]
    return "<Matrix4D " + f"\n{indent}".join(rows) + "/>"
