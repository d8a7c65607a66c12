"""Conductivity tensors from diffusion tensors.

Ions meet the same obstacles as water, so conductivity and diffusion share their principal
directions [Tuch et al. 2001, doi:10.1073/pnas.171473898]; how their sizes are related is a
matter of three models, here as in SimNIBS 4.5 [Güllmar et al. 2010,
doi:10.1016/j.neuroimage.2010.02.014; Rullmann et al. 2009,
doi:10.1016/j.neuroimage.2008.09.009; Opitz et al. 2011,
doi:10.1016/j.neuroimage.2011.06.069]. All is NumPy on the host; the result is
differentiable input of `assemble`.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from functools import cached_property

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int
from numpy import ndarray

from ..meshing import TISSUE_NAMES, HeadMesh, tissue_tag
from ..meshing.images.fibres import fractional_anisotropy
from ..meshing.images.tensors import TensorImage
from .conductivity import isotropic


_WHITE_MATTER = 1
_AT_ONCE = 1 << 17  # Tetrahedra; their tensors and eigenvectors take 20 MB.

# Diffusivities and conductivities that are none. SimNIBS takes 1e-8 for both, and its
# diffusivities are in mm²/s.
_NO_DIFFUSIVITY = 1e-14  # [m²/s]
_NO_CONDUCTIVITY = 1e-8  # [S/m]
# What `dir` takes in place of a missing tensor, to recognise it afterwards.
_MISSING = -1e-12  # [m²/s]
_ISOTROPIC_WITHIN = 0.01
_MOST_NEGATIVE = 0.2


class Anisotropy(Enum):
    """How the size of a conductivity tensor follows from the diffusion tensor."""

    VOLUME_NORMALISED = "vn"
    """Each tensor has the tissue's conductivity as the geometric mean of its
    eigenvalues."""

    DIRECT = "dir"
    """Diffusivity times one factor for the whole head, which brings the tissues' mean
    conductivities closest to those given, in the least-squares sense."""

    MEAN_CONDUCTIVITY = "mc"
    """The geometric mean of the eigenvalues of `DIRECT`, without a direction."""


@dataclass(frozen=True)
class AnisotropyReport:
    """What became of a tensor image. All shares are of volume, 0 to 1.

    Attributes:
        kind: How tensors were scaled.
        coverage: By tissue: the share of its elements that got a tensor.
        fractional_anisotropy: By tissue: the mean over elements that got a tensor.
        at_maximum: Of what got a tensor: the share clipped at the largest conductivity.
        at_ratio: The share in which small eigenvalues were raised, to keep the ratio.
        not_positive: The share in which one or two eigenvalues were not positive.
        scale: Of `DIRECT` and `MEAN_CONDUCTIVITY`: conductivity per diffusivity; else
            None. [S s/m³]
    """

    kind: Anisotropy
    coverage: Mapping[str, float]
    fractional_anisotropy: Mapping[str, float]
    at_maximum: float
    at_ratio: float
    not_positive: float
    scale: float | None

    @property
    def doubtful(self) -> bool:
        """Whether white matter is no more anisotropic than gray matter.

        In every brain it is, unless the image lies elsewhere or has no fibres in it.
        """
        mean = self.fractional_anisotropy
        white, gray = mean.get("white matter"), mean.get("gray matter")
        return white is not None and gray is not None and not white > gray

    def __str__(self) -> str:
        lines = [
            f"Anisotropic conductivity from diffusion tensors, type {self.kind.value}"
        ]
        for tissue, share in self.coverage.items():
            mean = self.fractional_anisotropy.get(tissue)
            what = "" if mean is None else f", mean fractional anisotropy {mean:.2f}"
            lines.append(
                f"{tissue}: {share:.1%} of the volume has a tensor{what}; the rest is "
                "isotropic"
            )
        lines.append(
            f"limits: {self.at_maximum:.1%} clipped at the largest conductivity, "
            f"{self.at_ratio:.1%} by the largest ratio of eigenvalues; "
            f"{self.not_positive:.1%} had eigenvalues that are not positive"
        )
        if self.doubtful:
            lines.append(
                "white matter is not more anisotropic than gray matter: check that the "
                "image is registered to the head"
            )
        return "\n".join(lines)


def anisotropic(
    head: HeadMesh,
    image: TensorImage,
    kind: Anisotropy = Anisotropy.VOLUME_NORMALISED,
    *,
    tissues: Sequence[str | int] = ("white matter", "gray matter"),
    max_ratio: float = 10.0,
    max_conductivity: float = 2.0,
    conductivities: Mapping[str | int, float] | None = None,
    minimum_coverage: float = 0.5,
) -> tuple[Float[Array, "tet 3 3"], AnisotropyReport]:
    """Give elements conductivity tensors along their diffusion tensors.

    Elements of other tissues, and those without a tensor, get the scalar conductivity of
    their tissue.

    Args:
        head: The head.
        image: Diffusion tensors, registered to the head.
        kind: How the size of a conductivity follows from the diffusivity.
        tissues: Which tissues get tensors, by name or tag.
        max_ratio: The largest ratio between eigenvalues; smaller eigenvalues are raised.
        max_conductivity: The largest eigenvalue [S/m]. In `VOLUME_NORMALISED` it acts, as
            in SimNIBS, on tensors of the geometric mean 1, before the tissue's
            conductivity is multiplied to them.
        conductivities: Scalar conductivities that replace the standard, as in
            `isotropic`. [S/m]
        minimum_coverage: The share of white matter, by volume, that must get a tensor (of
            each of `tissues`, where it is not among them).

    Returns:
        A tensor per tetrahedron [S/m], and what became of the image.

    Raises:
        ValueError: The image covers too little of white matter; many tensors have
            negative eigenvalues; the head has none of `tissues`; a tissue is unknown; a
            limit is out of range; or a conductivity is not positive.
    """
    _check_limits(max_ratio, max_conductivity, minimum_coverage)
    tags = [tissue_tag(tissue) for tissue in tissues]
    scalar = np.asarray(isotropic(head, conductivities), dtype=np.float64)
    chosen = np.flatnonzero(np.isin(head.tags, tags))
    if len(chosen) == 0:
        raise ValueError(
            f"`tissues` is {tuple(tissues)}, but the head has none of them, only "
            f"{', '.join(TISSUE_NAMES[tag] for tag in head.tissues)}."
        )
    diffusion = _diffusion(head, image, chosen)
    coverage = diffusion.by_tissue(diffusion.there.astype(float))
    _check_coverage(coverage, minimum_coverage)
    _check_signs(diffusion)
    if kind is Anisotropy.VOLUME_NORMALISED:
        sizes = _volume_normalised(diffusion, max_ratio, max_conductivity)
        sizes = sizes.times(scalar[chosen])
        scale = None
    else:
        scale = _direct_scale(diffusion, scalar[chosen], max_ratio)
        sizes = _direct(diffusion, scalar[chosen], scale, max_ratio, max_conductivity)
    if kind is Anisotropy.MEAN_CONDUCTIVITY:
        sizes = sizes.without_direction()
    result = np.zeros((len(head.tags), 3, 3))
    result[:, range(3), range(3)] = scalar[:, None]
    for block in _blocks(len(chosen)):
        vectors = diffusion.vectors[block]
        scaled = vectors * sizes.values[block, None, :]
        result[chosen[block]] = scaled @ np.swapaxes(vectors, 1, 2)
    report = AnisotropyReport(
        kind,
        coverage,
        diffusion.by_tissue(fractional_anisotropy(diffusion.values), diffusion.there),
        diffusion.share(sizes.at_maximum),
        diffusion.share(sizes.at_ratio),
        diffusion.share(diffusion.values[:, 2] <= 0),
        scale,
    )
    return jnp.asarray(result), report


@dataclass(frozen=True)
class _Diffusion:
    """Diffusion tensors of the chosen elements, zero where there is none."""

    tags: Int[ndarray, "n"]
    volumes: Float[ndarray, "n"]  # [m³]
    values: Float[ndarray, "n 3"]  # Eigenvalues, the largest first. [m²/s]
    vectors: Float[ndarray, "n 3 3"]  # Eigenvectors in columns.

    @cached_property
    def there(self) -> Bool[ndarray, "n"]:
        return ~_is_none(self.values, _NO_DIFFUSIVITY)

    def share(self, which: Bool[ndarray, "n"]) -> float:
        """Share of the volume that has a tensor."""
        volumes = self.volumes[self.there]
        return (
            float(volumes @ which[self.there] / volumes.sum()) if len(volumes) else 0.0
        )

    def by_tissue(
        self, quantity: Float[ndarray, "n"], where: Bool[ndarray, "n"] | None = None
    ) -> dict[str, float]:
        """Mean over the volume of each tissue that has elements there."""
        means = {}
        for tag in np.unique(self.tags).tolist():
            inside = (self.tags == tag) if where is None else (self.tags == tag) & where
            volumes = self.volumes[inside]
            if len(volumes):
                means[TISSUE_NAMES[tag]] = float(
                    volumes @ quantity[inside] / volumes.sum()
                )
        return means


@dataclass(frozen=True)
class _Sizes:
    """Eigenvalues of conductivity, and in which elements a limit has changed them."""

    values: Float[ndarray, "n 3"]
    at_maximum: Bool[ndarray, "n"]
    at_ratio: Bool[ndarray, "n"]

    def times(self, factor: Float[ndarray, "n"]) -> "_Sizes":
        return replace(self, values=self.values * factor[:, None])

    def without_direction(self) -> "_Sizes":
        largest, smallest = self.values[:, 0], self.values[:, 2]
        kept = np.isclose(largest, smallest, rtol=_ISOTROPIC_WITHIN)
        mean = np.cbrt(self.values.prod(axis=1))
        return replace(self, values=np.where(kept[:, None], self.values, mean[:, None]))


def _diffusion(head: HeadMesh, image: TensorImage, chosen: ndarray) -> _Diffusion:
    centroids = head.centroids[chosen]
    values = np.empty((len(chosen), 3))
    vectors = np.empty((len(chosen), 3, 3))
    for block in _blocks(len(chosen)):
        found = np.linalg.eigh(image.sample(centroids[block]))
        values[block] = found.eigenvalues[:, ::-1]
        vectors[block] = found.eigenvectors[:, :, ::-1]
    return _Diffusion(head.tags[chosen], head.volumes[chosen], values, vectors)


def _blocks(count: int) -> Iterator[slice]:
    return (slice(first, first + _AT_ONCE) for first in range(0, count, _AT_ONCE))


def _is_none(values: Float[ndarray, "n 3"], negligible: float) -> Bool[ndarray, "n"]:
    small = np.abs(values) <= negligible
    return np.all(values <= 0, axis=1) | np.all(small, axis=1)


def _limited(
    values: Float[ndarray, "n 3"],
    substitute: Float[ndarray, "n"] | float,
    negligible: float,
    ratio: float,
    maximum: float,
) -> _Sizes:
    """Mend eigenvalues: replace those of no tensor, clip large ones, raise small ones."""
    none = _is_none(values, negligible)
    mended = np.where(none[:, None], np.reshape(substitute, (-1, 1)), values)
    at_maximum = mended[:, 0] > maximum
    mended = np.minimum(mended, maximum)
    least = mended[:, :1] / ratio
    at_ratio = mended[:, 2] < least[:, 0]
    return _Sizes(np.maximum(mended, least), at_maximum & ~none, at_ratio & ~none)


def _volume_normalised(
    diffusion: _Diffusion, max_ratio: float, max_conductivity: float
) -> _Sizes:
    """Scale tensors to the geometric mean 1, twice, as limits change it."""
    product = np.abs(diffusion.values.prod(axis=1))
    # An eigenvalue of zero is taken as the limit of small ones: the others are clipped.
    mean = np.cbrt(np.maximum(product, np.finfo(np.float64).tiny))
    values = np.where(diffusion.there[:, None], diffusion.values / mean[:, None], 1.0)
    first = _limited(values, 1.0, _NO_CONDUCTIVITY, max_ratio, max_conductivity)
    values = first.values / np.cbrt(first.values.prod(axis=1))[:, None]
    second = _limited(values, 1.0, _NO_CONDUCTIVITY, max_ratio, max_conductivity)
    return _Sizes(
        second.values,
        first.at_maximum | second.at_maximum,
        first.at_ratio | second.at_ratio,
    )


def _without_maximum(diffusion: _Diffusion, max_ratio: float) -> _Sizes:
    return _limited(diffusion.values, _MISSING, _NO_DIFFUSIVITY, max_ratio, np.inf)


def _direct_scale(
    diffusion: _Diffusion, scalar: Float[ndarray, "n"], max_ratio: float
) -> float:
    """Find the factor from diffusivity to conductivity, one for all tissues. [S s/m³]

    Of all factors s it minimises Σ (s d - c)² over the tissues, d being the geometric mean
    diffusivity and c the scalar conductivity of each [Rullmann et al. 2009].
    """
    product = _without_maximum(diffusion, max_ratio).values.prod(axis=1)
    above, below = 0.0, 0.0
    for tag in np.unique(diffusion.tags).tolist():
        inside = diffusion.tags == tag
        volumes = diffusion.volumes[inside]
        diffusivity = np.cbrt(volumes @ product[inside] / volumes.sum())
        if diffusivity > 0:  # Else the image has nothing in this tissue.
            above += scalar[inside][0] * diffusivity
            below += diffusivity**2
    return float(above / below) if below > 0 else 0.0


def _direct(
    diffusion: _Diffusion,
    scalar: Float[ndarray, "n"],
    scale: float,
    max_ratio: float,
    max_conductivity: float,
) -> _Sizes:
    first = _without_maximum(diffusion, max_ratio)
    second = _limited(
        scale * first.values, scalar, _NO_CONDUCTIVITY, max_ratio, max_conductivity
    )
    return replace(second, at_ratio=first.at_ratio | second.at_ratio)


def _check_limits(
    max_ratio: float, max_conductivity: float, minimum_coverage: float
) -> None:
    if not max_ratio >= 1:
        raise ValueError(f"`max_ratio` must be 1 or more, got {max_ratio!r}.")
    if not max_conductivity > 0:
        raise ValueError(
            f"`max_conductivity` must be positive, in S/m; got {max_conductivity!r}."
        )
    if not 0 <= minimum_coverage <= 1:
        raise ValueError(
            f"`minimum_coverage` is a share, 0 to 1; got {minimum_coverage!r}."
        )


def _check_coverage(coverage: Mapping[str, float], minimum: float) -> None:
    white = TISSUE_NAMES[_WHITE_MATTER]
    tissue = (
        white if white in coverage else min(coverage, key=lambda name: coverage[name])
    )
    if coverage[tissue] < minimum:
        raise ValueError(
            f"`image` has tensors in only {coverage[tissue]:.0%} of {tissue}, less than "
            f"the {minimum:.0%} of `minimum_coverage`. It is probably in another space "
            "than the head: register it to the head's T1. Where it does cover only a part, "
            "lower `minimum_coverage`; the rest will be isotropic."
        )


def _check_signs(diffusion: _Diffusion) -> None:
    negative = diffusion.share(diffusion.values[:, 2] < 0)
    if negative > _MOST_NEGATIVE:
        raise ValueError(
            f"`image` has negative eigenvalues in {negative:.0%} of what it covers, but "
            "diffusivity is positive. The order of its volumes is probably not that of "
            "`layout`, or it is noise: check how it was made."
        )
