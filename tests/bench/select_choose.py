"""Selectors on recorded pools: model and sandbox are opened only for what the recording does not hold."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from darner.engine.behaviour import Inputs, outputs
from darner.engine.cli_model import open_model
from darner.engine.model import Model
from darner.engine.pool import Choice, Means
from darner.engine.select import select
from darner.engine.stop import Stop
from darner.engine.types import Candidate
from darner.sandbox.session import open_session
from darner.sandbox.types import CallResult
from select_store import KnownModel, KnownRuns, Meter, Store
from select_strategies import Cost, pool_of
from select_types import TaskRow

Run = Callable[[Candidate, str, Sequence[str]], Mapping[str, CallResult]]


class Models:
    """The model, opened when it is first asked for."""

    def __init__(self, options: argparse.Namespace) -> None:
        self._name, self._open = options.model, not options.replay and options.model != "none"
        self._model: Model | None = None
        self.meter = Meter()

    def real(self) -> Model | None:
        if self._open and self._model is None:
            self._model = open_model(self._name, wanted=True)
            assert self._model is not None, "a model that is named is opened or refused"
            self._model.status()  # loading is no part of a task
        return self._model

    def known(self, store: Store) -> KnownModel:
        def opened() -> Model:
            model = self.real()
            assert model is not None, "asked for only where a model may be opened"
            return model

        return KnownModel(store, self._name, opened if self._open else None, self.meter)

    def __enter__(self) -> Models:
        return self

    def __exit__(self, *_: object) -> None:
        if self._model is not None:
            self._model.close()


class Chooser:
    """Applies selectors to recorded pools; opens a task's sandbox where an output is not known yet."""

    def __init__(
        self, store: Store, model: KnownModel, given: Mapping[str, dict[str, str]], options: argparse.Namespace
    ) -> None:
        self.tasks = given
        self._model, self._meter = model, model.meter
        self._runs = KnownRuns(store, model.meter)
        self._options = options
        self._open = ExitStack()
        self._opened: tuple[str, Run] | None = None

    def __enter__(self) -> Chooser:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def choice(self, name: str, row: TaskRow, numbers: Sequence[int]) -> tuple[Choice, int, float]:
        """With model calls and seconds. Raises ModelError where the recording has no answer and no model is open."""
        self._meter.calls, self._meter.seconds = 0, 0.0

        def run(candidate: Candidate, path: str, expressions: Sequence[str]) -> Mapping[str, CallResult]:
            return self._runs.run(lambda: self._sandbox(row.task), candidate, path, expressions)

        wanted = None if self._options.model == "none" else self._model
        means = Means(wanted, run, Stop(), self._options.seed)
        choice = select(name, pool_of(row, numbers), means)
        return choice, self._meter.calls, self._meter.seconds

    def cost(self, name: str, row: TaskRow, numbers: Sequence[int]) -> Cost:
        choice, calls, seconds = self.choice(name, row, numbers)
        return numbers[choice.best], calls, seconds

    def _sandbox(self, task: str) -> Run:
        if self._opened is None or self._opened[0] != task:
            self._open.close()
            self._opened = (task, self._open.enter_context(_sandboxed(self.tasks[task], self._options.python)))
        return self._opened[1]


@contextmanager
def _sandboxed(task: dict[str, str], python: str) -> Generator[Run]:
    with tempfile.TemporaryDirectory(prefix="task-") as folder:
        root = Path(folder).resolve()
        (root / "solution.py").write_text(task["source"])
        (root / "test_solution.py").write_text(task["visible_tests"])
        with open_session(root, Path(python), trusted=True) as session:

            def run(candidate: Candidate, path: str, expressions: Sequence[str]) -> Mapping[str, CallResult]:
                asked = (Inputs(path, tuple(expressions), ()),)
                return outputs(session, candidate, asked, "test_solution.py", Stop(8.0))

            yield run
