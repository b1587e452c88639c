"""What `make bench-select` has found so far, one JSON object a line: a killed run goes on where it stood.

Answers of the model and outputs of the sandbox are kept with the seconds that they took, so that a selector can be
replayed, at its real cost, on a machine that has neither.
"""

from __future__ import annotations

import hashlib
import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from darner.engine import trace
from darner.engine.errors import ModelError
from darner.engine.model import Completion, Ending, Form, Message, Model, ModelStatus, Sampling
from darner.engine.stop import Stop
from darner.engine.types import Candidate
from darner.engine.wire import decode, encode
from darner.sandbox.types import CallResult

Row = dict[str, Any]


class Store:
    """A JSON Lines file that begins with how it was made; rows are added and never changed."""

    def __init__(self, path: Path, made: Mapping[str, object], stamp: Mapping[str, str]) -> None:
        """Ends the program when the file was made otherwise: its rows could not be compared.

        `stamp` stands on every row from now on: on which machine, with which commit.
        """
        now: Row = json.loads(json.dumps(made))
        self._path, self._stamp = path, stamp
        self.rows: list[Row] = []
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists():
            whole = path.read_bytes()
            kept = whole[: whole.rfind(b"\n") + 1]  # a line that was torn by a kill is done again
            self.rows = [json.loads(line) for line in kept.splitlines()]
            if kept != whole:
                path.write_bytes(kept)
        if not self.rows:
            self.add({"kind": "made", **now})
        then = {name: self.rows[0].get(name) for name in now}
        if then != now:
            sys.exit(f"{path} was made with {then}, not with {now}; pass another --out, or delete it.")

    def add(self, row: Row) -> None:
        self.rows.append({**row, **self._stamp})
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(self.rows[-1], ensure_ascii=False) + "\n")

    def of(self, kind: str) -> list[Row]:
        return [row for row in self.rows if row["kind"] == kind]


@dataclass
class Meter:
    """What a choice cost: completions sampled and prompts scored, and the seconds of these and of the sandbox."""

    calls: int = 0
    seconds: float = 0.0


class KnownModel:
    """Answers from the store; asks the real model for the rest, where there is one, and keeps what it says."""

    form = Form.ENGINE

    def __init__(self, store: Store, name: str, opened: Callable[[], Model] | None, meter: Meter) -> None:
        self.name = name
        self._store, self._opened, self.meter = store, opened, meter
        self._known: dict[str, Row] = {row["key"]: row for row in store.of("asked")}
        self._model: Model | None = None

    def sample(
        self,
        messages: Sequence[Message],
        sampling: Sampling,
        stop: Stop,
        on_text: Callable[[int, str], None] | None = None,
        on_completion: Callable[[int, Completion], None] | None = None,
    ) -> tuple[Completion, ...]:
        key = trace.key(messages, sampling)
        if key not in self._known:
            model, began = self._real(), time.monotonic()
            said = [asdict(c) for c in model.sample(messages, sampling, stop)]
            self._keep({"key": key, "said": said, "seconds": round(time.monotonic() - began, 3)})
        row = self._known[key]
        self._charge(sampling.n, row)
        completions = tuple(Completion(c["text"], Ending(c["ending"]), c["tokens"]) for c in row["said"])
        for i, completion in enumerate(completions):
            if on_completion:
                on_completion(i, completion)
        return completions

    def score(self, messages: Sequence[Message], continuations: Sequence[str], stop: Stop) -> tuple[float, ...]:
        key = trace.score_key(messages, continuations)
        if key not in self._known:
            model, began = self._real(), time.monotonic()
            scores = list(model.score(messages, continuations, stop))
            self._keep({"key": key, "scores": scores, "seconds": round(time.monotonic() - began, 3)})
        row = self._known[key]
        self._charge(1, row)
        return tuple(row["scores"])

    def status(self) -> ModelStatus:
        return self._real().status()

    def close(self) -> None:
        if self._model is not None:
            self._model.close()

    def _real(self) -> Model:
        if self._model is None:
            if self._opened is None:
                raise ModelError("The recording does not hold this answer; run it with --model NAME.")
            self._model = self._opened()
            self._model.status()  # loading is no part of what a choice costs
        return self._model

    def _keep(self, row: Row) -> None:
        self._known[row["key"]] = {"kind": "asked", **row}
        self._store.add(self._known[row["key"]])

    def _charge(self, calls: int, row: Row) -> None:
        self.meter.calls += calls
        self.meter.seconds += row["seconds"]


class KnownRuns:
    """Outputs from the store; runs the rest in the sandbox, and keeps them."""

    def __init__(self, store: Store, meter: Meter) -> None:
        self._store, self._meter = store, meter
        self._known: dict[str, Row] = {row["key"]: row for row in store.of("ran")}

    def run(
        self,
        real: Callable[[], Callable[[Candidate, str, Sequence[str]], Mapping[str, CallResult]]],
        candidate: Candidate,
        path: str,
        expressions: Sequence[str],
    ) -> Mapping[str, CallResult]:
        """`real` opens what runs them; it is called only when the outputs are not known."""
        key = _digest(encode(candidate.patch), path, list(expressions))
        if key not in self._known:
            run, began = real(), time.monotonic()
            given = run(candidate, path, expressions)
            seconds = round(time.monotonic() - began, 3)
            self._known[key] = {"kind": "ran", "key": key, "given": encode(dict(given)), "seconds": seconds}
            self._store.add(self._known[key])
        row = self._known[key]
        self._meter.seconds += row["seconds"]
        return decode(row["given"], dict[str, CallResult])


def _digest(*parts: object) -> str:
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:20]
