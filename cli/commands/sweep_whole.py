"""`tmsgrad sweep --reduced`: what a coil does to all of a tissue, at each placement."""

from dataclasses import dataclass

from jaxtyping import Float
from numpy import ndarray

from ... import optimize
from ...meshing import Region
from ..inputs.bases import Basis
from ..inputs.frame import Frame
from ..results.whole_brain import WholeBrain


@dataclass(frozen=True, eq=False)
class WholeTissue:
    """A tissue whose field a basis knows, with the target in it.

    Attributes:
        basis: Knows the field.
        number: Of the coil among those of the basis.
        name: Of the tissue.
        volume: Of it. [m³]
        share: How much of each of its tetrahedra belongs to the target, from 0 to 1.
    """

    basis: Basis
    number: int
    name: str
    volume: float
    share: Float[ndarray, "tet"]

    @classmethod
    def of(cls, basis: Basis, frame: Frame, target: Region) -> "WholeTissue":
        """Find it, and check that basis and target fit.

        Raises:
            ValueError: The basis is of another head or coil, or does not have the target.
        """
        number = basis.coil_number(frame.conductor, frame.coil)
        inside, name = basis.elements(frame.head), basis.tissue(frame.head)
        share = basis.shares(frame.head, target)
        if not share.any():
            raise ValueError(
                f"--reduced {basis.source}: the basis knows the field in {name}, where "
                "the target is not."
            )
        return cls(basis, number, name, float(frame.head.volumes[inside].sum()), share)

    def maps(
        self,
        frame: Frame,
        found: optimize.Sweep,
        positions: Float[ndarray, "position 3"],
        domain: optimize.Domain,
    ) -> WholeBrain:
        """Map peak, volume and focality at the placements of a sweep.

        Args:
            frame: Scalp and coil.
            found: The sweep of the target.
            positions: On the scalp, of that sweep. [m]
            domain: Of the coil.
        """
        frame.progress.stage("whole", f"maps of all {self.name}")
        field = self.basis.field
        maps = optimize.tissue_maps(
            *(field, found, frame.coil, frame.scalp, positions, domain),
            volume=self.volume,
            share=self.share,
            number=self.number,
        )
        return WholeBrain(
            self.basis.source, self.name, field.accuracy, found.values, maps
        )
