"""Trials of two ways to plan: concealed allocation, and power."""

from .allocation import Allocation as Allocation, allocated as allocated
from .enrolment import (
    Enrolment as Enrolment,
    read_enrolments as read_enrolments,
    write_enrolments as write_enrolments,
)
from .power import (
    Power as Power,
    power_of_means as power_of_means,
    power_of_rates as power_of_rates,
)
