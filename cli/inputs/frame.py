"""What a command works with from reading to writing."""

from dataclasses import dataclass

from ...coils import Coil
from ...efield import Conductor
from ...meshing import HeadMesh, Scalp
from ..runtime.progress import Progress
from ..runtime.provenance import Provenance
from .conduction import Conduction


@dataclass(frozen=True, eq=False)
class Frame:
    """The head with its scalp as a conductor, the coil, and the run itself.

    Attributes:
        source: Of the head, as the command line names it.
        head: The head.
        scalp: Its scalp.
        coil_source: As the command line names it.
        coil: The coil as it comes.
        conductor: Of the head.
        tensors: What became of diffusion tensors, in words, or None.
        progress: Stages and their seconds.
        origin: Where the results come from.
    """

    source: str
    head: HeadMesh
    scalp: Scalp
    coil_source: str
    coil: Coil
    conductor: Conductor
    tensors: str | None
    progress: Progress
    origin: Provenance

    @classmethod
    def assembled(
        cls,
        conduction: Conduction,
        source: str,
        head: HeadMesh,
        scalp: Scalp,
        coil_source: str,
        coil: Coil,
        progress: Progress,
        origin: Provenance,
    ) -> "Frame":
        """Make the head a conductor, as a stage of its own.

        Arguments are as the attributes; errors are those of `Conduction.assemble`.
        """
        progress.stage("assembly", "finite elements")
        conductor, tensors = conduction.assemble(head, source)
        return cls(
            *(source, head, scalp, coil_source, coil, conductor, tensors),
            *(progress, origin),
        )
