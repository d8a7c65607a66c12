"""The reduced field that `--reduced` names."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray

from ... import efield, optimize
from ...coils import AbstractCoil
from ...efield import Conductor, Reciprocal, ReducedField
from ...efield.reduced.places import AbstractPlaces, TissuePlaces, places_of
from ...meshing import HeadMesh, Region


@dataclass(frozen=True, eq=False)
class Basis:
    """A reduced field and its file.

    Attributes:
        source: The file.
        field: What it holds.
        option: That names the file.
    """

    source: str
    field: ReducedField
    option: str = "--reduced"

    @classmethod
    def read(cls, path: str, order: int | None) -> "Basis":
        """Read a basis, whose elements those of solves are to be.

        Args:
            path: The file.
            order: Of the elements as asked for, or None for the basis' own.

        Raises:
            ValueError: The file is no basis, or was made with other elements.
            FileNotFoundError: There is no such file.
        """
        field = efield.read_reduced(path)
        if order not in (None, field.origin.order):
            raise ValueError(
                f"--order {order}: the basis {path} was made with elements of order "
                f"{field.origin.order}. Leave --order out, or make one by `tmsgrad reduce "
                f"--order {order}`."
            )
        return cls(path, field)

    def coil_number(self, conductor: Conductor, coil: AbstractCoil) -> int:
        """Find which of the basis' coils this is.

        Raises:
            ValueError: The basis is of another head or of other coils.
        """
        try:
            return self.field.check_made_for(conductor, coil)
        except ValueError as error:
            raise ValueError(f"{self.option} {self.source}: {error}") from None

    def places(self, head: HeadMesh) -> AbstractPlaces:
        """Find where the basis knows the field.

        Raises:
            ValueError: The places are none of this head.
        """
        try:
            return places_of(self.field, head)
        except ValueError as error:
            raise ValueError(
                f"{self.option} {self.source}: {error} Make one by `tmsgrad reduce`."
            ) from None

    def elements(self, head: HeadMesh) -> Int[ndarray, "tet"]:
        """Find the tetrahedra whose centroids the basis has.

        Raises:
            ValueError: It is of other places than a tissue of this head.
        """
        return self._tissue(head).tetrahedra

    def _tissue(self, head: HeadMesh) -> TissuePlaces:
        found = self.places(head)
        if not isinstance(found, TissuePlaces):
            raise ValueError(
                f"{self.option} {self.source}: the basis knows the field on the "
                f"{found.name}, which `simulate` takes; here all of a tissue is needed. "
                "Make one by `tmsgrad reduce` without --at."
            )
        return found

    def columns(
        self, head: HeadMesh, region: Region, option: str
    ) -> Int[ndarray, "selected"]:
        """Find which places of the basis the tetrahedra of a region are.

        Args:
            head: The head.
            region: Where the field is wanted.
            option: That names it, for messages.

        Raises:
            ValueError: The basis does not have all of them.
        """
        elements = self.elements(head)
        place = np.full(len(head.tags), -1)
        place[elements] = np.arange(len(elements))
        found = place[region.tetrahedra]
        if (found < 0).any():
            raise ValueError(
                f"{self.option} {self.source}: the basis knows the field in "
                f"{self.tissue(head)}, but {np.mean(found < 0):.0%} of {option} is "
                "elsewhere. Give the same --tissue here as to `tmsgrad reduce`."
            )
        return found

    def mean(self, head: HeadMesh, region: Region, option: str) -> Reciprocal:
        """Give the mean vector of a region, as adjoint solves would.

        Args:
            head: The head.
            region: Where the field is wanted.
            option: That names it, for messages.

        Raises:
            ValueError: The basis does not have all of it.
        """
        weights = np.asarray(region.weights)
        shares = weights[None, :, None] * np.eye(3)[:, None, :]
        columns = self.columns(head, region, option)
        return self.field.functional(columns, shares, region.centre)

    def tissue(self, head: HeadMesh) -> str:
        """Name the tissue whose field the basis knows."""
        return self._tissue(head).name

    def shares(self, head: HeadMesh, region: Region) -> Float[ndarray, "place"]:
        """Find how much of each place of the basis belongs to a region, from 0 to 1."""
        return optimize.shares_in_target(head, region)[self.elements(head)]
