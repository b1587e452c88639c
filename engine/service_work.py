"""What the engine service does for the language server: one method of `ServiceWork` for each that service.py names.

A method takes the job's id, for its events, the request's parameters and its stop, and returns what is answered. Each
project has one warm session, used by one job at a time; work in the background has a session and a priority of its own.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from ..sandbox.session import Session
from ..sandbox.types import TestResult
from .config import NORMAL, Budget, parse_budget
from .crew import expect_help
from .errors import BadInput, ModelError
from .events import Done, Event, Found, Located, Offered, Phase, Prose, Seen, Tried
from .loop import explain, repair
from .model import Model
from .resident import Resident
from .rulings import recall
from .stop import Stop
from .suite import Suite, failing_item
from .trace import decide, recorded
from .types import FailureReport
from .warm import WarmProject
from .wire import encode, ran, slim_repair, slim_report, slim_test, slim_written
from .written import TestDone, Wrote

if TYPE_CHECKING:
    from .fill import Filler

Row = Mapping[str, Any]
_NICE = 10


class ServiceWork:
    """Projects, their sessions and the resident model. `send` may be called from any thread."""

    def __init__(self, send: Callable[[Row], None]) -> None:
        self._send = send
        self._projects: dict[tuple[str, str, str], WarmProject] = {}
        self._models = Resident()
        self._fills: Filler | None = None
        self._filling = threading.Lock()
        self._decisions: dict[tuple[str, str], Path] = {}
        """The trace of the last repair of a test, which learns what the user made of it."""

    def answer(self, method: str, job: object, params: Row, stop: Stop) -> Any:  # noqa: ANN401 - JSON
        """Raises DarnerError or SandboxError, BadInput for a method that there is not."""
        work = self._METHODS.get(method)
        if work is None:
            raise BadInput(f"The engine has no method {method!r}.")
        return work(self, job, params, stop)

    def close(self) -> None:
        """Take sessions and model away, whoever works with them."""
        for project in self._projects.values():
            project.close()
        self._models.close()
        if self._fills is not None:
            self._fills.close()

    def _test(self, job: object, params: Row, stop: Stop) -> Any:  # noqa: ANN401 - JSON
        """`nodeids`: these; else `affected`: what the changes since the last run can affect; else everything.

        `coverage`: and which statements they executed.
        """

        announced: dict[str, TestResult] = {}

        def on_test(test: TestResult) -> None:
            announced[test.nodeid] = slim = slim_test(test)
            self._send({"id": job, "event": "test", "data": encode(slim)})

        nodeids, trace = tuple(params["nodeids"]), params.get("coverage") is True
        self._phase(job, "prepare", "Preparing a copy of the project")
        with self._project(params).use(stop) as project:
            self._phase(job, "tests", "Running the tests")
            count: int | None = None
            if nodeids:
                suite = project.run_named(nodeids, stop, on_test, trace=trace)
            elif params.get("affected") and not trace:
                suite, count = project.run_affected(stop, on_test)
            else:
                suite = project.run(stop, on_test, trace=trace)
            covered = project.coverage(suite, nodeids) if trace and not stop else ()
            if suite.failing and not stop:  # while the user reads what failed
                expect_help(project.session)
                project.session.expect_fresh()
        ended = ran(suite, len(suite.results) if count is None else count, announced)
        return encode(replace(ended, coverage=covered))

    def _collect(self, job: object, params: Row, stop: Stop) -> Any:  # noqa: ANN401 - JSON
        """Every test as pytest names it."""
        self._phase(job, "prepare", "Preparing a copy of the project")
        with self._project(params).use(stop) as project:
            self._phase(job, "collect", "Collecting the tests")
            return {"nodeids": list(project.tests())}

    def _repair(self, job: object, params: Row, stop: Stop) -> Any:  # noqa: ANN401 - JSON
        budget = parse_budget(str(params["budget"]))

        def begin(session: Session, suite: Suite, nodeid: str, model: Model | None) -> Iterator[Event]:
            told, python = recall(session.root), str(params.get("python") or "") or None
            known, asked = [*map(asdict, told)], () if params.get("background") else (nodeid,)
            with recorded(session.root, asked, python, budget, model, stop, seed=0, rulings=known) as (heard, written):
                events = repair(session, suite, nodeid, heard, budget, stop, rulings=told)
                yield from written.follow(events) if written else events
            self._decisions.pop(place := (str(params["root"]), nodeid), None)  # of a run that offered something else
            if written:
                self._decisions[place] = written.path

        return self._events(job, params, stop, budget, begin)

    def _decided(self, _job: object, params: Row, _stop: Stop) -> Any:  # noqa: ANN401 - JSON
        """An editor's user applied a repair, or took it back: the trace of its run says so, if there is one."""
        path = self._decisions.get((str(params["root"]), str(params["nodeid"])))
        if path is not None:
            decide(path, str(params["nodeid"]), dict(params["after"]), applied=params["applied"] is True)
        return {}

    def _explain(self, job: object, params: Row, stop: Stop) -> Any:  # noqa: ANN401 - JSON
        def begin(session: Session, suite: Suite, nodeid: str, model: Model | None) -> Iterator[Event]:
            for event in explain(session, suite, nodeid, model, stop):
                yield event
                if isinstance(event, Located) and model is not None:
                    yield Phase(nodeid, "explain", f"asking {model.name} for an explanation")

        return self._events(job, params, stop, NORMAL, begin)

    def _events(
        self,
        job: object,
        params: Row,
        stop: Stop,
        budget: Budget,
        begin: Callable[[Session, Suite, str, Model | None], Iterator[Event]],
    ) -> Any:  # noqa: ANN401 - JSON
        """Run the loop on a current suite, pass its events on, and answer with its report."""
        report: FailureReport | None = None
        self._phase(job, "prepare", "Preparing a copy of the project")
        with self._ready(params, stop) as project:
            self._phase(job, "tests", "Running the tests")
            suite = project.current_suite(stop)
            if stop:
                raise BadInput("Cancelled; nothing was changed.")
            nodeid = failing_item(suite, str(params["nodeid"]))
            for event in begin(project.session, suite, nodeid, self._model(job, params, budget)):
                if isinstance(event, Done):
                    report = event.report
                else:
                    self._announce(job, event)
        assert report is not None, "the loop ends with Done"
        return encode(slim_report(report))

    def _written(self, job: object, params: Row, stop: Stop, what: str) -> Any:  # noqa: ANN401 - JSON
        """Pass the events of writing on, and answer with its report."""
        from . import service_write  # here: most sessions never write, and this loads much

        budget, begin = parse_budget(str(params["budget"])), service_write.WRITERS[what]
        self._phase(job, "prepare", "Preparing a copy of the project")
        with self._ready(params, stop) as project:
            for event in begin(project, params, self._model(job, params, budget), budget, stop):
                if isinstance(event, TestDone):
                    return encode(event.report)
                if isinstance(event, Wrote):
                    return encode(slim_written(event.report))
                if not isinstance(event, Done):
                    self._announce(job, event)
        raise AssertionError("writing ended without a report")

    def _write(self, job: object, params: Row, stop: Stop) -> Any:  # noqa: ANN401 - JSON
        return self._written(job, params, stop, "body")

    def _write_test(self, job: object, params: Row, stop: Stop) -> Any:  # noqa: ANN401 - JSON
        return self._written(job, params, stop, "test")

    def _example(self, job: object, params: Row, stop: Stop) -> Any:  # noqa: ANN401 - JSON
        return self._written(job, params, stop, "example")

    def _announce(self, job: object, event: Phase | Seen | Located | Tried | Found | Offered | Prose) -> None:
        if isinstance(event, Found):
            event = replace(event, repair=slim_repair(event.repair))
        if isinstance(event, Offered):
            event = replace(event, repairs=tuple(map(slim_repair, event.repairs)))
        self._send({"id": job, "event": type(event).__name__.lower(), "data": encode(event)})

    def _phase(self, job: object, name: str, text: str) -> None:
        self._send({"id": job, "event": "phase", "data": encode(Phase("", name, text))})

    def _model(self, job: object, params: Row, budget: Budget) -> Model | None:
        """The model that the client named; without a name the default one, or none when it is not installed."""
        wanted = str(params.get("model") or "")
        if budget.samples == 0 or wanted == "none":
            return None
        try:
            keep, told = bool(params.get("keep_prompts")), bool(params.get("keep_explanations", True))
            return self._models.get(wanted, str(params.get("endpoint") or ""), keep=keep, told=told)
        except ModelError as error:
            if wanted:
                raise
            self._phase(job, "model", f"Searching without a model: {error}")
            return None

    def _project(self, params: Row) -> WarmProject:
        key = (str(params["root"]), str(params.get("python") or ""), str(params.get("sandbox") or ""))
        if key not in self._projects:
            self._projects[key] = _warm(params)
        return self._projects[key]

    @contextlib.contextmanager
    def _ready(self, params: Row, stop: Stop) -> Generator[WarmProject]:
        """The project, with its turn; for the background a second copy at low priority, for this job only."""
        if not params.get("background"):
            with self._project(params).use(stop) as project:
                yield project
            return
        _be_nice()
        aside = _warm(params)
        try:
            with aside.use(stop) as project:
                project.adopt(self._project(params))
                yield project
        finally:
            aside.close()

    def _fill(self, _job: object, params: Row, stop: Stop) -> Any:  # noqa: ANN401 - JSON
        """What the user is about to write at the cursor: `{text}`, empty when there is nothing to say."""
        before, after = str(params["before"]), str(params["after"])
        return {"text": self._filler().fill(str(params["model"]), before, after, stop)}

    def _filler(self) -> Filler:
        with self._filling:
            if self._fills is None:
                from .fill import Filler  # here: running tests should not load any of the model's code

                self._fills = Filler(self._models)
            return self._fills

    def _about(self, _job: object, _params: Row, _stop: Stop) -> Any:  # noqa: ANN401 - JSON
        """What is loaded now and how candidates are confined. Loads nothing and waits for nobody."""
        sandboxes = {root: found for (root, _, _), project in self._projects.items() if (found := project.sandbox)}
        return {**self._models.about(), "sandbox": encode(sandboxes)}

    _METHODS: ClassVar = {
        "about": _about,
        "fill": _fill,
        "test": _test,
        "collect": _collect,
        "repair": _repair,
        "decided": _decided,
        "explain": _explain,
        "write": _write,
        "write_test": _write_test,
        "example": _example,
    }


def _warm(params: Row) -> WarmProject:
    python, sandbox = (str(params.get(key) or "") or None for key in ("python", "sandbox"))
    return WarmProject(Path(str(params["root"])), python, sandbox=sandbox)


def _be_nice() -> None:
    """This thread, and every process that it starts. Elsewhere than on Linux threads share the process' priority."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICE)
