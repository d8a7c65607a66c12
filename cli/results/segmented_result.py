"""What `tmsgrad head segment` makes."""

from dataclasses import dataclass
from typing import ClassVar

from ...meshing import Finding
from ...meshing.anatomy.cleaning import Cleaned
from ..inputs.findings import as_json, in_words, verdict
from .head_results import HeadResult


#: How labels were made, in words.
WAYS = {
    "samseg": "SAMSEG",
    "atlas": "the template laid over the head, and brightness",
    "labels": "labels that were given",
    "labels and atlas": "the brain as labelled; skull and scalp from the template laid "
    "over the head, and brightness",
}


@dataclass(frozen=True, eq=False)
class SegmentedResult:
    """A folder with a head that was made of a T1.

    Attributes:
        folder: Where it is.
        way: How the labels were made, a key of `WAYS`.
        cleaned: What the clean-up changed.
        spongy: Share of bone that is spongy; 0 where it was not told apart.
        head: In figures.
        fiducials: How far each lies from where the warped template has it. [m]
        findings: Of the checks of image, labels and head.
        warnings: Of the steps.
        seconds: By stage and in total.
    """

    schema: ClassVar[int] = 1

    folder: str
    way: str
    cleaned: Cleaned
    spongy: float
    head: HeadResult
    fiducials: dict[str, float]
    findings: tuple[Finding, ...]
    warnings: tuple[str, ...]
    seconds: dict[str, float]

    def to_json(self) -> dict:
        """For `--json` and `segmentation.json`."""
        return {
            "schema": self.schema,
            "folder": self.folder,
            "way": self.way,
            "verdict": verdict(self.findings)[0],
            "cleaned_cm3": {k: v * 1e6 for k, v in self.cleaned.changes.items()},
            "brain_lost_share": self.cleaned.brain_share,
            "air_cm3": self.cleaned.air * 1e6,
            "spongy_bone_share": self.spongy,
            "head": self.head.to_json(),
            "fiducial_shifts_mm": {k: v * 1e3 for k, v in self.fiducials.items()},
            "findings": as_json(list(self.findings)),
            "warnings": list(self.warnings),
            "seconds": self.seconds,
        }

    def describe(self) -> None:
        """Print it."""
        print(f"labels by             {WAYS[self.way]}")
        print(f"clean-up              {self.cleaned}")
        share = f"{self.spongy:.0%} of bone" if self.spongy else "not told apart"
        print(f"spongy bone           {share}")
        self.head.describe()
        shifts = ", ".join(f"{k} {v * 1e3:.1f}" for k, v in self.fiducials.items())
        if shifts:
            print(f"fiducials moved by    {shifts} mm")
        for finding in self.findings:
            print(f"{finding.severity.value:<8} {finding.about}: {in_words(finding)}")
        word, words = verdict(self.findings)
        print(f"verdict               {word}: {words}")
        print(f"look at               {self.folder}/segmentation.png")
        print(f"written to            {self.folder}")


@dataclass(frozen=True)
class InstalledResult:
    """The segmenter's environment.

    Attributes:
        program: Where SAMSEG is now.
    """

    schema: ClassVar[int] = 1

    program: str

    def to_json(self) -> dict:
        """For `--json`."""
        return {"schema": self.schema, "program": self.program}

    def describe(self) -> None:
        """Print it."""
        print(f"SAMSEG is installed   {self.program}")
