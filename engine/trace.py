"""One JSON Lines file a run, when the user wants it: what was asked, what the model said, what was tried and shown.

    {"kind": "start"}    versions, project, tests, budget, seed, model, SHA-256 of every Python file
    {"kind": "asked"}    a request to the model and all that it answered
    {"kind": "answer"}   what the user answered to which question, and the repairs that it was between
    {"kind": "event"}    what the loop announced (events.py), reports whole
    {"kind": "end"}      how the run ended
    {"kind": "decision"} behind it: an editor's user applied a repair, or took it back

Off unless turned on: a trace holds source. It stays on this machine, and `darner trace wipe` deletes all of them, with
what `darner-train learn` made of them.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Any

from platformdirs import user_state_path

from ..sandbox.sources import python_files
from . import state
from .config import Budget
from .errors import BadEnvironment
from .events import Event
from .front import Front
from .model import Completion, Message, Model, Sampling
from .reply import Ask, Reply
from .stop import Stop
from .types import FailureReport, Patch
from .wire import encode

FORMAT = 1
_SWITCH = "trace.json"
_MOST_FILES = 5_000


def is_on() -> bool:
    return state.read(_SWITCH).get("on") is True


def switch(on: bool) -> None:
    """Raises BadEnvironment when the choice cannot be kept."""
    state.write(_SWITCH, {"on": on})


def folder() -> Path:
    return user_state_path("darner") / "traces"


def learnt() -> Path:
    """Where `darner-train learn` keeps the records and weights that it makes of traces: a folder a project."""
    return user_state_path("darner") / "learnt"


class Trace:
    """An open trace; every line is on disk before the next thing happens. Use it as a context manager."""

    def __init__(self, path: Path, start: Mapping[str, object]) -> None:
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except OSError as error:
            raise BadEnvironment(
                f"The trace {path} cannot be written ({error.strerror}); free space, or `darner trace off`."
            ) from error
        self._file = os.fdopen(descriptor, "w", encoding="utf-8", buffering=1)
        self.ended = ""
        """How, where no exception says it."""
        from importlib.metadata import version  # here: a run that is not recorded does without

        self.write("start", {"format": FORMAT, "darner": version("darner"), **start})

    def __enter__(self) -> Trace:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        ended = self.ended or ("finished" if kind is None else kind.__name__)
        self.write("end", {"how": ended, "why": str(error) if error else ""})
        self._file.close()

    def write(self, kind: str, data: Mapping[str, object]) -> None:
        row = {"kind": kind, "at": round(time.time(), 3), **data}
        self._file.write(json.dumps(row) + "\n")  # in ASCII: what a test said may hold half a character

    def follow(self, events: Iterable[Event]) -> Iterator[Event]:
        """The same events, each written down as it passes."""
        for event in events:
            self.write("event", {"event": type(event).__name__, "data": encode(event)})
            yield event

    def answers(self, ask: Ask[FailureReport]) -> Ask[FailureReport]:
        """The same, with each answer written down."""

        def asked(report: FailureReport) -> Reply | None:
            reply = ask(report)
            if reply is not None and report.question is not None:
                offered = report.repairs[: 1 + max(each.candidate for each in report.question.answers)]
                between = {"question": encode(report.question), "offered": encode(offered)}
                self.write("answer", {"nodeid": report.nodeid, **asdict(reply), **between})
            return reply

        return asked


def begin(root: Path, asked: Mapping[str, object]) -> Trace:
    """A new trace of work on the project at `root`. Raises BadEnvironment."""
    name = f"{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(3)}.jsonl"
    return Trace(folder() / name, {"root": str(root), "files": fingerprint(root), **asked})


@contextmanager
def recorded(
    root: Path,
    nodeids: Sequence[str],
    python: str | None,
    budget: Budget,
    model: Model | None,
    stop: Stop,
    **asked: object,
) -> Generator[tuple[Model | None, Trace | None]]:
    """The model and the trace of a run, when the user wants one; what `replay` needs stands at its beginning."""
    if not is_on() or not nodeids:
        yield model, None
        return
    start = {"nodeids": list(nodeids), "python": python, "budget": asdict(budget), **asked}
    answers = {"model": model.name, "form": model.form} if model else {"model": None}
    with begin(root, {**start, **answers}) as written:
        try:
            yield TracedModel(model, written) if model else None, written
        finally:
            written.ended = "cancelled" if stop.cancelled else ""


def decide(path: Path, nodeid: str, after: Mapping[str, str], *, applied: bool) -> None:
    """Add to a trace that has ended what became of a repair of its (`after`); a trace that was wiped stays gone."""
    row = {"kind": "decision", "at": round(time.time(), 3), "nodeid": nodeid, "applied": applied, "after": after}
    with suppress(OSError):
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")


def after(patch: Patch) -> dict[str, str]:
    """SHA-256 of each file as the patch leaves it: which repair a decision was about."""
    return {change.path: hashlib.sha256(change.after).hexdigest() for change in patch.files}


def fingerprint(root: Path) -> dict[str, str]:
    """SHA-256 of the project's Python files, by path from the root: at most 5,000 of them, in sorted order."""
    found: dict[str, str] = {}
    for path in islice(python_files(root), _MOST_FILES):
        try:
            found[path] = hashlib.sha256((root / path).read_bytes()).hexdigest()
        except OSError:
            continue  # gone since it was listed, or not ours to read: then no repair reads it either
    return found


class TracedModel(Front[Model]):
    """A model whose every answer is written down."""

    def __init__(self, model: Model, trace: Trace) -> None:
        super().__init__(model)
        self._trace = trace

    def sample(
        self,
        messages: Sequence[Message],
        sampling: Sampling,
        stop: Stop,
        on_text: Callable[[int, str], None] | None = None,
        on_completion: Callable[[int, Completion], None] | None = None,
    ) -> tuple[Completion, ...]:
        done = super().sample(messages, sampling, stop, on_text, on_completion)
        self._trace.write(
            "asked", {"key": key(messages, sampling), **_request(messages, sampling), "said": [asdict(c) for c in done]}
        )
        return done

    def score(self, messages: Sequence[Message], continuations: Sequence[str], stop: Stop) -> tuple[float, ...]:
        scores = super().score(messages, continuations, stop)
        request = {"messages": [asdict(m) for m in messages], "continuations": list(continuations)}
        self._trace.write("asked", {"key": score_key(messages, continuations), **request, "scores": list(scores)})
        return scores


def key(messages: Sequence[Message], sampling: Sampling) -> str:
    """Equal for equal requests."""
    return _digest(_request(messages, sampling))


def score_key(messages: Sequence[Message], continuations: Sequence[str]) -> str:
    return _digest({"messages": [asdict(m) for m in messages], "continuations": list(continuations)})


def _request(messages: Sequence[Message], sampling: Sampling) -> dict[str, Any]:
    return {"messages": [asdict(m) for m in messages], "sampling": asdict(sampling)}


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]
