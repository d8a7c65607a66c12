"""What no computed field may be."""

import numpy as np
from jaxtyping import ArrayLike


_NO_FIELD = 1e-12  # What no coil near a head falls below, at 1 A/s. [V/m]


def check_field(
    values: ArrayLike | float, what: str, rates: ArrayLike | float = 1e6
) -> None:
    """Refuse what is no result: values that are not finite, and no field at all.

    Args:
        values: Of a field, of any shape, or the first axis for poses. [V/m]
        what: Whose they are, for the message.
        rates: Their dI/dt, one or one for each pose. [A/s]

    Raises:
        ValueError: A value is not finite, or all are nothing.
    """
    found = np.asarray(values)
    wrong = np.count_nonzero(~np.isfinite(found))
    if wrong:
        raise ValueError(
            f"{what}: {wrong} of {found.size} values are not finite, so there is no "
            "result. Look at the head with `tmsgrad head check`, and at the coil with "
            "`tmsgrad coil info`."
        )
    driven = np.abs(np.asarray(rates, dtype=np.float64))
    most = np.abs(found).reshape((*driven.shape, -1)).max(axis=-1)
    if (most <= _NO_FIELD * driven).all():
        raise ValueError(
            f"{what}: the field is 0 V/m, which is no result: the coil has no field "
            "there, or its dI/dt is 0. Look at it with `tmsgrad coil info`, and at the "
            "units of its file."
        )
