"""A trace read back: as a story for a person, or as a run again with the model's recorded answers in its place."""

from __future__ import annotations

import json
from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from . import trace
from .config import Budget
from .errors import BadInput
from .model import Completion, Ending, Form, Message, ModelStatus, Sampling
from .reply import Ask, Reply, once, rejects, ruling
from .stop import Stop
from .types import FailureReport, Question, Repair, Ruling
from .wire import decode

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Answered:
    """A question, the repairs that it was between, and what the user said."""

    question: Question
    repairs: tuple[Repair, ...]
    ruling: Ruling

    @property
    def rejected(self) -> tuple[tuple[Repair, str], ...]:
        """The repairs that do what the user said is wrong, each with what its call gives instead."""
        given = ((self.repairs[each.candidate], each.output) for each in self.question.answers)
        return tuple((repair, output) for repair, output in given if rejects(self.ruling, output))


@dataclass(frozen=True, slots=True)
class Recording:
    """A whole trace in memory."""

    path: Path
    start: Row
    rows: tuple[Row, ...]
    """Everything behind the start, in order; one torn last line is left out."""

    @property
    def budget(self) -> Budget:
        return decode(self.start["budget"], Budget)

    @property
    def reports(self) -> tuple[FailureReport, ...]:
        done = (row["data"]["report"] for row in self.rows if row["kind"] == "event" and row["event"] == "Done")
        return tuple(decode(report, FailureReport) for report in done)

    @property
    def form(self) -> Form:
        """In which the model was asked for repairs; older releases knew the engine's alone. Raises BadInput."""
        named = self.start.get("form") or Form.ENGINE
        try:
            return Form(named)
        except ValueError as error:
            raise BadInput(
                f"{self.path}:1: the model was asked in the form {named!r}, which this Darner does not know; replay it "
                f"with Darner {self.start.get('darner', '')}, which made it."
            ) from error

    @property
    def rulings(self) -> tuple[Ruling, ...]:
        """What the user had said before."""
        return decode(self.start.get("rulings", []), tuple[Ruling, ...])

    def ask(self) -> Ask[FailureReport]:
        """Answers each question as the user did; a trace of an older release holds the letter of its only one."""
        waiting = [row for row in self.rows if row["kind"] == "answer"]
        if not waiting and (letter := self.start.get("answer")):
            return once(Reply(letter=str(letter).upper()))

        def asked(report: FailureReport) -> Reply | None:
            row = next((row for row in waiting if _is_about(row, report)), None)
            if row is None:
                return None
            waiting.remove(row)
            return Reply(str(row["letter"]), str(row["right"]))

        return asked

    def answered(self, nodeid: str) -> Iterator[Answered]:
        """What the user answered of this test; an older release did not write the question down."""
        for row in self.rows:
            if row["kind"] == "answer" and row["nodeid"] == nodeid and "question" in row:
                question, offered = decode(row["question"], Question), decode(row["offered"], tuple[Repair, ...])
                yield Answered(question, offered, ruling(question, Reply(str(row["letter"]), str(row["right"]))))

    def decision(self, nodeid: str) -> Row | None:
        """What an editor's user did last with a repair of this test (trace.decide)."""
        decided = [row for row in self.rows if row["kind"] == "decision" and row["nodeid"] == nodeid]
        return decided[-1] if decided else None

    @property
    def ended(self) -> str:
        """How the run ended; `interrupted` when nothing says."""
        return next((str(row["how"]) for row in self.rows if row["kind"] == "end"), "interrupted")


def _is_about(row: Row, report: FailureReport) -> bool:
    """The answer was to this question: of the same test, on the same call, between the same outcomes."""
    if row["nodeid"] != report.nodeid or report.question is None:
        return False
    asked = decode(row["question"], Question) if "question" in row else report.question
    same = [one.output for one in asked.answers] == [one.output for one in report.question.answers]
    return asked.input == report.question.input and same


def recordings() -> tuple[Path, ...]:
    """The traces on this machine, newest first."""
    return tuple(sorted(trace.folder().glob("*.jsonl"), reverse=True))


def find(name: str) -> Path:
    """The trace of this name, beginning of a name, or path; the newest for an empty name. Raises BadInput."""
    if name and Path(name).is_file():
        return Path(name)
    found = [path for path in recordings() if path.name.startswith(name)]
    if not found:
        raise BadInput(f"There is no trace {name!r}; `darner trace list` shows those there are.".replace(" ''", ""))
    return found[0]


def read(path: Path) -> Recording:
    """Raises BadInput with the line for what is no trace of this format."""
    rows = list(_rows(path))
    if not rows or rows[0].get("kind") != "start" or rows[0].get("format") != trace.FORMAT:
        raise BadInput(f"{path} is not a trace of format {trace.FORMAT}; make one with `darner trace on`, then repair.")
    return Recording(path, rows[0], tuple(rows[1:]))


def _rows(path: Path) -> Iterator[Row]:
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{path} cannot be read ({error}).") from error
    for number, line in enumerate(lines[:-1], 1):
        try:
            row: object = json.loads(line)
        except ValueError:
            row = None
        if not isinstance(row, dict) or "kind" not in row:
            raise BadInput(f"{path}:{number}: this line is no record of a trace; the file was damaged.")
        yield cast(Row, row)


def changed_files(recording: Recording) -> tuple[str, ...]:
    """Python files of the project that are not as they were when the trace was made."""
    then, now = cast(dict[str, str], recording.start["files"]), trace.fingerprint(Path(recording.start["root"]))
    return tuple(sorted(path for path in {*then, *now} if then.get(path) != now.get(path)))


class RecitingModel:
    """Answers a request as it was answered in the trace; one that was never made gets nothing."""

    def __init__(self, recording: Recording) -> None:
        self._answers: dict[str, deque[Row]] = defaultdict(deque)
        for row in recording.rows:
            if row["kind"] == "asked":
                self._answers[row["key"]].append(row)
        self.name, self.form = str(recording.start["model"]), recording.form
        self.unknown = 0
        """Requests that the trace does not hold."""

    def sample(
        self,
        messages: Sequence[Message],
        sampling: Sampling,
        stop: Stop,
        on_text: Callable[[int, str], None] | None = None,
        on_completion: Callable[[int, Completion], None] | None = None,
    ) -> tuple[Completion, ...]:
        row = self._next(trace.key(messages, sampling))
        said = list(decode(row["said"], tuple[Completion, ...])) if row else []
        said += [Completion("", Ending.CANCELLED, 0)] * (sampling.n - len(said))
        for i, completion in enumerate(said):
            if on_text and completion.text:
                on_text(i, completion.text)
            if on_completion:
                on_completion(i, completion)
        return tuple(said)

    def score(self, messages: Sequence[Message], continuations: Sequence[str], stop: Stop) -> tuple[float, ...]:
        row = self._next(trace.score_key(messages, continuations))
        return tuple(row["scores"]) if row else ()

    def status(self) -> ModelStatus:
        return ModelStatus(self.name, "recited from a trace", 0, 0, None)

    def close(self) -> None:
        """Nothing was opened."""

    def _next(self, key: str) -> Row | None:
        waiting = self._answers.get(key)
        if not waiting:
            self.unknown += 1
            return None
        return waiting.popleft() if len(waiting) > 1 else waiting[0]
