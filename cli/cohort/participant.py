"""`tmsgrad bids … participant`: a plan for each person of a study."""

import argparse
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace

from ...disk import write_whole
from ...disk.as_json import write_json
from ..results.cohort_result import (
    BEFORE,
    DONE,
    FAILED,
    PEOPLE_COLUMNS,
    WRONG,
    CheckedPeople,
    CohortResult,
    PersonResult,
)
from ..runtime.interruption import ENDINGS
from ..runtime.notices import note
from ..runtime.outcome import Outcome
from ..runtime.provenance import Provenance
from ..runtime.tether import TETHERED
from ..runtime.versions import versions
from . import engines
from .checking import Problem
from .derivatives import Place, describe_dataset
from .making import TABLE, examined
from .memory import Size, fitting_size, free_memory, need_of_task
from .people import Person, find_people
from .person import Task, do_task
from .request import BidsRequest
from .screen import Screen
from .study import Study, made_head, person_plan, read_study
from .work import Ended, Job, cores


_NAMED = 4  # People in a line.
_Do = Callable[[argparse.Namespace], Outcome]


@dataclass(frozen=True)
class Cohort:
    """The people of a study, with what is wrong with some.

    Attributes:
        study: The plan.
        people: All of them.
        problems: By name.
        tasks: Of those whose plan can be done.
    """

    study: Study
    people: tuple[Person, ...]
    problems: dict[str, tuple[Problem, ...]]
    tasks: tuple[Task, ...]

    @classmethod
    def of(cls, request: BidsRequest) -> "Cohort":
        """Read plan and people, and check all that can be checked without computing.

        Raises:
            ValueError: The plan is wrong, or there is nobody.
            OSError: A file cannot be read.
        """
        assert request.plan is not None
        study = read_study(request.plan)
        people = _people(request, study)
        problems, tasks = {}, []
        for each in people:
            folder = request.out / "work" / each.name
            making, problems[each.name] = examined(
                *(each, study.needed, study.segmenting),
                *(made_head(each, folder), request.check),
            )
            if any(problem.stops for problem in problems[each.name]):
                continue
            plan = person_plan(study, each, folder, making)
            place = Place(request.out, each)
            tasks.append(Task(place, plan, request.spheres, making))
        return cls(study, people, problems, tuple(tasks))

    def notes(self, name: str) -> tuple[str, ...]:
        """What is wrong with a person's files and does not stop the plan."""
        return tuple(p.what for p in self.problems[name] if not p.stops)

    def left_out(self) -> list[PersonResult]:
        """Those whose plan cannot be done."""
        well = {task.name for task in self.tasks}
        return [
            PersonResult(
                each.name,
                WRONG,
                " ".join(p.what for p in self.problems[each.name] if p.stops),
            )
            for each in self.people
            if each.name not in well
        ]


def check_people(request: BidsRequest) -> dict:
    """Say what is wrong, person by person."""
    cohort = Cohort.of(request)
    found = CheckedPeople(
        {
            name: [(p.kind, p.what, p.stops) for p in problems]
            for name, problems in cohort.problems.items()
        },
        max((len(task.plan.runs) for task in cohort.tasks), default=0),
    )
    found.describe()
    return found.to_json()


def print_array(request: BidsRequest) -> dict:
    """Print the script of an array."""
    assert request.queue is not None
    cohort = Cohort.of(request)
    needs = [need_of_task(task) for task in cohort.tasks]
    threads = request.threads or 1
    script = engines.array_script(
        [_command(request, task, threads) for task in cohort.tasks],
        request.out.absolute() / "logs",
        *(max(needs, default=0), threads, request.queue),
    )
    for each in cohort.left_out():
        note(f"{each.name} is left out: {each.reason}")
    _say_made(cohort.tasks)
    (request.out / "logs").mkdir(parents=True, exist_ok=True)
    print(script)
    return {"script": script, "tasks": len(cohort.tasks)}


def do_people(request: BidsRequest, origin: Provenance, do: _Do) -> CohortResult:
    """Do what is not finished of each person; one that fails stops no other.

    Args:
        request: What is asked for.
        origin: Where the results come from.
        do: Runs one command.

    Raises:
        ValueError: The plan is wrong, or there is nobody.
        OSError: The folder of the results cannot be written.
    """
    begun = time.monotonic()
    cohort = Cohort.of(request)
    request.out.mkdir(parents=True, exist_ok=True)
    (request.out / "logs").mkdir(exist_ok=True)
    describe_dataset(request.out, str(request.root), versions())
    _keep_plan(request)
    finished = {task.name for task in cohort.tasks if task.finished()}
    found = cohort.left_out()
    found += [
        PersonResult(task.name, BEFORE, "; ".join(task.lacking))
        for task in cohort.tasks
        if task.name in finished
    ]
    todo = [task for task in cohort.tasks if task.name not in finished]
    _say_made(todo)
    workers = 0
    if todo:
        with _engine(request, todo, do) as (ended, workers, link):
            screen = Screen(todo, request.out / "logs" / "people.log", link)
            try:
                for each in found:
                    screen.ended(each)
                for end in ended:
                    found.append(_person(end))
                    screen.ended(found[-1])
            except ENDINGS as stop:
                kept = len([x for x in found if not x.bad])
                stop.args = (f"{kept} people are finished; the same command goes on.",)
                raise
            finally:
                screen.close()
    found = [replace(each, notes=cohort.notes(each.name)) for each in found]
    order = [person.name for person in cohort.people]
    found.sort(key=lambda each: order.index(each.name))
    result = CohortResult(
        tuple(found), time.monotonic() - begun, workers, str(request.out), origin
    )
    _write_tables(request, cohort, result)
    return result


def _say_made(tasks: Sequence[Task]) -> None:
    """Say whose heads are made first."""
    made = [each for each in tasks if each.making is not None and not each.has_head]
    if not made:
        return
    names = ", ".join(each.name for each in made[:_NAMED])
    more = f" and {len(made) - _NAMED} more" if len(made) > _NAMED else ""
    note(
        f"{names}{more}: there is no head, and one is made of the T1 first, which takes "
        f"some minutes. [{TABLE}] in the plan says how; {TABLE} = false leaves out who "
        "has no head."
    )


def _people(request: BidsRequest, study: Study) -> tuple[Person, ...]:
    if study.own is None:
        return find_people(
            *(request.root, request.subjects, request.sessions),
            *(study.by_session, request.out),
        )
    chosen = [
        each
        for each in study.own
        if (request.subjects is None or each.subject in request.subjects)
        and (request.sessions is None or each.session in request.sessions)
    ]
    if not chosen:
        raise ValueError(
            f"{study.path}: none of its subjects has the labels that are asked for."
        )
    return tuple(chosen)


@contextmanager
def _engine(
    request: BidsRequest, tasks: Sequence[Task], do: _Do
) -> Iterator[tuple[Iterator[Ended], int, str]]:
    """Begin to compute: give what ends, how many at once, and a link."""
    if request.here:
        yield (_here(task, do) for task in tasks), 1, ""
        return
    needs = [need_of_task(task) for task in tasks]
    if request.scheduler is not None:
        threads = request.threads or 1
        jobs = [_job(request, task, threads, None) for task in tasks]
        with engines.joined_cluster(request.scheduler) as client:
            count = len(client.scheduler_info()["workers"])
            yield engines.on_dask(client, jobs), count, client.dashboard_link
        return
    if request.queue is not None:
        threads, count = request.threads or 1, request.workers or len(tasks)
        share = max(needs)
        jobs = [_job(request, task, threads, share) for task in tasks]
        with engines.queued_workers(request.queue, count, share, threads) as client:
            yield engines.on_dask(client, jobs), count, client.dashboard_link
        return
    size = _local_size(request, needs)
    jobs = [_job(request, task, size.threads, size.share) for task in tasks]
    with engines.local_workers(size.workers) as client:
        yield engines.on_dask(client, jobs), size.workers, client.dashboard_link


def _local_size(request: BidsRequest, needs: list[int]) -> Size:
    budget = request.memory or free_memory()
    size = fitting_size(needs, budget, cores(), request.workers, request.threads)
    if max(needs) > size.share:
        note(
            f"the largest head may take {max(needs) / 1e9:.1f} GB, and there are "
            f"{size.share / 1e9:.1f} GB: a person that takes more is ended."
        )
    return size


def _here(task: Task, do: _Do) -> Ended:
    """Do a person in this process, and say in a file what became of it."""
    begun = time.monotonic()
    try:
        failed, reason = False, "; ".join(do_task(task, do))
    except Exception as error:
        # Endings by signals are no Exceptions, and pass.
        failed = True
        reason = (str(error) or type(error).__name__).replace("\n", " ")
        if not isinstance(error, ValueError | OSError | ModuleNotFoundError):
            reason = f"{type(error).__name__}: {reason}"
    seconds = time.monotonic() - begun
    with suppress(OSError):
        task.folder.mkdir(parents=True, exist_ok=True)
        write_json(task.outcome, {"failed": failed, "reason": reason})
    return Ended(task.name, failed, reason, seconds, 0)


def _job(request: BidsRequest, task: Task, threads: int, limit: int | None) -> Job:
    return Job(
        task.name,
        (sys.executable, "-c", TETHERED, *_command(request, task, threads)[3:]),
        str(request.out.absolute() / "logs" / f"{task.name}.log"),
        str(task.outcome.absolute()),
        limit,
        starts=task.making is not None,
    )


def _command(request: BidsRequest, task: Task, threads: int) -> list[str]:
    """The words that do one person, in a process of its own."""
    person = task.place.person
    assert request.plan is not None
    words = [sys.executable, "-m", "tmsgrad.cli.main", "bids"]
    words += [os.path.abspath(p) for p in (request.root, request.out)]
    words += ["participant", "--plan", os.path.abspath(request.plan), "--here"]
    words += ["--participant-label", person.subject, "--threads", str(threads)]
    if person.session:
        words += ["--session-label", person.session]
    if request.device is not None:
        words += ["--device", request.device]
    if request.spheres is not None:
        words += ["--fslr", *map(os.path.abspath, request.spheres)]
    return words


def _person(end: Ended) -> PersonResult:
    status = FAILED if end.failed else DONE
    return PersonResult(end.name, status, end.reason, end.seconds, end.peak or None)


def _keep_plan(request: BidsRequest) -> None:
    assert request.plan is not None
    folder = request.out / "code"
    folder.mkdir(exist_ok=True)
    kept, text = folder / "plan.toml", request.plan.read_bytes()
    if kept.resolve() != request.plan.resolve() and (
        not kept.is_file() or kept.read_bytes() != text
    ):
        write_whole(kept, text)


def _write_tables(request: BidsRequest, cohort: Cohort, result: CohortResult) -> None:
    """Write what became of all, unless this is one person of an array or an engine."""
    if request.here and len(result.people) == 1:
        return
    lines = [PEOPLE_COLUMNS, *(each.row() for each in result.people)]
    text = "\n".join("\t".join(line) for line in lines) + "\n"
    write_whole(request.out / "people.tsv", text)
    write_json(request.out / "people.json", result.to_json())
    subjects = dict.fromkeys(f"sub-{each.subject}" for each in cohort.people)
    table = "participant_id\n" + "".join(f"{name}\n" for name in subjects)
    write_whole(request.out / "participants.tsv", table)
