"""Factorisation on the host: set up once, then each right-hand side is cheap."""

import weakref

import equinox as eqx
import numpy as np
import scipy.sparse as sp
import scipy.sparse.linalg as spl
from jaxtyping import Float
from numpy import ndarray

from .contrast import FACTORISED, refuse_floating_regions
from .mkl import mkl, on_one_thread, pardiso_is_available
from .solver import AbstractHostSolver, HostSolution
from .stiffness import HostMesh, assemble_upper, whole


class Direct(AbstractHostSolver):
    """Sparse Cholesky factorisation by MKL PARDISO, or SuperLU where there is none.

    Attributes:
        rtol: The largest true relative residual that is accepted.
    """

    rtol: float = eqx.field(static=True, default=1e-10)

    def prepare(
        self, mesh: HostMesh, conductivity: np.ndarray
    ) -> "_Pardiso | _SuperLU":
        """Factorise the stiffness matrix."""
        refuse_floating_regions(mesh, conductivity, FACTORISED)
        return factorised(assemble_upper(mesh, conductivity))

    def apply(
        self,
        prepared: "_Pardiso | _SuperLU",
        rhs: Float[ndarray, "rhs node"],
        start: Float[ndarray, "rhs node"] | None = None,
    ) -> HostSolution:
        """Substitute for all right-hand sides together; there is no need to start."""
        x = prepared.substitute(rhs)
        residual = relative_residuals(prepared.upper, x, rhs)
        if not (residual <= self.rtol).all():
            x = x + prepared.substitute(rhs - _product(prepared.upper, x))
            residual = relative_residuals(prepared.upper, x, rhs)
        raise_unless_converged(residual, self.rtol, "the factorisation")
        return x, np.zeros(len(rhs), dtype=np.int32), residual


def factorised(upper: sp.csr_matrix) -> "_Pardiso | _SuperLU":
    """Factorise a symmetric positive definite matrix from its upper triangle."""
    return _Pardiso(upper) if pardiso_is_available() else _SuperLU(upper)


class _Pardiso:
    """A Cholesky factor held by PARDISO (matrix type 2: real, symmetric, definite)."""

    def __init__(self, upper: sp.csr_matrix):
        import pypardiso

        self.upper = upper
        library = mkl()
        assert library is not None
        self._solver = solver = pypardiso.PyPardisoSolver(mtype=2)
        weakref.finalize(self, solver.free_memory, everything=True).atexit = False
        # Reproducible, as `mkl` asks for, is only a fixed number of threads.
        solver.set_iparm(34, library.MKL_Get_Max_Threads())
        try:
            on_one_thread(solver.factorize, upper)
        except pypardiso.pardiso_wrapper.PyPardisoError as error:
            raise RuntimeError(_why_not_factorised(upper, str(error))) from error
        solver.remove_stored_factorization()  # A copy of the matrix, to compare with.

    def substitute(self, rhs: Float[ndarray, "rhs node"]) -> Float[ndarray, "rhs node"]:
        """Solve for all right-hand sides together."""
        return on_one_thread(self._substitute, rhs)

    def _substitute(self, rhs: ndarray) -> ndarray:
        x = np.asfortranarray(rhs.T)
        # Forward and backward by themselves. Together they come with two steps of
        # refinement, which cannot be turned off and take as long again.
        for phase in (331, 333):
            self._solver.set_phase(phase)
            x = self._solver._call_pardiso(self.upper, np.asfortranarray(x))
        return x.reshape(rhs.T.shape).T


class _SuperLU:
    """Factors held by SciPy: everywhere at hand, and slower by far."""

    def __init__(self, upper: sp.csr_matrix):
        self.upper = upper
        try:
            self._factors = spl.splu(
                sp.csc_matrix(whole(upper)),
                permc_spec="MMD_AT_PLUS_A",
                diag_pivot_thresh=0.0,
                options={"SymmetricMode": True},
            )
        except RuntimeError as error:
            raise RuntimeError(_why_not_factorised(upper, str(error))) from error

    def substitute(self, rhs: Float[ndarray, "rhs node"]) -> Float[ndarray, "rhs node"]:
        return self._factors.solve(np.ascontiguousarray(rhs.T)).T


def relative_residuals(upper: sp.csr_matrix, x: np.ndarray, rhs: np.ndarray):
    """Return |b - Kx| / |b| for each row of `rhs`, from the upper triangle of K."""
    size = np.linalg.norm(rhs, axis=1)
    missed = np.linalg.norm(rhs - _product(upper, x), axis=1)
    return missed / np.where(size > 0, size, 1.0)


def _product(
    upper: sp.csr_matrix, x: Float[ndarray, "rhs node"]
) -> Float[ndarray, "rhs node"]:
    product = upper @ x.T + upper.T @ x.T - upper.diagonal()[:, None] * x.T
    return product.T


def raise_unless_converged(residual: np.ndarray, rtol: float, how: str) -> None:
    """Raise where a true relative residual is larger than the solver promises.

    Raises:
        RuntimeError: With the likely cause.
    """
    if not (residual <= rtol).all():
        raise RuntimeError(
            f"{how} reached a relative residual of {np.max(residual):.1e} instead of "
            f"{rtol:.0e}. Likely causes: elements of almost no volume, a part of the mesh "
            "that hangs on nothing, or conductivities many orders of magnitude apart. "
            "Check the mesh (`meshing.check`), or allow a larger `rtol`."
        )


def _why_not_factorised(upper: sp.csr_matrix, message: str) -> str:
    parts = sp.csgraph.connected_components(upper, directed=False)[0]
    loose = (
        f"The mesh falls into {parts - 1} parts that share no node. "
        if parts > 2
        else ""
    )
    return (
        f"the stiffness matrix could not be factorised ({message}). {loose}Likely causes: "
        "parts of the mesh without contact, elements of almost no volume, or too little "
        "memory (`solver=efield.Multigrid()` needs less)."
    )
