"""Fields of surfaces and tractograms, as docs/formats.md lists them."""

import numpy as np
import pytest
import tract_examples
from cli_examples import refused
from format_examples import assert_complete, cases
from heads import five_layers
from nibabel.freesurfer.io import write_geometry
from nibabel.gifti import gifti

from tmsgrad import meshing
from tmsgrad.meshing import SurfaceFrame, Tractogram
from tmsgrad.optimize import targeting


CENTRE = np.array([15.0, -9.0, 7.0])
PIAL, _ = meshing.gray_matter_surface(five_layers())
IN_HEAD = PIAL.vertices * 1e3
TK = IN_HEAD - CENTRE
TURN = np.array([[0.96, -0.28, 0], [0.28, 0.96, 0], [0, 0, 1]])
CONFORMED = np.array([[-1.0, 0, 0], [0, 0, 1], [0, -1, 0]])


def vol_geom(centre=CENTRE, axes=CONFORMED):
    fields = {f"VolGeomC_{w}": str(x) for w, x in zip("RAS", centre, strict=True)}
    for column, axis in enumerate("XYZ"):
        for row, way in enumerate("RAS"):
            fields[f"VolGeom{axis}_{way}"] = str(axes[row, column])
    return fields


def surface(folder, points, about=None, space=0, towards=0, matrix=None):
    matrix = np.eye(4) if matrix is None else matrix
    system = gifti.GiftiCoordSystem(space, towards, matrix)
    arrays = [
        gifti.GiftiDataArray(
            points.astype(np.float32),
            intent="NIFTI_INTENT_POINTSET",
            coordsys=system,
            meta=gifti.GiftiMetaData(about or {}),
        ),
        gifti.GiftiDataArray(PIAL.triangles, intent="NIFTI_INTENT_TRIANGLE"),
    ]
    path = folder / "lh.surf.gii"
    gifti.GiftiImage(darrays=arrays).to_filename(path)
    return path


def lies(found, points=IN_HEAD):
    np.testing.assert_allclose(found.vertices * 1e3, points, atol=1e-4)


def data_space(folder):
    for space in (1, 2):
        lies(meshing.read_surface(surface(folder, IN_HEAD, vol_geom(), space)))
    for space in (3, 4):
        with pytest.warns(UserWarning, match="taken as the head's"):
            lies(meshing.read_surface(surface(folder, IN_HEAD, space=space)))


def decided(path, words):
    with pytest.warns(UserWarning, match=words):
        lies(meshing.read_surface(path, five_layers()))


def matrices(folder):
    matrix = np.eye(4)
    matrix[:3, 3] = CENTRE
    decided(surface(folder, TK, towards=1, matrix=matrix), "moved by the matrix")
    decided(surface(folder, IN_HEAD, towards=1, matrix=matrix), "taken as they stand")
    lies(meshing.read_surface(surface(folder, TK, towards=3, matrix=matrix)), TK)


def centres(folder):
    path = surface(folder, TK, vol_geom())
    decided(path, r"moved by c_ras \(15, -9, 7\) mm: .* \(mean\), moved 0")
    with pytest.raises(ValueError, match=r"lh\.surf\.gii: .*Say which"):
        meshing.read_surface(path)
    lies(meshing.read_surface(path, frame=SurfaceFrame.MOVED))
    lies(meshing.read_surface(path, frame=SurfaceFrame.STORED), TK)
    lies(meshing.read_sphere(path), TK)
    decided(surface(folder, IN_HEAD, vol_geom()), "taken as they stand")
    lies(meshing.read_surface(surface(folder, IN_HEAD, vol_geom(np.zeros(3)))))
    with pytest.raises(ValueError, match="the head does not say"):
        meshing.read_surface(
            surface(folder, IN_HEAD, vol_geom(np.array([0, 0, 1.0]))), five_layers()
        )


def axes(folder):
    oblique = TURN @ CONFORMED
    points = (IN_HEAD - CENTRE) @ TURN
    decided(surface(folder, points, vol_geom(axes=oblique)), "moved by c_ras")


def extent(folder):
    for scale in (1e-3, 1e3):
        with pytest.raises(ValueError, match="coordinates must be in mm"):
            meshing.read_surface(surface(folder, IN_HEAD * scale))


def values(folder, arrays, table=None, name="v.func.gii"):
    made = [
        gifti.GiftiDataArray(
            np.asarray(column, dtype), intent=intent, meta=gifti.GiftiMetaData(Name=n)
        )
        for n, column, dtype, intent in arrays
    ]
    gifti.GiftiImage(darrays=made, labeltable=table).to_filename(folder / name)
    return folder / name


def label_table():
    table = gifti.GiftiLabelTable()
    for key, name in ((0, "none"), (7, "M1"), (8, "x"), (9, "x")):
        entry = gifti.GiftiLabel(key)
        entry.label = name  # pyright: ignore[reportAttributeAccessIssue]
        table.labels.append(entry)
    return table


LABELS = ("areas", [0, 7, 7], np.int32, "NIFTI_INTENT_LABEL")


def label_intent(folder):
    path = values(folder, [LABELS], label_table())
    with pytest.raises(ValueError, match="the file holds labels"):
        targeting.read_surface_map(path)
    shape = values(folder, [("z", [1, 2, 3], np.float32, "NIFTI_INTENT_SHAPE")])
    np.testing.assert_array_equal(targeting.read_surface_map(shape), [1, 2, 3])
    for code, words in (("PVAL", "p-values, which are small"), ("NODE_INDEX", "dense")):
        array = ("x", [1, 2, 3], np.float32, f"NIFTI_INTENT_{code}")
        with pytest.raises(ValueError, match=rf"v\.func\.gii: .*{words}"):
            targeting.read_surface_map(values(folder, [array]))
    array = ("x", [1, np.inf, 3], np.float32, "NIFTI_INTENT_SHAPE")
    with pytest.raises(ValueError, match=r"v\.func\.gii: .*infinite"):
        targeting.read_surface_map(values(folder, [array]))


def label_names(folder):
    path = values(folder, [LABELS], label_table())
    np.testing.assert_array_equal(targeting.read_surface_map(path, "M1"), [0, 1, 1])
    with pytest.raises(ValueError, match="2 labels have the name 'x'"):
        targeting.read_surface_map(path, "x")


def several(folder):
    column = lambda name: (name, [1, 2, 3], np.float32, "NIFTI_INTENT_SHAPE")
    path = values(folder, [column("first"), column("second")])
    with pytest.warns(UserWarning, match=r"of 2 arrays the first is taken \(first\)"):
        targeting.read_surface_map(path)


def freesurfer(folder, points=TK, axes=CONFORMED, valid="1  # volume info valid"):
    about = {
        "head": [2, 0, 20],
        "valid": valid,
        "filename": "x",
        "volume": [256, 256, 256],
        "voxelsize": np.ones(3),
        **{f"{name}ras": axes[:, n] for n, name in enumerate("xyz")},
        "cras": CENTRE,
    }
    path = folder / "lh.pial"
    write_geometry(path, points, PIAL.triangles, volume_info=about)
    return path


def real_ras(folder):
    path = freesurfer(folder, IN_HEAD)
    head = [np.array([2, n, 20], ">i4").tobytes() for n in (0, 1)]
    path.write_bytes(path.read_bytes().replace(*head))
    lies(meshing.read_surface(path))


def valid(folder):
    path = freesurfer(folder, valid="0  # volume info invalid")
    with pytest.warns(UserWarning, match="taken as they stand"):
        lies(meshing.read_surface(path), TK)
    write_geometry(folder / "lh.white", TK, PIAL.triangles)
    with pytest.warns(UserWarning, match="does not say"):
        lies(meshing.read_surface(folder / "lh.white"), TK)
    with pytest.raises(ValueError, match="only be taken as they stand"), pytest.warns():
        meshing.read_surface(folder / "lh.white", frame=SurfaceFrame.MOVED)


def oblique(folder):
    path = freesurfer(folder, (IN_HEAD - CENTRE) @ TURN, TURN @ CONFORMED)
    lies(meshing.read_surface(path))


TRACTS = Tractogram.of([np.array([[0.0, 0, 0.01], [0.01, 0, 0.01]])] * 2)


def trk(folder, offset=None, content=b""):
    meshing.write_tracts(folder / "a.trk", TRACTS, tract_examples.grid())
    if offset is not None:
        data = bytearray((folder / "a.trk").read_bytes())
        data[offset : offset + len(content)] = content
        (folder / "a.trk").write_bytes(bytes(data))
    return folder / "a.trk"


# Where TrackVis has them in its header of 1000 bytes.
VOXEL_SIZE, VOX_TO_RAS, VOXEL_ORDER = 12, 440, 948


def vox_to_ras(folder):
    moved = np.array([10.0], "<f4").tobytes()
    data = trk(folder).read_bytes()
    shift = np.frombuffer(data, "<f4", 16, VOX_TO_RAS).reshape(4, 4)[0, 3]
    found = meshing.read_tracts(trk(folder, VOX_TO_RAS + 12, moved))
    apart = (found.points - TRACTS.points)[:, 0]
    np.testing.assert_allclose(apart, (10.0 - shift) * 1e-3, atol=1e-6)
    with pytest.raises(ValueError, match=r"a\.trk: .*vox_to_ras.*not recorded"):
        meshing.read_tracts(trk(folder, VOX_TO_RAS, bytes(64)))


def voxel_order(folder):
    found = meshing.read_tracts(trk(folder, VOXEL_ORDER, b"LAS"))
    assert np.abs(found.points - TRACTS.points).max() > 1e-2
    with pytest.raises(ValueError, match=r"a\.trk: .*Voxel order is not specified"):
        meshing.read_tracts(trk(folder, VOXEL_ORDER, bytes(4)))


def voxel_size(folder):
    metres = np.full(3, 4e-3, "<f4").tobytes()
    with pytest.raises(ValueError, match=r"a\.trk: .*by vox_to_ras"):
        meshing.read_tracts(trk(folder, VOXEL_SIZE, metres))


def tck_datatype(folder):
    path = tract_examples.write(folder / "a.tck", TRACTS)
    np.testing.assert_allclose(meshing.read_tracts(path).points, TRACTS.points)
    data = path.read_bytes()
    assert b"Float32LE" in data
    path.write_bytes(data.replace(b"datatype: Float32LE", b"datatypo: Float32LE"))
    with pytest.raises(ValueError, match=r"a\.tck: .*Missing 'datatype'"):
        meshing.read_tracts(path)


FORMATS = {
    "GIfTI surfaces": {
        "`DataSpace`": data_space,
        "`TransformedSpace` and matrix": matrices,
        "`VolGeomC_R` to `VolGeomC_S`": centres,
        "`VolGeomX_R` to `VolGeomZ_S`": axes,
        "coordinates": extent,
    },
    "GIfTI values": {
        "`Intent`": label_intent,
        "label table": label_names,
        "several arrays": several,
    },
    "FreeSurfer surfaces": {
        "`useRealRAS`": real_ras,
        "`valid`": valid,
        "`cras`": lambda folder: lies(meshing.read_surface(freesurfer(folder))),
        "`xras`, `yras`, `zras`": oblique,
    },
    "Tractograms, .trk": {
        "`vox_to_ras`": vox_to_ras,
        "`voxel_order`": voxel_order,
        "`voxel_size`": voxel_size,
    },
    "Tractograms, .tck": {"`datatype`": tck_datatype},
}


@pytest.mark.parametrize(("kind", "field"), cases(FORMATS))
def test_a_field_that_is_read_or_checked_has_an_effect(tmp_path, kind, field):
    FORMATS[kind][field](tmp_path)


def test_all_such_fields_are_tested():
    assert_complete(FORMATS)


def test_a_surface_of_unknown_frame_stops_the_command_line(case, tmp_path):
    """Before anything is solved; the option that decides it must have a surface."""
    patch = IN_HEAD * 0.5  # Deep in white matter in either frame.
    path = surface(tmp_path, patch, vol_geom(np.array([0, 0, 5.0])))
    words = case.simulate(tmp_path / "out", gifti=path)
    refused(words, tmp_path, "lh.surf.gii", "the head does not say", "stored")
    words = [*case.simulate(tmp_path / "out"), "--surface-frame", "moved"]
    refused(words, tmp_path, "--surface-frame needs --surface, or --gifti")
