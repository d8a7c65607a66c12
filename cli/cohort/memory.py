"""How much memory a person takes, and how many people fit at once."""

import re
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ... import meshing
from ...meshing.anatomy.samseg import memory_needed
from ..inputs.heads import is_template
from .making import Making
from .person import Task


# A process takes so much, and so much for each node. Measured with `tmsgrad optimize`, on
# CPU: 1.42 GB with 23,500 nodes and 1.91 GB with 57,900; more is asked for, for runs that
# keep several fields. [byte]
BASE, PER_NODE = 1150 << 20, 18_000
# Laying the template over a head, and meshing it, took 1.89 GB with so many voxels; more is
# asked for. [byte]
_ATLAS, _VOXELS = 2200 << 20, 7_100_000
# Of the template with some number of tetrahedra: so many, and so many for each.
_NODES_OF_TEMPLATE = (4000, 0.19)
_TEMPLATE = 1_000_000  # Tetrahedra of the template, where no number is given.
_BYTES_OF_NODE = 260  # Of a binary .msh, with its elements.
_BEGIN = 1 << 16
_SHARE = 0.8  # Of the memory that is free.


@dataclass(frozen=True)
class Size:
    """How many people are computed at once.

    Attributes:
        workers: How many.
        share: Memory of each. [byte]
        threads: Of each.
    """

    workers: int
    share: int
    threads: int


def nodes_of(head: str) -> int:
    """How many nodes a head has, without reading all of it.

    Args:
        head: As the command line names it.

    Raises:
        OSError: There is no such head.
        ValueError: A folder has no mesh, or several.
    """
    if is_template(head):
        count = head.partition(":")[2]
        first, each = _NODES_OF_TEMPLATE
        return round(first + each * (int(count) if count.isdigit() else _TEMPLATE))
    source = Path(head)
    file = meshing.find_mesh(source) if source.is_dir() else source
    if file.suffix == ".npz":
        found = _of_npz(file)
        if found:
            return found
    with file.open("rb") as opened:
        begin = opened.read(_BEGIN)
    said = re.search(rb"\$Nodes\s+(\d+)(?:\s+(\d+))?", begin)
    if said is not None:
        # Format 4.1 gives the number of blocks first.
        return int(said[2]) if b"4.1" in begin[:64] and said[2] else int(said[1])
    size = file.stat().st_size
    return size // (_BYTES_OF_NODE // (4 if file.suffix == ".gz" else 1))


def need_of(head: str | None) -> int:
    """Estimate the memory of a process that computes with a head. [byte]"""
    try:
        return BASE + PER_NODE * (0 if head is None else nodes_of(head))
    except (OSError, ValueError):
        return BASE  # What is wrong with it is said when it is read.


def need_of_task(task: Task) -> int:
    """Estimate the memory of a person's process, with what makes the head. [byte]"""
    if task.making is None or task.has_head:
        return need_of(task.head)
    tetrahedra = task.plan.runs[0].options.tetrahedra
    return max(_need_of_making(task.making), need_of(f"template:{tetrahedra}"))


def _need_of_making(making: Making) -> int:
    try:
        voxels = int(np.prod(meshing.load_nifti(Path(making.t1)).shape))
        by = making.how.segmenter()
    except (OSError, ValueError):
        return BASE  # As above.
    if by == "samseg":
        return BASE + round(memory_needed(voxels))
    return round(_ATLAS * max(1.0, voxels / _VOXELS))


def fitting_size(
    needs: list[int], budget: int, cores: int, most: int | None, threads: int | None
) -> Size:
    """Find how many processes fit.

    Args:
        needs: Of each person. [byte]
        budget: For all at once. [byte]
        cores: Of the machine.
        most: At most so many, or None.
        threads: Of each, or None for an equal share of the cores.
    """
    largest = max(needs, default=BASE)
    by_memory = max(budget // largest, 1)
    by_cores = max(cores // (threads or 1), 1)
    workers = min(by_memory, by_cores, most or by_cores, max(len(needs), 1))
    return Size(workers, budget // workers, threads or max(cores // workers, 1))


def free_memory() -> int:
    """What processes may take of this machine's memory. [byte]"""
    import psutil

    return int(_SHARE * psutil.virtual_memory().available)


def _of_npz(file: Path) -> int | None:
    """Read the shape of the nodes in an archive."""
    try:
        with zipfile.ZipFile(file) as archive, archive.open("points.npy") as opened:
            version = np.lib.format.read_magic(opened)
            read = (
                np.lib.format.read_array_header_1_0
                if version == (1, 0)
                else np.lib.format.read_array_header_2_0
            )
            return int(read(opened)[0][0])
    except (OSError, ValueError, KeyError, zipfile.BadZipFile):
        return None
