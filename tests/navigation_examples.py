"""Lists of poses, and files as the vendors write them, for several tests."""

import nibabel
import numpy as np
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation


NAMES = st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp", "Cn"]))


@st.composite
def pose_contents(draw, names=NAMES, least=0, most=4):
    """Draw what makes a list of rigid poses in mm, with names of every script."""
    count = draw(st.integers(least, most))
    matrices = np.tile(np.eye(4), (count, 1, 1))
    for matrix in matrices:
        turn = draw(st.tuples(*[st.floats(-3.2, 3.2)] * 3))
        matrix[:3, :3] = Rotation.from_rotvec(turn).as_matrix()
        # Away from the origin, where Localite has coils that were out of sight.
        matrix[:3, 3] = draw(st.tuples(*[st.floats(-499, 499)] * 2, st.floats(1, 499)))
    # Made a PoseList later: types are checked by chance, which strategies must not use.
    return {
        "matrices": matrices,
        "names": [draw(names) for _ in range(count)],
        "groups": [draw(st.sampled_from(["target", "pulse"])) for _ in range(count)],
        "current_rates": [
            draw(st.just(0.0) | st.floats(1e5, 3e8)) for _ in range(count)
        ],
        "outputs": [draw(st.floats(0, 1)) for _ in range(count)],
    }


def matrix_like(turn=(0.3, -0.5, 0.8), centre=(-40.0, -20.0, 90.0)):
    matrix = np.eye(4)
    matrix[:3, :3] = Rotation.from_rotvec(turn).as_matrix()
    matrix[:3, 3] = centre
    return matrix


def t1_image(code=1):
    image = nibabel.Nifti1Image(np.zeros((4, 5, 6), np.float32), np.eye(4))
    affine = np.diag([-1.0, 1.0, 1.0, 1.0])
    affine[:3, 3] = [90, -126, -172]
    image.set_qform(affine, code=code)
    image.set_sform(affine, code=code)
    return image


def angles_between(first, second):
    """Angles of the turns from one list of poses to another. [degrees]"""
    turns = np.swapaxes(first[:, :3, :3], 1, 2) @ second[:, :3, :3]
    # The angle from sin and cos: arccos alone loses half of the digits.
    skew = np.stack(
        [turns[:, i, j] - turns[:, j, i] for i, j in ((2, 1), (0, 2), (1, 0))], axis=1
    )
    sine = np.linalg.norm(skew, axis=1) / 2
    cosine = (np.trace(turns, axis1=1, axis2=2) - 1) / 2
    return np.degrees(np.arctan2(sine, cosine))


def assert_same_poses(found, expected):
    """Hold what is asked of a round trip: 1e-3 mm and 1e-3 degrees."""
    first, second = found.matrices(), expected.matrices()
    assert first.shape == second.shape
    if len(first):
        np.testing.assert_allclose(first[:, :3, 3], second[:, :3, 3], atol=1e-3)
        assert angles_between(first, second).max() <= 1e-3


INSTRUMENTS = """<?xml version="1.0" encoding="UTF-8"?>
<InstrumentMarkerList coordinateSpace="{space}">
    <!--All positions are saved somewhere.-->
    <InstrumentMarker alwaysVisible="true" index="0" selected="false">
        <Marker color="#0000ff" description="hotspot" set="{set}">
            <Matrix4D {data}/>
        </Marker>
    </InstrumentMarker>
</InstrumentMarkerList>
"""

TRIGGER = """    <TriggerMarker color="#ffafaf" description="" recordingTime="98768"
        selected="false" set="{set}" visibility="true">
        <ResponseValues>
            <Value key="valueA" response="84.0"/>
            <Value key="response" response="NaN"/>
            <Value key="amplitudeA" response="60.0"/>
        </ResponseValues>
        <Matrix4D {data}/>
    </TriggerMarker>
"""

TRIGGERS = """<?xml version="1.0" encoding="UTF-8"?>
<TriggerMarkerList coordinateSpace="RAS" isOnlineReading="false" startTime="15:28:23.6">
    <ResponseParameters selectedResponseChannel="0">
        <responseDescription id="valueA" maxValue="200.0" minValue="0.0"
            name="Value A (di/dt)" unit="A/us"/>
        <responseDescription id="amplitudeA" maxValue="100.0"
            minValue="0.0" name="Amplitude A" unit="%"/>
    </ResponseParameters>
{}</TriggerMarkerList>
"""


def data_of(matrix) -> str:
    """Format a matrix as Localite's attributes."""
    return " ".join(
        f'data{i}{j}="{float(matrix[i, j])!r}"' for i in range(4) for j in range(4)
    )


BRAINSIGHT = """# Version: {version}
# Coordinate system: {system}
# Created by: Brainsight 2.4.9
# Units: millimetres, degrees, milliseconds, and microvolts
# Encoding: UTF-8
# Notes: Each column is delimited by a tab.
{axes}
{rows}
# Sample Name\tSession Name\tIndex\tAssoc. Target\tLoc. X\tLoc. Y\tLoc. Z
# Planned Landmark Name\tLoc. X\tLoc. Y\tLoc. Z
{landmarks}
"""

AXES = "\t".join(
    ["# Target Name", "Loc. X", "Loc. Y", "Loc. Z"]
    + [f"m{i}n{j}" for i in range(3) for j in range(3)]
)


def brainsight(rows, system="NIfTI:Scanner", version=12, landmarks=""):
    return BRAINSIGHT.format(
        version=version, system=system, axes=AXES, rows=rows, landmarks=landmarks
    )


def brainsight_row(name, matrix):
    numbers = [*matrix[:3, 3], *matrix[:3, :3].T.ravel()]
    return "\t".join([name, *(f"{x:.4f}" for x in numbers)])
