"""What a live session came to."""

from dataclasses import dataclass
from typing import ClassVar

from ...efield import Accuracy
from ...optimize.live.figures import Latencies
from ..runtime.provenance import Provenance
from .reduced_result import error_of


@dataclass(frozen=True, eq=False)
class LiveResult:
    """A live session.

    Attributes:
        source: Where poses came from.
        registration: From tracker to head, in words.
        received: Poses that came.
        answered: Of these.
        dropped: As newer ones had come before they could be answered.
        refused: As they were no rigid placement.
        complaints: About what came, of any kind.
        connections: How often the source was reached.
        pulses: That are in the record.
        latencies: Of answers; None where there was none.
        accuracy: Of the basis.
        out: Folder of the record, or None.
        origin: Where it comes from.
    """

    schema: ClassVar[int] = 1

    source: str
    registration: str
    received: int
    answered: int
    dropped: int
    refused: int
    complaints: int
    connections: int
    pulses: int
    latencies: Latencies | None
    accuracy: Accuracy
    out: str
    origin: Provenance

    def to_json(self) -> dict:
        """For `live.json` and `--json`."""
        late = self.latencies
        return {
            "schema": self.schema,
            "source": self.source,
            "registration": self.registration,
            "poses": {
                "received": self.received,
                "answered": self.answered,
                "dropped": self.dropped,
                "refused": self.refused,
            },
            "complaints": self.complaints,
            "connections": self.connections,
            "pulses": self.pulses,
            "latency_ms": None
            if late is None
            else {
                "median": late.median * 1e3,
                "95%": late.most * 1e3,
                "worst": late.worst * 1e3,
            },
            "error": error_of(self.accuracy),
            "provenance": self.origin.as_json(),
        }

    def describe(self) -> None:
        """Print it."""
        print(
            f"poses           {self.received} came, {self.answered} answered, "
            f"{self.dropped} dropped for newer ones, {self.refused} refused"
        )
        if self.latencies is not None:
            late = self.latencies
            print(
                f"latency         {late.median * 1e3:.0f} ms in the median, 95% within "
                f"{late.most * 1e3:.0f} ms"
            )
        print(f"pulses          {self.pulses} in {self.out}")
