"""What `tmsgrad page` is asked for, and what is shown on a page."""

import argparse
from dataclasses import dataclass, replace
from pathlib import Path

from ...optimize import Domain, Face
from ..inputs.bases import Basis
from ..inputs.conduction import Conduction
from ..inputs.targets import TargetRequest


_REACH = 45e-3  # [m]
_TOLERANCE = 3e-3
_ORDER = 2  # Of a basis that is made anew.


@dataclass(frozen=True)
class BasisRequest:
    """The basis that the page works with.

    Attributes:
        file: Its file; None to make it.
        order: Of the elements; None for that of the file.
        reach: How far around the target coils can be; None for the upper head. [m]
        tolerance: Relative.
    """

    file: str | None
    order: int | None
    reach: float | None
    tolerance: float

    @classmethod
    def of(cls, options: argparse.Namespace) -> "BasisRequest":
        """Take it from the options.

        Raises:
            ValueError: They do not fit each other.
        """
        for name in ("reach", "whole_head", "tolerance"):
            if options.reduced is not None and getattr(options, name):
                word = name.replace("_", "-")
                raise ValueError(f"--{word} is of a basis that is made, not --reduced.")
        if options.whole_head and options.reach is not None:
            raise ValueError("--reach and --whole-head exclude each other.")
        reach = _REACH if options.reach is None else options.reach * 1e-3
        asked = options.tolerance
        return cls(
            options.reduced,
            options.order,
            None if options.whole_head else reach,
            _TOLERANCE if asked is None else asked / 100,
        )


@dataclass(frozen=True)
class SceneRequest:
    """What is shown: head, coils, field and target.

    Attributes:
        head: As the command line names it.
        force: Checks of the head whose errors do not stop.
        coils: As the command line names them.
        target: Where the field is wanted.
        conduction: Of the head.
        basis: Of the field.
        domain: Where the best placement is looked for.
        electrodes: A file of positions on the scalp, or None.
        didt: At first; None for what is usual. [A/s]
        atlas: What names gyri, in the head's space; None for one in MNI space.
    """

    head: str
    force: tuple[str, ...]
    coils: tuple[str, ...]
    target: TargetRequest
    conduction: Conduction
    basis: BasisRequest
    domain: Domain
    electrodes: str | None
    didt: float | None
    atlas: str | None

    @classmethod
    def of(cls, options: argparse.Namespace, coils: tuple[str, ...]) -> "SceneRequest":
        """Take it from the options.

        Args:
            options: Of the command line.
            coils: As it names them.

        Raises:
            ValueError: They do not fit each other, or the target is not known.
            FileNotFoundError: There is no such file.
        """
        if len(set(coils)) < len(coils):
            raise ValueError("--coil: the same coil is given twice.")
        return cls(
            head=options.head,
            force=tuple(options.force),
            coils=coils,
            target=TargetRequest.of(options),
            conduction=Conduction.of(options),
            basis=BasisRequest.of(options),
            domain=Domain(
                distance=Face(options.distance * 1e-3),
                radius=options.search_radius * 1e-3,
            ),
            electrodes=options.electrodes,
            didt=options.didt,
            atlas=options.atlas,
        )

    def conduction_of(self, basis: Basis | None) -> Conduction:
        """The conduction, with the elements of the basis."""
        usual = self.basis.order or _ORDER
        order = usual if basis is None else basis.field.origin.order
        return replace(self.conduction, order=order)


@dataclass(frozen=True)
class PageRequest:
    """What `tmsgrad page` is asked for.

    Attributes:
        scene: What is shown.
        out: File.
    """

    scene: SceneRequest
    out: Path

    @classmethod
    def of(cls, options: argparse.Namespace) -> "PageRequest":
        """Take it from the options.

        Raises:
            ValueError: They do not fit each other, or the target is not known.
            FileNotFoundError: There is no such file.
        """
        out = Path(options.out)
        if out.suffix.lower() not in (".html", ".htm"):
            raise ValueError(f"--out {out}: the name of a page ends in .html.")
        return cls(SceneRequest.of(options, tuple(options.coil)), out)
