import gzip

import gmsh
import meshio
import numpy as np
import pytest
from msh_examples import FIELDS, TWO, TWO_41, assert_same, cube, text_file

from tmsgrad.meshing import (
    HeadMesh,
    read_msh,
    read_msh_data,
    read_msh_surfaces,
    write_msh,
)


FORMATS = [(2.2, False), (2.2, True), (4.1, False), (4.1, True)]


@pytest.fixture
def head():
    return cube(3)


@pytest.fixture
def in_gmsh():
    gmsh.initialize(readConfigFiles=False, interruptible=False)
    gmsh.option.setNumber("General.Terminal", 0)
    yield gmsh
    gmsh.finalize()


def elements_of(head):
    """Tags and corner positions, whatever the order of nodes and elements."""
    corners = head.nodes[head.tetrahedra].round(12)
    order = np.lexsort((*corners.mean(axis=1).T, head.volumes.round(18)))
    return head.tags[order], np.sort(corners[order], axis=1)


# Reading what other programs write.


@pytest.mark.parametrize(("version", "binary"), FORMATS)
@pytest.mark.parametrize("packed", [False, True])
def test_reads_what_meshio_writes(tmp_path, head, version, binary, packed):
    path = tmp_path / "head.msh"
    mesh = meshio.Mesh(
        head.nodes * 1000,
        [("triangle", head.tetrahedra[:5, :3]), ("tetra", head.tetrahedra)],
        cell_data={
            "gmsh:physical": [np.full(5, 1005), head.tags],
            "gmsh:geometrical": [np.full(5, 1005), head.tags],
        },
    )
    if version == 4.1:  # meshio puts each block into one entity of 4.1.
        tissues = [head.tags == tag for tag in range(1, 11)]
        mesh = meshio.Mesh(
            head.nodes * 1000,
            [("tetra", head.tetrahedra[tissue]) for tissue in tissues],
            point_data={"gmsh:dim_tags": np.tile([3, 1], (len(head.nodes), 1))},
            cell_data={
                "gmsh:physical": [head.tags[tissue] for tissue in tissues],
                "gmsh:geometrical": [head.tags[tissue] for tissue in tissues],
            },
        )
        order = np.concatenate([np.flatnonzero(tissue) for tissue in tissues])
        head = HeadMesh(head.nodes, head.tetrahedra[order], head.tags[order])
    name = "gmsh22" if version == 2.2 else "gmsh"
    mesh.write(path, file_format=name, binary=binary)
    if packed:
        path = tmp_path / "head.msh.gz"
        path.write_bytes(gzip.compress((tmp_path / "head.msh").read_bytes()))
    assert_same(read_msh(path), head, rtol=1e-14)


@pytest.mark.parametrize(
    ("version", "binary", "parametric"),
    [(*form, 0) for form in FORMATS] + [(4.1, False, 1), (4.1, True, 1)],
)
def test_reads_what_gmsh_writes(tmp_path, in_gmsh, version, binary, parametric):
    model = in_gmsh.model
    model.occ.addSphere(0, 0, 0, 60)
    model.occ.addSphere(0, 0, 0, 90)
    model.occ.fragment([(3, 2)], [(3, 1)])
    model.occ.synchronize()
    # The numbers of the physical groups are the reverse of those of the volumes.
    volumes = dict(
        zip((5, 2), sorted(tag for _, tag in model.getEntities(3)), strict=True)
    )
    for tag, volume in volumes.items():
        model.addPhysicalGroup(3, [volume], tag)
    in_gmsh.option.setNumber("Mesh.MeshSizeMin", 30)
    model.mesh.generate(3)
    in_gmsh.option.setNumber("Mesh.MshFileVersion", version)
    in_gmsh.option.setNumber("Mesh.Binary", binary)
    in_gmsh.option.setNumber("Mesh.SaveParametric", parametric)
    in_gmsh.write(str(tmp_path / "spheres.msh"))
    head = read_msh(tmp_path / "spheres.msh")
    assert set(head.tags) == {2, 5}
    for tag, volume in volumes.items():
        elements, _ = model.mesh.getElementsByType(4, volume)
        expected = model.mesh.getElementQualities(elements, "volume")
        actual = head.volumes[head.tags == tag] * 1e9
        np.testing.assert_allclose(actual, expected, rtol=1e-9)


def test_reads_all_forms_of_a_simnibs_mesh_alike(test_data):
    folder = test_data / "heads"
    expected = meshio.read(folder / "sphere3.msh")
    first = read_msh(folder / "sphere3.msh")
    np.testing.assert_allclose(first.nodes * 1000, expected.points, rtol=1e-15)
    np.testing.assert_array_equal(first.tetrahedra, expected.cells_dict["tetra"])
    tags = expected.cell_data_dict["gmsh:physical"]["tetra"]
    np.testing.assert_array_equal(first.tags, tags)
    surfaces = read_msh_surfaces(folder / "sphere3.msh")
    np.testing.assert_allclose(
        surfaces.nodes[surfaces.triangles] * 1000,
        expected.points[expected.cells_dict["triangle"]],
        rtol=1e-15,
    )
    for other in ("sphere3_v4_1_ascii.msh.gz", "sphere3_v4_1_binary.msh"):
        same = read_msh(folder / other)
        for actual, wanted in zip(elements_of(same), elements_of(first), strict=True):
            np.testing.assert_array_equal(actual, wanted)
        again = read_msh_surfaces(folder / other)
        np.testing.assert_array_equal(
            np.bincount(again.tags), np.bincount(surfaces.tags)
        )


def test_reads_a_mesh_of_charm(test_data):
    path = test_data / "heads" / "sphere_charm.msh.gz"
    head = read_msh(path)
    assert (len(head.nodes), len(head.tetrahedra)) == (79116, 369115)
    # Spheres of 85, 90 and 95 mm [SimNIBS' example], meshed from a 1 mm image.
    radii = [
        np.cbrt(0.75 / np.pi * head.volumes[head.tags <= tag].sum()) for tag in (3, 5)
    ]
    np.testing.assert_allclose(radii, [0.085, 0.095], rtol=5e-3)
    assert set(read_msh_surfaces(path).tags) == {1003, 1004, 1005}


def test_reads_the_same_as_the_archive(test_data):
    head = read_msh(test_data / "heads" / "mesh_nyhead_500k.msh.gz")
    with np.load(test_data / "heads" / "mesh_nyhead_500k.npz") as archive:
        np.testing.assert_allclose(head.nodes * 1000, archive["points"], rtol=1e-15)
        np.testing.assert_array_equal(head.tetrahedra, archive["tets"])
        np.testing.assert_array_equal(head.tags, archive["tags"])


# Reading what is written by hand.


@pytest.mark.parametrize("text", [TWO, TWO_41, TWO.replace("\n", "\r\n")])
def test_nodes_are_found_by_number_and_unused_ones_dropped(tmp_path, text):
    path = text_file(tmp_path, text)
    head = read_msh(path)
    order = [0, 1, 2, 3, 4]
    expected = [[0, 0, 0], [10, 0, 0], [0, 10, 0], [0, 0, 10], [10, 10, 10]]
    np.testing.assert_array_equal(head.nodes * 1000, np.array(expected)[order])
    np.testing.assert_array_equal(head.tetrahedra, [[0, 1, 2, 3], [1, 2, 3, 4]])
    np.testing.assert_array_equal(head.tags, [2, 5])
    surfaces = read_msh_surfaces(path)
    np.testing.assert_array_equal(surfaces.nodes[surfaces.triangles[0]], head.nodes[:3])


def test_sparse_node_numbers_need_no_table_of_their_size(tmp_path):
    far = TWO.replace("99", "2000000000")
    assert_same(
        read_msh(text_file(tmp_path, far)), read_msh(text_file(tmp_path, TWO, "a.msh"))
    )


def test_a_binary_file_may_have_one_block_for_each_element(tmp_path, head):
    write_msh(tmp_path / "head.msh", head)
    data = (tmp_path / "head.msh").read_bytes()
    begin = data.index(b"$Elements\n")
    body = data[begin:].split(b"\n", 2)[2].removesuffix(b"$EndElements\n")
    rows = np.frombuffer(body, "<i4")[3:].reshape(-1, 7)
    single = np.hstack([np.tile([4, 1, 2], (len(rows), 1)), rows]).astype("<i4")
    # One that differs in its number of tags lies between them.
    other = np.array([4, 1, 3, *single[50, 3:6], 0, *single[50, 6:]], "<i4").tobytes()
    blocks = single[:50].tobytes() + other + single[51:].tobytes()
    count = b"$Elements\n%d\n" % len(rows)
    text = data[:begin] + count + blocks + b"\n$EndElements\n"
    (tmp_path / "single.msh").write_bytes(text)
    assert_same(read_msh(tmp_path / "single.msh"), head)


def test_fields_are_read_by_number_and_are_nan_where_absent(tmp_path):
    text = TWO_41 + FIELDS.format("2\n9 7.5\n1 2.5") + FIELDS.format("1\n7 1.5")
    fields = read_msh_data(text_file(tmp_path, text))
    nan = np.nan
    np.testing.assert_array_equal(fields.in_tetrahedra["magnE"], [nan, 7.5])
    np.testing.assert_array_equal(fields.in_tetrahedra["magnE [1]"], [1.5, nan])
    rows = [[nan] * 3, [4, 5, 6], [nan] * 3, [nan] * 3, [1, 2, 3]]
    np.testing.assert_array_equal(fields.at_nodes["v"], rows)


# Refusals.


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("$MeshFormat\n2.2", "# vtk DataFile\n2.2"), "not a Gmsh .msh file"),
        (("2.2 0 8", "4 0 8"), "format is .msh 4 .*gmsh IN.msh"),
        (("2.2 0 8", "2.2 0 4"), "numbers of 4 bytes"),
        (("2.2 0 8", "2.2 0"), "format line is '2.2 0'"),
        (
            ("3 4 2 2 1 30 10 20 1\n", "3 4 2 11 1 30 10 20 1\n"),
            r"not tissues: 11 \(1 t",
        ),
        (("3 4 2 2 1 30 10 20 1\n", "3 4 0 30 10 20 1\n"), r"not tissues: 0 \(1 tetr"),
        (("30 10 20 1\n4", "10 30 20 1\n4"), "inverted.*swap two nodes"),
        (("0 0 10\n", "5 5 0\n"), "of zero volume"),
        (("0 0 10\n", "0 0 nan\n"), "not finite"),
        (("0 0 10\n", "0 0 ten\n"), r"\$Nodes holds something that is no number"),
        (("0 0 10\n", "0 0 1e308\n"), "too large.*divide"),
        (("\n1 0 0 10", "\n1.5 0 0 10"), "fraction where a whole number"),
        (("\n99 10", "\n30 10"), "two nodes have the same number"),
        (("1 99\n", "1 98\n"), "elements name nodes 1 to 98.*not among the 7 nodes"),
        (("\n7\n", "\n8\n"), "fewer than its counts say"),
        (("\n7\n", "\n6\n"), "holds 29 numbers, but its counts speak of 25"),
        (("\n7\n", "\n-7\n"), "a count or number is -7"),
        (("\n5\n1 15", "\n6\n1 15"), r"\$Elements ends where 1 elements should follow"),
        (("\n5\n1 15", "\n4\n1 15"), "more numbers than its count"),
        (("3 4 2 2 1 30 10 20 1\n", "3 11 2 2 1 30 10 20 1\n"), "second order.*first"),
        (
            ("3 4 2 2 1 30 10 20 1\n", "3 5 2 2 1 30 10 20 1\n"),
            "the mesh has hexahedra",
        ),
        (("3 4 2 2 1", "3 777 2 2 1"), "elements of the type 777"),
        (("3 4 2 2 1", "3 4 -1 2 1"), "an element with -1 tags"),
        (("$EndElements\n", ""), r"it ends within \$Elements"),
        (("$EndNodes\n", "$EndNodes\nstray\n"), "expected a section, found 'stray'"),
        (
            ("$EndNodes\n", "$EndNodes\n$Nodes\n0\n$EndNodes\n"),
            r"second section \$Nodes",
        ),
        (
            ("$Nodes\n", "$PartitionedEntities\n$EndPartitionedEntities\n$Nodes\n"),
            "is partitioned",
        ),
        (
            ("$Nodes\n", "$ParametricNodes\n"),
            "has parametric nodes.*SaveParametric = 0",
        ),
    ],
)
def test_a_wrong_file_is_refused(tmp_path, change, message):
    assert change[0] in TWO
    path = text_file(tmp_path, TWO.replace(change[0], change[1], 1), "wrong.msh")
    with pytest.raises(ValueError, match=rf"wrong\.msh: (?s:.*){message}"):
        read_msh(path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("10 10 10 1 2 1 1002", "10 10 10 2 2 3 1 1002"), "physical groups 2, 3"),
        (("3 5 1 99", "3 6 1 99"), "should hold 6 nodes, but its blocks have 5"),
        (("4 4 1 9", "4 5 1 9"), "1 elements more than its blocks"),
        (("3 2 0 0", "5 2 0 0"), "has the dimension 5"),
        (("3 1 4 1\n", "3 1 4 9\n"), r"fewer than its counts say"),
        (("3 1 4 1\n", "3 1 11 1\n"), "second order"),
    ],
)
def test_a_wrong_file_of_format_4_is_refused(tmp_path, change, message):
    assert change[0] in TWO_41
    path = text_file(tmp_path, TWO_41.replace(change[0], change[1], 1), "wrong.msh")
    with pytest.raises(ValueError, match=rf"wrong\.msh: (?s:.*){message}"):
        read_msh(path)


def test_a_mesh_without_tetrahedra_is_refused(tmp_path):
    lines = [line for line in TWO.split("\n") if line[:4] not in ("3 4 ", "4 4 ")]
    text = "\n".join(lines).replace("$Elements\n5", "$Elements\n3")
    path = text_file(tmp_path, text)
    with pytest.raises(ValueError, match=r"two\.msh: the file holds no tetrahedra"):
        read_msh(path)
    assert len(read_msh_surfaces(path).triangles) == 2


@pytest.mark.parametrize(("factor", "advice"), [(1e-3, "multiply"), (1e6, "divide")])
def test_a_file_in_other_units_is_refused(tmp_path, factor, advice):
    head = cube(3)
    scaled = HeadMesh(head.nodes * factor, head.tetrahedra, head.tags)
    write_msh(tmp_path / "scaled.msh", scaled)
    with pytest.raises(
        ValueError, match=rf"scaled\.msh: the mesh is .* across.*{advice}"
    ):
        read_msh(tmp_path / "scaled.msh")


def test_missing_files_folders_and_empty_files_are_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"none\.msh: file not found"):
        read_msh(tmp_path / "none.msh")
    with pytest.raises(IsADirectoryError, match=r"is a folder.*read_head"):
        read_msh(tmp_path)
    (tmp_path / "empty.msh").touch()
    with pytest.raises(ValueError, match=r"empty\.msh: this is not a Gmsh .msh file"):
        read_msh(tmp_path / "empty.msh")


def test_big_endian_files_are_refused(tmp_path, head):
    write_msh(tmp_path / "head.msh", head)
    data = (tmp_path / "head.msh").read_bytes()
    for mark, message in (
        (b"\0\0\0\1", "big-endian"),
        (b"\0\0\1\0", "byte-order mark"),
    ):
        (tmp_path / "other.msh").write_bytes(data.replace(b"\1\0\0\0", mark, 1))
        with pytest.raises(ValueError, match=rf"other\.msh: .*{message}"):
            read_msh(tmp_path / "other.msh")


def files_of_all_kinds(tmp_path):
    """A small head in each format, with fields."""
    tiny = read_msh(text_file(tmp_path, TWO))
    path = tmp_path / "tiny.msh"
    write_msh(path, tiny, {"E": np.ones((2, 3)), "v": np.ones(5)})
    kinds = [path.read_bytes(), gzip.compress(path.read_bytes(), mtime=0)]
    kinds += [(text + FIELDS.format("1\n4 7.5")).encode() for text in (TWO, TWO_41)]
    gmsh.initialize(readConfigFiles=False, interruptible=False)
    gmsh.option.setNumber("General.Terminal", 0)
    gmsh.open(str(path))
    gmsh.option.setNumber("Mesh.Binary", 1)
    gmsh.write(str(path))
    gmsh.finalize()
    assert path.read_bytes().startswith(b"$MeshFormat\n4.1 1 8\n")
    return [*kinds, path.read_bytes()]


def refusal_of(path):
    """Read a file whole; return the message of its refusal, "" if there was none."""
    try:
        read_msh_data(path)
        read_msh(path)
    except ValueError as error:
        return str(error)
    return ""


def test_a_file_cut_off_anywhere_is_refused(tmp_path):
    path = tmp_path / "cut.msh"
    for data in files_of_all_kinds(tmp_path):
        # Where it is cut between two sections, what is there is whole.
        marks = [b"$EndElements", b"$EndNodeData", b"$EndElementData"]
        ends = {data.find(mark) + len(mark) for mark in marks if mark in data}
        allowed = ends | {end + 1 for end in ends}
        for length in range(len(data.rstrip(b"\n"))):
            path.write_bytes(data[:length])
            message = refusal_of(path)
            assert message.startswith(f"{path}: ") or length in allowed, length


@pytest.mark.filterwarnings("ignore:.*physical groups:UserWarning")
def test_a_damaged_file_is_read_or_refused_but_never_worse(tmp_path, rng):
    path = tmp_path / "damaged.msh"
    refused = 0
    for data in files_of_all_kinds(tmp_path):
        for _ in range(150):
            damaged = np.frombuffer(data, np.uint8).copy()
            where = rng.integers(0, len(damaged), rng.integers(1, 4))
            damaged[where] = rng.choice([0, 32, 48, 57, 127, 255], len(where))
            path.write_bytes(damaged.tobytes())
            message = refusal_of(path)
            assert not message or message.startswith(f"{path}: ")
            refused += bool(message)
    assert refused > 300
