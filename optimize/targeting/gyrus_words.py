"""Gyri of the atlas of Desikan and Killiany in plain English.

Desikan et al. 2006, doi:10.1016/j.neuroimage.2006.01.021.
"""

import re


#: In the order of FreeSurfer's numbers, 1001 on the left and 2001 on the right being the
#: first; the fourth is no cortex.
DESIKAN_KILLIANY = {
    "bankssts": "banks of the superior temporal sulcus",
    "caudalanteriorcingulate": "anterior cingulate gyrus, back part",
    "caudalmiddlefrontal": "middle frontal gyrus, back part",
    "corpuscallosum": "",
    "cuneus": "cuneus",
    "entorhinal": "entorhinal cortex",
    "fusiform": "fusiform gyrus",
    "inferiorparietal": "inferior parietal lobule",
    "inferiortemporal": "inferior temporal gyrus",
    "isthmuscingulate": "isthmus of the cingulate gyrus",
    "lateraloccipital": "lateral occipital cortex",
    "lateralorbitofrontal": "lateral orbitofrontal cortex",
    "lingual": "lingual gyrus",
    "medialorbitofrontal": "medial orbitofrontal cortex",
    "middletemporal": "middle temporal gyrus",
    "parahippocampal": "parahippocampal gyrus",
    "paracentral": "paracentral lobule",
    "parsopercularis": "inferior frontal gyrus, pars opercularis",
    "parsorbitalis": "inferior frontal gyrus, pars orbitalis",
    "parstriangularis": "inferior frontal gyrus, pars triangularis",
    "pericalcarine": "pericalcarine cortex",
    "postcentral": "postcentral gyrus",
    "posteriorcingulate": "posterior cingulate gyrus",
    "precentral": "precentral gyrus",
    "precuneus": "precuneus",
    "rostralanteriorcingulate": "anterior cingulate gyrus, front part",
    "rostralmiddlefrontal": "middle frontal gyrus, front part",
    "superiorfrontal": "superior frontal gyrus",
    "superiorparietal": "superior parietal lobule",
    "superiortemporal": "superior temporal gyrus",
    "supramarginal": "supramarginal gyrus",
    "frontalpole": "frontal pole",
    "temporalpole": "temporal pole",
    "transversetemporal": "transverse temporal gyrus",
    "insula": "insula",
}
_NOWHERE = re.compile(
    r"unknown|\?+|medial[ _]?wall|corpus[ _]?callosum|background|none", re.I
)
_SIDE = re.compile(r"^(?:ctx[-_])?(l|r|lh|rh|left|right)[-_. ]", re.I)


def in_english(name: str, side: str = "") -> str:
    """Write the name of an atlas so that it is understood.

    Args:
        name: As a file has it, such as `ctx-lh-precentral` or `G_front_middle`.
        side: `left`, `right`, or nothing where the name says it or nobody does.

    Returns:
        Such as `left precentral gyrus`; a name that is not known stays as it is; nothing
        for what is no cortex.
    """
    found = _SIDE.match(name)
    if found is not None:
        side = "left" if found[1].lower().startswith("l") else "right"
        name = name[found.end() :]
    words = DESIKAN_KILLIANY.get(name.lower().replace("_", ""), name)
    if not words or _NOWHERE.fullmatch(words):
        return ""
    return f"{side} {words}".strip()


def of_freesurfer(number: int) -> str:
    """Name a label of `aparc+aseg`; nothing where it is no gyrus of this atlas."""
    names = list(DESIKAN_KILLIANY)
    side, place = divmod(number, 1000)
    if side not in (1, 2) or not 1 <= place <= len(names):
        return ""
    return in_english(names[place - 1], "left" if side == 1 else "right")
