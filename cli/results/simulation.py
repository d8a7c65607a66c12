"""What results of `tmsgrad simulate` share: head and coil, the pose shown, and the run."""

from dataclasses import dataclass

from ..inputs.coils import StimulatorRate
from ..runtime.provenance import Provenance
from ..runtime.versions import versions
from .figures import Subject
from .placing import ShownPose


@dataclass(frozen=True, eq=False)
class Simulation:
    """What was simulated, and the run that did it.

    Attributes:
        subject: Head and coil.
        stimulators: Of the coil, and what drives them in the first pose.
        shown: The pose that is pictured.
        order: Of the elements.
        anisotropy: As the command line names it.
        tensors: What became of diffusion tensors, in words, or None.
        origin: Where the result comes from.
        seconds: By stage and in total.
        warnings: So far.
    """

    subject: Subject
    stimulators: tuple[StimulatorRate, ...]
    shown: ShownPose
    order: int
    anisotropy: str
    tensors: str | None
    origin: Provenance
    seconds: dict[str, float]
    warnings: tuple[str, ...]

    def to_json(self) -> dict:
        """For a summary."""
        subject = self.subject
        return {
            "didt_unit": "A/s",
            "shown": self.shown.to_json(),
            "order": self.order,
            "anisotropy": self.anisotropy,
            "tensors": self.tensors,
            "head": {
                "source": subject.head,
                "nodes": subject.nodes,
                "tetrahedra": subject.tetrahedra,
            },
            "coil": {
                "source": subject.coil,
                "name": subject.coil_name,
                "stimulators": [each.to_json() for each in self.stimulators],
            },
            "versions": versions(),
            "provenance": self.origin.as_json(),
            "warnings": list(self.warnings),
            "seconds": self.seconds,
        }
