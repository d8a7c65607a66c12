"""What the commands of heads find and write."""

import dataclasses
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from ... import meshing
from ...meshing import Finding, HeadMesh, Severity, Subject, Tidied
from ...meshing.quality import Quality
from ..inputs.findings import as_json, in_words, verdict


@dataclass(frozen=True, eq=False)
class Folder:
    """What a SimNIBS folder has beside the mesh.

    Attributes:
        subject: The folder.
        mni: The kind of its way to MNI space, or None.
        way: The same in words, or why there is none.
    """

    subject: Subject
    mni: str | None
    way: str

    @classmethod
    def of(cls, subject: Subject) -> "Folder":
        """Look at a folder."""
        try:
            transform = meshing.read_mni(subject)
        except (ValueError, FileNotFoundError) as error:
            return cls(subject, None, f"none ({error})")
        words = f"{transform.kind} ({transform.description})"
        return cls(subject, transform.kind, words)

    def to_json(self) -> dict:
        """For `--json`."""
        name = lambda path: None if path is None else path.name
        return {
            "t1": name(self.subject.t1),
            "tensor": name(self.subject.tensor),
            "labels": name(self.subject.labels),
            "mni": self.mni,
            "eeg": [cap.name for cap in self.subject.caps],
        }

    def describe(self) -> None:
        """Print it."""
        files = self.to_json()
        print(f"T1                    {files['t1'] or 'none'}")
        print(f"diffusion tensors     {files['tensor'] or 'none'}")
        print(f"to MNI space          {self.way}")
        print(f"EEG positions         {', '.join(files['eeg']) or 'none'}")


@dataclass(frozen=True, eq=False)
class HeadResult:
    """A head in figures.

    Attributes:
        bounds: The lowest and the highest corner. [m]
        quality: Of its elements.
        folder: What else is in its folder, or None.
    """

    schema: ClassVar[int] = 1

    bounds: Float[ndarray, "2 3"]
    quality: Quality
    folder: Folder | None = None

    @classmethod
    def of(cls, head: HeadMesh, *labels, folder: Folder | None = None) -> "HeadResult":
        """Measure a head.

        Args:
            head: The head.
            labels: The label image that it was made from and its matrix, where known.
            folder: What else is in its folder.
        """
        bounds = np.stack([head.nodes.min(axis=0), head.nodes.max(axis=0)])
        return cls(bounds, meshing.quality(head, *labels), folder)

    def to_json(self) -> dict:
        """For `--json`."""
        quality = self.quality
        least = quality.smallest_dihedral_angle
        few = quality.dihedral_angle_per_mille, quality.dihedral_angle_percent
        return {
            "schema": self.schema,
            "nodes": quality.nodes,
            "tetrahedra": quality.tetrahedra,
            "bounds_mm": (self.bounds * 1e3).tolist(),
            "radius_ratio_min": quality.smallest_radius_ratio,
            "radius_ratio_mean": quality.mean_radius_ratio,
            "dihedral_min_degrees": float(np.degrees(least)),
            "dihedral_0.1_percent_degrees": float(np.degrees(few[0])),
            "dihedral_1_percent_degrees": float(np.degrees(few[1])),
            "volumes_ml": {name: v * 1e6 for name, v in quality.volumes.items()},
            "volume_errors": quality.volume_errors,
            **({} if self.folder is None else {"folder": self.folder.to_json()}),
        }

    def describe(self) -> None:
        """Print it."""
        quality = self.quality
        spans = (f"{a:.1f}…{b:.1f}" for a, b in self.bounds.T * 1e3)
        least, rare, few = np.degrees(
            [
                quality.smallest_dihedral_angle,
                quality.dihedral_angle_per_mille,
                quality.dihedral_angle_percent,
            ]
        )
        print(f"{quality.nodes} nodes, {quality.tetrahedra} tetrahedra")
        print(f"extent                {' × '.join(spans)} mm")
        print(
            f"radius ratio          min {quality.smallest_radius_ratio:.3f}, "
            f"mean {quality.mean_radius_ratio:.3f} (1 is a regular tetrahedron)"
        )
        print(
            f"dihedral angle        min {least:.1f}°, 0.1% below {rare:.1f}°, 1% below "
            f"{few:.1f}°"
        )
        for name, volume in quality.volumes.items():
            error = quality.volume_errors.get(name)
            against = "" if error is None else f"   ({error:+.1%} of the label image)"
            print(f"{name:<21} {volume * 1e6:8.1f} ml{against}")
        if self.folder is not None:
            self.folder.describe()


@dataclass(frozen=True, eq=False)
class MeshedResult:
    """A head that was made of a label image.

    Attributes:
        file: Where it was written to.
        head: In figures.
        tidied: What was changed in the image.
        warnings: Of the mesher.
        findings: Of the checks of image and head.
        seconds: By stage and in total.
    """

    file: str
    head: HeadResult
    tidied: Tidied
    warnings: tuple[str, ...]
    findings: tuple[Finding, ...]
    seconds: dict[str, float]

    def to_json(self) -> dict:
        """For `--json`."""
        return self.head.to_json() | {
            "head": self.file,
            "tidied": dataclasses.asdict(self.tidied),
            "warnings": list(self.warnings),
            "findings": as_json(list(self.findings)),
            "seconds": self.seconds,
        }

    def describe(self) -> None:
        """Print it."""
        self.head.describe()
        print(f"written to            {self.file}")


@dataclass(frozen=True)
class ConvertedHead:
    """A head in another format.

    Attributes:
        file: Where it was written to.
        nodes: How many it has.
        tetrahedra: Likewise.
    """

    schema: ClassVar[int] = 1

    file: str
    nodes: int
    tetrahedra: int

    def to_json(self) -> dict:
        """For `--json`."""
        return {
            "schema": self.schema,
            "head": self.file,
            "nodes": self.nodes,
            "tetrahedra": self.tetrahedra,
        }

    def describe(self) -> None:
        """Print it."""
        print(f"{self.nodes} nodes, {self.tetrahedra} tetrahedra: {self.file}")


@dataclass(frozen=True, eq=False)
class DrawnHead:
    """A picture of a head.

    Attributes:
        picture: The file.
        at: Where its slices meet. [m]
    """

    schema: ClassVar[int] = 1

    picture: str
    at: Float[ndarray, "3"]

    def to_json(self) -> dict:
        """For `--json`."""
        return {
            "schema": self.schema,
            "picture": self.picture,
            "at_mm": (self.at * 1e3).tolist(),
        }

    def describe(self) -> None:
        """Print it."""
        place = ", ".join(f"{x * 1e3:.1f}" for x in self.at)
        print(f"slices at ({place}) mm: {self.picture}")


@dataclass(frozen=True, eq=False)
class HeadCheckResult:
    """What may be wrong with a head.

    Attributes:
        source: The head, as it was named.
        nodes: How many it has.
        tetrahedra: Likewise.
        findings: Of the check.
    """

    schema: ClassVar[int] = 1

    source: str
    nodes: int
    tetrahedra: int
    findings: tuple[Finding, ...]

    def count(self, kind: Severity) -> int:
        """How many findings are of a kind."""
        return sum(each.severity is kind for each in self.findings)

    def to_json(self) -> dict:
        """For `--json`."""
        return {
            "schema": self.schema,
            "verdict": verdict(self.findings)[0],
            "failed": self.count(Severity.ERROR) > 0,
            "findings": as_json(list(self.findings)),
            "nodes": self.nodes,
            "tetrahedra": self.tetrahedra,
        }

    def describe(self) -> None:
        """Print it."""
        for finding in self.findings:
            print(f"{finding.severity.value:<8} {finding.about}: {in_words(finding)}")
        counts = [(self.count(kind), kind.value) for kind in Severity]
        tally = ", ".join(f"{n} {name}{'s' * (n != 1)}" for n, name in counts if n)
        print(f"{self.source}: {tally or 'nothing wrong was found'}")
        word, words = verdict(self.findings)
        print(f"verdict          {word}: {words}")
