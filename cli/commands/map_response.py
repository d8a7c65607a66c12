"""`tmsgrad map response`: how a response grows with intensity, from a table of both."""

import argparse
from dataclasses import dataclass

import numpy as np

from ...disk.as_json import write_json
from ...disk.tables import write_table
from ...optimize import mapping
from ..results.response_result import Responded, ResponseResult
from ..runtime.naming import PICTURE
from ..runtime.notices import dispensable, heard, listening, note
from ..runtime.outcome import Outcome
from ..runtime.ownership import output_folder
from ..runtime.provenance import Provenance


_LOGARITHMIC = {None: None, "normal": False, "log-normal": True}


@dataclass(frozen=True)
class ResponseRequest:
    """What `tmsgrad map response` is asked for.

    Attributes:
        table: Of intensities and responses.
        intensity: Its column.
        responses: Columns, one or more.
        logarithmic: Whether logarithms are fitted; None for what is more likely.
        criterion: Of a response, in its column's unit, or None.
        share: Of the change, for the threshold where there is no criterion.
        out: Folder.
    """

    table: str
    intensity: str
    responses: tuple[str, ...]
    logarithmic: bool | None
    criterion: float | None
    share: float
    out: str

    @classmethod
    def of(cls, options: argparse.Namespace) -> "ResponseRequest":
        """Take it from the options.

        Raises:
            ValueError: Options do not fit each other.
        """
        if options.level is not None and options.criterion is not None:
            raise ValueError(
                "--criterion is a response, --level a share of its change: give one of "
                "the two."
            )
        if options.intensity in options.response:
            raise ValueError(
                f"--response: {options.intensity!r} is the column of intensities."
            )
        return cls(
            *(options.table, options.intensity, tuple(options.response)),
            *(_LOGARITHMIC[options.noise], options.criterion),
            *(0.5 if options.level is None else options.level / 100, options.out),
        )


def map_response(options: argparse.Namespace) -> Outcome:
    """Fit a curve to each column of responses, write and print what was found."""
    with listening():
        request, origin = ResponseRequest.of(options), Provenance.of(options)
        found = find_curves(request, origin)
    return Outcome(found.answer(), found.step())


def find_curves(request: ResponseRequest, origin: Provenance) -> ResponseResult:
    """Fit a curve to each column of responses, write the files and print them.

    Raises:
        ValueError: The table is malformed, or makes no curve.
        FileNotFoundError: There is no such file.
    """
    with output_folder(request.out) as folder:
        names, values = mapping.read_columns(
            request.table, (request.intensity, *request.responses)
        )
        curves = tuple(
            _curve(request, name, values[:, 0], values[:, number])
            for number, name in enumerate(names[1:], start=1)
        )
        result = ResponseResult(
            *(names[0], curves, request.criterion, request.share),
            *(request.table, origin, tuple(heard())),
        )
        write_table(folder / "curves.csv", result.columns, result.rows())
        write_json(folder / "summary.json", result.to_json())
        with dispensable(PICTURE):
            result.draw(folder / PICTURE)
    result.describe(request.out)
    return result


def _curve(
    request: ResponseRequest, name: str, intensity: np.ndarray, response: np.ndarray
) -> Responded:
    there = np.isfinite(intensity) & np.isfinite(response)
    if not there.all():
        missing = np.flatnonzero(~there) + 2
        some = ", ".join(map(str, missing[:8])) + (" …" if len(missing) > 8 else "")
        note(
            f"{request.table}: {len(missing)} rows have no intensity or no {name}, and "
            f"are left out: {some}."
        )
    intensity, response = intensity[there], response[there]
    try:
        found = mapping.recruit(
            *(intensity, response),
            response=request.criterion,
            share=request.share,
            logarithmic=request.logarithmic,
        )
    except ValueError as error:
        raise ValueError(f"{request.table}, {name}: {error}") from None
    return Responded(name, intensity, response, found)
