"""The record of pulses: rows that are on the disk before anybody hears of them."""

import os
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from ...coils.navigation import (
    BIDS_MARKER_COLUMNS,
    BIDS_VERSION,
    LIVE_POSE_COLUMNS,
    bids_coordinates,
)
from ...disk.as_json import write_json
from ...disk.tables import row_of
from .answers import LiveAnswer
from .inbox import Pulse


PULSES = "pulses.csv"
COLUMNS = (
    *("pulse", "time_s", "clock", "trigger", "state", "pose_age_ms"),
    *LIVE_POSE_COLUMNS,
    *("didt_A_per_s", "target_E_norm", "share_of_best", "E_max"),
    *("E_max_x_mm", "E_max_y_mm", "E_max_z_mm", "scalp_distance_mm", "clearance_mm"),
    *("estimated_error_of_basis", "outside_of_basis"),
)

# Columns of NIBS-BIDS, as `coils.navigation` has those of markers.
EVENTS = ("onset", "duration", "nibs_event_id", "nibs_position_id")
NIBS = (
    *("nibs_event_id", "nibs_type", "nibs_element_id", "stimulus_intensity"),
    *("intensity_reference", "intensity_scaling"),
)


class AppendedTable:
    """A table that only grows; a row is on the disk when `write` returns.

    A row is written at once. What a kill leaves of one has no line end, and readers leave
    it out.
    """

    def __init__(self, path: Path, columns: Sequence[str]):
        """Begin it.

        Raises:
            FileExistsError: It is there.
            OSError: It cannot be written.
        """
        self._columns = tuple(columns)
        self._tabs = path.suffix == ".tsv"
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL
        self._file = os.open(path, flags | getattr(os, "O_BINARY", 0), 0o644)
        self._line(self._columns)

    def write(self, row: Mapping[str, object]) -> None:
        """Append a row, by column."""
        self._line([row[name] for name in self._columns])

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)

    def _line(self, values: Sequence[object]) -> None:
        left = (_tabbed(values) if self._tabs else row_of(values)).encode()
        while left:
            left = left[os.write(self._file, left) :]
        os.fsync(self._file)


class Record:
    """The record of a session."""

    def __init__(
        self,
        folder: Path,
        bids: str | None,
        coil: str,
        target: Sequence[float],
        begun: float,
    ):
        """Begin it.

        Args:
            folder: Where its files are.
            bids: What the names of NIBS-BIDS begin with, such as sub-01_task-tms, or None.
            coil: Its name.
            target: Its centre. [m]
            begun: On the monotonic clock, which times are counted from. [s]

        Raises:
            ValueError: The folder holds a record.
            OSError: It cannot be written.
        """
        self._begun, self._coil, self.count = begun, coil, 0
        self._target = [1e3 * x for x in target]
        self._intensities: list[float] = []
        names = {"pulses": PULSES}
        if bids is not None:
            kinds = ("markers", "events", "nibs")
            names |= {kind: f"{bids}_{kind}.tsv" for kind in kinds}
        for name in names.values():
            if (folder / name).exists():
                raise ValueError(
                    f"{folder}: it holds {name} of an earlier session. Name another "
                    "folder."
                )
        folder.mkdir(parents=True, exist_ok=True)
        columns = {
            "pulses": COLUMNS,
            "markers": BIDS_MARKER_COLUMNS,
            "events": EVENTS,
            "nibs": NIBS,
        }
        self._tables = {
            kind: AppendedTable(folder / name, columns[kind])
            for kind, name in names.items()
        }
        if bids is not None:
            write_json(folder / f"{bids}_nibs.json", _nibs_json(coil))
            write_json(folder / f"{bids}_coordsystem.json", bids_coordinates())

    def write(self, pulse: Pulse, answer: LiveAnswer | None, state: str) -> dict:
        """Append a pulse, which is safe when this returns, and give its row."""
        row = self._row(pulse, answer, state)
        if "markers" in self._tables and answer is not None:
            self._write_bids(row, answer)
        self._tables["pulses"].write(row)
        self.count += 1
        return row

    def close(self) -> None:
        """Close all files."""
        for each in self._tables.values():
            each.close()

    def _row(self, pulse: Pulse, answer: LiveAnswer | None, state: str) -> dict:
        age = np.nan if pulse.pose is None else pulse.arrived - pulse.pose.arrived
        unknown: dict[str, object] = dict.fromkeys(COLUMNS, "")
        row = unknown | {
            "pulse": self.count,
            "time_s": pulse.arrived - self._begun,
            "clock": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "trigger": pulse.source,
            "state": state,
            "pose_age_ms": age * 1e3,
            "didt_A_per_s": pulse.current_rate,
        }
        if answer is None:
            return row
        pose = answer.pose.copy()
        pose[:3, 3] *= 1e3
        distance = answer.distance * 1e3
        found = zip(LIVE_POSE_COLUMNS, pose[:3].ravel().tolist(), strict=True)
        peak = zip("xyz", (answer.peak_at * 1e3).tolist(), strict=True)
        return (
            row
            | dict(found)
            | {f"E_max_{x}_mm": value for x, value in peak}
            | {
                "didt_A_per_s": answer.current_rate,
                "target_E_norm": answer.target,
                "share_of_best": answer.share,
                "E_max": answer.peak,
                "scalp_distance_mm": distance if np.isfinite(distance) else np.nan,
                "clearance_mm": answer.clearance * 1e3,
                "estimated_error_of_basis": answer.error,
                "outside_of_basis": int(answer.outside),
            }
        )

    def _write_bids(self, row: dict, answer: LiveAnswer) -> None:
        position = f"pulse-{self.count}"
        rate = answer.current_rate
        if rate not in self._intensities:
            self._intensities.append(rate)
            event = f"didt-{len(self._intensities)}"
            self._tables["nibs"].write(
                dict(
                    zip(
                        NIBS,
                        (event, "TMS", self._coil, rate, "absolute", "absolute"),
                        strict=True,
                    )
                )
            )
        pose = answer.pose
        columns = [pose[:3, 3] * 1e3, *pose[:3, :3].T]
        numbers = np.concatenate(columns).tolist()
        marker = (position, self._coil, *numbers, row["scalp_distance_mm"])
        self._tables["markers"].write(
            dict(
                zip(
                    BIDS_MARKER_COLUMNS, (*marker, *self._target, "target"), strict=True
                )
            )
        )
        event = f"didt-{self._intensities.index(rate) + 1}"
        onset = row["time_s"]
        self._tables["events"].write(
            dict(zip(EVENTS, (onset, 0, event, position), strict=True))
        )


def _tabbed(values: Sequence[object]) -> str:
    """Format a row of a table of BIDS."""
    words = []
    for value in values:
        if isinstance(value, float):
            word = f"{value:.9g}" if np.isfinite(value) else "n/a"
        else:
            word = " ".join(str(value).split()) or "n/a"
        words.append(word)
    return "\t".join(words) + "\n"


def _nibs_json(coil: str) -> dict:
    return {
        "NIBSDescription": f"columns as in {BIDS_VERSION}; for research use only",
        "stimulus_intensity": {"Description": "dI/dt of the coil", "Units": "A/s"},
        "ElementSet": [{"ElementID": coil, "ElementType": "coil", "ModelName": coil}],
        "NavigationSystem": {"Navigation": True},
    }
