"""`workspace/executeCommand`: each command starts a job and answers with its id, or refuses with one sentence."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Sequence
from pathlib import Path

from ..engine.errors import BadInput
from ..engine.reply import chosen, understood
from ..engine.rest import reason_to_rest
from . import explanation, feed, work_repairs, work_tests, work_write
from .arguments import INVALID_PARAMS, Arguments, Refused, nodeid_of, read, root_of, text_of, texts_of, trusted_root_of
from .basis import Basis
from .code_actions import identity
from .describe import test_name
from .edits import standing
from .jobs import Job
from .places import stands_for
from .questions import heard, how_to_write, set_aside
from .repairs import repairs_of
from .session import Session
from .work_tests import Which

_MOST_AHEAD = 3
"""Tests for which a save may start a search: more red ones at once are most likely one fault."""


def run_tests(session: Session, *arguments: object) -> dict[str, str]:
    """`darner.runTests {uri?, root?, nodeid?, nodeids?, affected?, coverage?}`: without a node id, every test."""
    given = read(arguments)
    root = trusted_root_of(session, given)
    nodeids = texts_of(given, "nodeids") or tuple(filter(None, [text_of(given, "nodeid")]))
    which = Which.NAMED if nodeids else Which.AFFECTED if given.get("affected") is True else Which.ALL
    return _started(start_tests(session, root, nodeids, which, coverage=given.get("coverage") is True))


def start_tests(
    session: Session,
    root: Path,
    nodeids: tuple[str, ...],
    which: Which,
    *,
    asked: bool = True,
    coverage: bool = False,
) -> Job:
    """Also what a save does, unasked. A running run of the same tests is out of date: it is replaced."""
    title = f"Run {test_name(nodeids[0])}" if len(nodeids) == 1 else "Run tests"
    stop_looking_ahead(session, root)

    async def run(job: Job) -> None:
        red = await work_tests.run_tests(session, job, root, nodeids, which, asked=asked, coverage=coverage)
        if red and not asked and session.board(root).settings.watch:
            start_looking_ahead(session, root, red)

    return session.jobs.supersede(("test", root, nodeids), title, run)


def start_looking_ahead(session: Session, root: Path, red: Collection[str]) -> None:
    """A quick search for the tests that a save turned red."""
    chosen = sorted(red)[:_MOST_AHEAD]
    if not reason_to_rest():
        key = ("ahead", root, tuple(chosen))
        session.jobs.start(
            key,
            "Look for repairs",
            lambda job: work_repairs.look_ahead(session, job, root, chosen),
            Basis(session.snapshot, root),
        )


def stop_looking_ahead(session: Session, root: Path) -> None:
    """Whatever the user asks for comes first."""
    for job in session.jobs.running:
        if job.key[:2] == ("ahead", root):
            job.cancel("Stopped for what you asked for.")


def follow_watch(session: Session) -> None:
    """The setting was switched off: what it began ends at once."""
    for root, board in session.snapshot.boards.items():
        if not board.settings.watch:
            stop_looking_ahead(session, root)


def repair(session: Session, *arguments: object) -> dict[str, str]:
    """`darner.repair {nodeid, uri?, root?, budget?, apply?}`: applies the repair unless `apply` is false."""
    given = read(arguments)
    root = trusted_root_of(session, given)
    return _started(_repair(session, given, root, _meant(session, root, given)))


def answer(session: Session, *arguments: object) -> dict[str, object]:
    """`darner.answer {nodeid, answer, uri?, root?, budget?, apply?}`: to the open question, as `darner fix --answer`.

    `{job}` looks for another repair, or applies the chosen one; `{repair}` is its index where `apply` is false;
    `{refused}` says in one sentence why the text is no answer.
    """
    given = read(arguments)
    root = trusted_root_of(session, given)
    nodeid = _meant(session, root, given)
    question = case.question if (case := session.board(root).cases.get(nodeid)) is not None else None
    if question is None:
        raise Refused(f"No question about {nodeid} is open; darner.repair looks for repairs.")
    try:
        reply = understood(text_of(given, "answer"))
        at = chosen(question, reply)
    except BadInput as error:
        return {"refused": str(error).removeprefix("--answer ")}
    if at is None:
        if why := heard(root, question, reply):
            raise Refused(why)
        set_aside(session, root, nodeid, question, reply)
        _stop_repairs(session, root, nodeid)
        return {**_started(_repair(session, given, root, nodeid))}
    index = question.answers[at].candidate
    if given.get("apply") is False:
        return {"repair": index}
    _stop_repairs(session, root, nodeid)
    return {**apply_repair(session, {"nodeid": nodeid, "root": str(root), "index": index})}


def _stop_repairs(session: Session, root: Path, nodeid: str) -> None:
    """Its question was answered: a job that still waits for a button would stand in for the search that obeys."""
    for job in session.jobs.running:
        if job.key[:2] == ("repair", root) and stands_for(str(job.key[2]), nodeid):
            job.cancel("Stopped: its question was answered.")


def write_answer(session: Session, *arguments: object) -> None:
    """`darner.writeAnswer {nodeid, uri?, root?}`: clients with an input box ask in it and send `darner.answer`; the
    others are told how.
    """
    session.show(how_to_write(f"darner fix {shlex.quote(nodeid_of(read(arguments)))}"))


def _repair(session: Session, given: Arguments, root: Path, nodeid: str) -> Job:
    budget = text_of(given, "budget") or session.board(root).settings.budget
    apply = given.get("apply") is not False
    stop_looking_ahead(session, root)
    return session.jobs.start(
        ("repair", root, nodeid, budget, apply),
        f"Repair {test_name(nodeid)}",
        lambda job: work_repairs.repair(session, job, root, nodeid, budget, apply),
        Basis(session.snapshot, root),
    )


def explain(session: Session, *arguments: object) -> dict[str, str]:
    """`darner.explain {nodeid, uri?, root?}`."""
    given = read(arguments)
    root = trusted_root_of(session, given)
    nodeid = _meant(session, root, given)
    stop_looking_ahead(session, root)
    return _started(
        session.jobs.start(
            ("explain", root, nodeid),
            f"Explain {test_name(nodeid)}",
            lambda job: work_repairs.explain(session, job, root, nodeid),
        )
    )


def implement(session: Session, *arguments: object) -> dict[str, str]:
    """`darner.implement {name, uri?, root?, budget?}`: the body of a stub, FILE::NAME."""
    return _writing(session, arguments, "write", "Implement", work_write.implement)


def write_test(session: Session, *arguments: object) -> dict[str, str]:
    """`darner.writeTest {name, uri?, root?, budget?}`: a test for a function, FILE::NAME."""
    return _writing(session, arguments, "write_test", "Write a test for", work_write.write_test)


def _writing(
    session: Session, arguments: tuple[object, ...], method: str, verb: str, work: work_write.Writer
) -> dict[str, str]:
    given = read(arguments, key="name")
    root, name = trusted_root_of(session, given), text_of(given, "name")
    if "::" not in name:
        raise Refused("Say which function: name must be FILE::NAME, as in cart.py::Cart.total.", INVALID_PARAMS)
    budget = text_of(given, "budget") or session.board(root).settings.budget
    stop_looking_ahead(session, root)
    title = f"{verb} {name.partition('::')[2]}"
    basis = Basis(session.snapshot, root)
    return _started(
        session.jobs.start((method, root, name), title, lambda job: work(session, job, root, name, budget), basis)
    )


def add_example(session: Session, *arguments: object) -> dict[str, str]:
    """`darner.addExample {uri?, root?}`: the example of the question that was answered last, as a test."""
    root = trusted_root_of(session, read(arguments, key="root"))
    last = next(reversed(standing(session.snapshot, session.board(root))), None)
    if last is None or last.example is None:
        raise Refused("No question was answered for the last repair, so there is no example to keep.")
    return _started(
        session.jobs.start(
            ("example", root, last), "Add the example", lambda job: work_write.add_example(session, job, root, last)
        )
    )


def show_explanation(session: Session, *arguments: object) -> dict[str, object]:
    """`darner.showExplanation {nodeid, uri?, root?}`: everything that is known. Runs nothing."""
    given = read(arguments)
    root = root_of(session, given)
    return explanation.shown(session.snapshot, session.board(root), _meant(session, root, given))


def open_explanation(session: Session, *arguments: object) -> None:
    """`darner.openExplanation {nodeid, uri?, root?}`: the same as a virtual document of the client. Runs nothing."""
    given = read(arguments)
    root = root_of(session, given)
    session.in_background(work_repairs.show_explanation(session, root, _meant(session, root, given)))


def test_tree(session: Session, *arguments: object) -> dict[str, str]:
    """`darner.testTree {uri?, root?}`: the tests of one project, or of all, by `darner/testTree`.

    pytest names them in a trusted project; in others they are read from the text, and nothing runs.
    """
    given = read(arguments, key="root")
    if text_of(given, "root") or text_of(given, "uri"):
        roots = [session.board(root_of(session, given)).root]
    else:
        folders = session.snapshot.folders
        roots = session.our_boards() or [session.board(session.root_of(f / "_")).root for f in folders]
    return _started(list_tests(session, roots))


def list_tests(session: Session, roots: Sequence[Path], *, asked: bool = True) -> Job:
    return session.jobs.supersede(
        ("tree", *roots), "List tests", lambda job: work_tests.list_tests(session, job, roots, asked=asked)
    )


def undo(session: Session, *arguments: object) -> dict[str, str]:
    """`darner.undo {uri?, root?}`: takes back the last repair that was applied in this session. Runs nothing."""
    root = root_of(session, read(arguments))
    return _started(session.jobs.start(("undo", root), "Undo repair", lambda _: work_repairs.undo(session, root)))


def applied(session: Session, *arguments: object) -> None:
    """`darner.applied {nodeid, repair, root?}`: sent by the client after it applied a code action's edit."""
    given = read(arguments)
    root, nodeid, name = root_of(session, given), nodeid_of(given), text_of(given, "repair")
    case = session.board(root).cases.get(nodeid)
    for known in case.repairs if case is not None else ():
        if identity(known) == name:
            work_repairs.applied(session, root, known, nodeid)


def apply_repair(session: Session, *arguments: object) -> dict[str, str]:
    """`darner.applyRepair {nodeid, index?, uri?, root?}`: a verified repair that was found before. Runs nothing."""
    given = read(arguments)
    root, index = root_of(session, given), given.get("index", 0)
    nodeid = _meant(session, root, given)
    if not isinstance(index, int):
        raise Refused("index must be a number: which of the offered repairs to apply.", INVALID_PARAMS)
    return _started(
        session.jobs.start(
            ("apply", root, nodeid, index),
            f"Apply repair of {test_name(nodeid)}",
            lambda _: work_repairs.apply_repair(session, root, nodeid, index),
        )
    )


def cancel(session: Session, *arguments: object) -> dict[str, bool]:
    """`darner.cancel {job?}`: one job, or all of them."""
    given = read(arguments, key="job")
    job = text_of(given, "job")
    if job:
        return {"cancelled": session.jobs.cancel(job)}
    running = session.jobs.running
    for each in running:
        each.cancel()
    return {"cancelled": bool(running)}


async def wait(session: Session, *arguments: object) -> dict[str, object]:
    """`darner.wait {job}`: answers when the job has ended, at once when there is no such job."""
    job = text_of(read(arguments, key="job"), "job")
    if not job:
        raise Refused("Say which job: job is missing.", INVALID_PARAMS)
    ended = await session.jobs.wait(job)
    if ended is None:
        return {"outcome": "", "cancelled": False}
    return {"outcome": ended.outcome, "cancelled": ended.cancelled}


def show_repairs(session: Session, *arguments: object) -> dict[str, object]:
    """`darner.showRepairs {nodeid, uri?, root?}`: what a repair found, with its edits. Runs nothing."""
    given = read(arguments)
    root = root_of(session, given)
    return repairs_of(session.snapshot, session.board(root), _meant(session, root, given))


async def show_status(session: Session, *_: object) -> dict[str, object]:
    """`darner.showStatus`: what is open, trusted, failing and running, and what the engine has loaded."""
    return await feed.status(session)


def _meant(session: Session, root: Path, given: Arguments) -> str:
    return session.board(root).cases.meant(nodeid_of(given))


def _started(job: Job) -> dict[str, str]:
    return {"job": job.id}
