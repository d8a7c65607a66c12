"""Tables of labels: which tissue each number of a label image stands for.

Presets are `SIMNIBS_LABELS`, `SPM_LABELS` and `FREESURFER_LABELS`; a table can also be
read from a text file, or be a mapping of the caller's.
"""

import os
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from jaxtyping import Int, UInt8
from numpy import ndarray

from ...disk import read_text
from ..head import TISSUE_NAMES, tissue_tag


_AIR = ("air", "background", "unknown", "nothing")
_MOST_IN_TABLE = 1 << 20  # Labels are looked up in an array if none is larger.
_SHOWN = 8
_LONGEST_RANGE = 100_000


@dataclass(frozen=True, eq=False)
class LabelTable:
    """The tissue of each label.

    Attributes:
        name: What it is called in messages.
        tags: The tag of each label, 1 to 10 as in SimNIBS, or 0 for air. The label 0 is
            air unless the table says otherwise.
        beside: Labels that mean another tissue in images that hold a second one, too:
            that label, and the tag.
    """

    name: str
    tags: Mapping[int, int]
    beside: Mapping[int, tuple[int, int]] = field(default_factory=dict)

    def __init__(
        self,
        name: str,
        tags: Mapping[int, int],
        beside: Mapping[int, tuple[int, int]] | None = None,
    ):
        """Check and keep the table.

        Args:
            name: What it is called in messages.
            tags: The tag of each label.
            beside: Labels that mean another tissue beside a second one: that label, and
                the tag.

        Raises:
            ValueError: A tag is neither 0 nor a tissue, or a label is negative.
        """
        for label, tag in tags.items():
            if tag not in TISSUE_NAMES and tag != 0:
                raise ValueError(
                    f"{name}: label {label} is given the tissue {tag}; tissues are 1 to "
                    "10, as in SimNIBS, and 0 is air."
                )
            if label < 0:
                raise ValueError(f"{name}: the label {label} is negative.")
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "tags", {0: 0} | dict(tags))
        object.__setattr__(self, "beside", dict(beside or {}))

    def apply(
        self, labels: Int[ndarray, "i j k"] | UInt8[ndarray, "i j k"]
    ) -> UInt8[ndarray, "i j k"]:
        """Give the tissue of each voxel.

        Args:
            labels: The label of each voxel.

        Returns:
            Its tag; 0 is air.

        Raises:
            ValueError: The image holds labels that are not in the table.
        """
        low, high = int(labels.min(initial=0)), int(labels.max(initial=0))
        if low < 0 or high >= _MOST_IN_TABLE:
            found, place = np.unique(labels, return_inverse=True)
            counts = np.bincount(place.ravel(), minlength=len(found))
            self._check_known(dict(zip(found.tolist(), counts.tolist(), strict=True)))
            meant = self._meant(found.tolist())
            tags = np.array([meant[label] for label in found.tolist()], np.uint8)
            return tags[place.reshape(labels.shape)]
        counts = np.bincount(labels.ravel(), minlength=high + 1)
        found = np.flatnonzero(counts)
        self._check_known({int(label): int(counts[label]) for label in found})
        meant, tags = self._meant(found.tolist()), np.zeros(high + 1, np.uint8)
        for label in found.tolist():
            tags[label] = meant[label]
        return tags[labels]

    def _meant(self, found: Sequence[int]) -> Mapping[int, int]:
        """The tag of each label in an image that holds the labels `found`."""
        meant = dict(self.tags)
        for label, (other, tag) in self.beside.items():
            if label in found and other in found:
                meant[label] = tag
            elif label in found:
                warnings.warn(
                    f"The table `{self.name}` takes the label {label} for "
                    f"{TISSUE_NAMES[meant[label]]}, as the image has no label {other}; "
                    f"beside that it would be {TISSUE_NAMES[tag]}. If this is wrong, "
                    "write a table: a text file with a label and a tissue in each line.",
                    stacklevel=3,
                )
        return meant

    def _check_known(self, counts: Mapping[int, int]) -> None:
        unknown = sorted(set(counts) - set(self.tags))
        if not unknown:
            return
        shown = ", ".join(
            f"{label} ({counts[label]} voxels)" for label in unknown[:_SHOWN]
        )
        more = f" and {len(unknown) - _SHOWN} more" if len(unknown) > _SHOWN else ""
        raise ValueError(
            f"the image holds labels that the table `{self.name}` lacks: {shown}{more}. "
            f"{_hint(counts, self.name)}"
        )


def _hint(labels: Iterable[int], tried: str) -> str:
    wanted = set(labels)
    fitting = [
        name
        for name, table in LABEL_TABLES.items()
        if name != tried and wanted <= set(table.tags)
    ]
    if fitting:
        return f"The table `{fitting[0]}` has all of them: is the image of that kind?"
    return "Write a table: a text file with a label and a tissue in each line."


def _labels_of(word: str) -> range:
    first, dash, last = word.partition("-")
    if not first.isdecimal() or (dash and not last.isdecimal()):
        raise ValueError(
            f"{word!r} is no label; write a whole number or a range such as 1000-1035, "
            "and the tissue behind it."
        )
    low, high = int(first), int(last or first)
    if not low <= high <= low + _LONGEST_RANGE:
        raise ValueError(f"{word!r} is no range of labels.")
    return range(low, high + 1)


def _tag_of(words: str) -> int:
    tissue = " ".join(words.split())
    if not tissue:
        raise ValueError("there is a label, but no tissue behind it.")
    if tissue.lower() in _AIR or tissue == "0":
        return 0
    return tissue_tag(tissue)


def _table(
    name: str, beside: Mapping[int, tuple[int, int]] | None = None, **labels: str
) -> LabelTable:
    tags = {}
    for tissue, words in labels.items():
        for word in words.split():
            tags |= dict.fromkeys(_labels_of(word), _tag_of(tissue))
    return LabelTable(name, tags, beside)


#: `final_tissues.nii.gz` and `tissue_labeling_upsampled.nii.gz` of SimNIBS 4's charm, and
#: images of tags as all of tmsgrad counts them.
SIMNIBS_LABELS = LabelTable("simnibs", {tag: tag for tag in TISSUE_NAMES})

#: The order of the maps c1 to c6 of SPM's segmentation.
SPM_LABELS = _table("spm", gm="1", wm="2", csf="3", bone="4", scalp="5", air="6")

#: FreeSurfer's aseg, aparc+aseg and wmparc, and SAMSEG with its labels outside the brain,
#: by FreeSurferColorLUT.txt. What FreeSurfer calls vessel lies within the deep gray
#: matter; the ventral diencephalon is counted as gray matter, too. SAMSEG gives the skull
#: the label 165 and the fluid in the eyes 259, which in FreeSurfer's own list is a skull.
FREESURFER_LABELS = _table(
    "freesurfer",
    beside={259: (165, tissue_tag("eyes"))},
    wm="2 7 16 41 46 77-79 85 126 155-162 170 173-175 192 219 223 250-255 "
    "3000-3035 4000-4035 5001-5002 13100-13175 14100-14175",
    gm="3 8-13 17-20 26-28 30 42 47-56 58-60 62 80-82 136-139 163-164 169 171-172 176 "
    "220 1000-1035 2000-2035 11100-11175 12100-12175",
    csf="4 5 14 15 24 31 43 44 63 72 122 213 221 257",
    bone="121 129 135 146 147 165 259",
    spongy_bone="142",
    scalp="118-120 124 125 127 131-133 152-154 167 258",
    eyes="134 140 143-145 151",
    muscle="123",
    air="130",
)

LABEL_TABLES = {
    table.name: table for table in (SIMNIBS_LABELS, SPM_LABELS, FREESURFER_LABELS)
}


def read_label_table(path: str | os.PathLike[str]) -> LabelTable:
    """Read a table of labels from a text file.

    Each line has a label, or a range such as `1000-1035`, and a tissue: its name, its
    abbreviation, its tag, or `air`. Spaces, tabs, commas or `=` stand between them; what
    follows a `#` is left out.

    Args:
        path: The file.

    Raises:
        OSError: There is no such file.
        ValueError: A line is no label and tissue, or a label occurs twice.
    """
    file = Path(path)
    if not file.is_file():
        raise FileNotFoundError(
            f"{file}: table not found. Give a file, or one of "
            f"{', '.join(LABEL_TABLES)}."
        )
    lines = read_text(file).splitlines()
    tags: dict[int, int] = {}
    for number, line in enumerate(lines, start=1):
        words = line.split("#")[0]
        for mark in ",;=\t":
            words = words.replace(mark, " ")
        if not words.strip():
            continue
        label, _, tissue = words.strip().partition(" ")
        try:
            labels, tag = _labels_of(label), _tag_of(tissue)
        except ValueError as error:
            raise ValueError(f"{file}, line {number}: {error}") from None
        twice = sorted(set(labels) & set(tags))
        if twice:
            raise ValueError(
                f"{file}, line {number}: the label {twice[0]} occurs twice in the table."
            )
        tags |= dict.fromkeys(labels, tag)
    if not tags:
        raise ValueError(f"{file}: the table is empty.")
    return LabelTable(str(file), tags)
