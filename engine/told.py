"""A model's words on disk: what was explained once is not asked again, whoever asks.

    prompts/prose/<SHA-256 of the request and of who would answer it>.txt

The request holds all of the evidence that the model is shown. The files lie beside the computed prompts, so that
`darner forget --prompts` deletes them; only their owner may read them. What cannot be read or written is asked for.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Protocol

from .front import Front
from .model import Completion, Ending, Message, Model, Role, Sampling
from .resident import prompts_folder
from .stop import Stop

_MOST = 500
"""Files; the least recently used go first."""


class Identified(Model, Protocol):
    @property
    def identity(self) -> str:
        """Differs for models that may say something else. Asks and loads nothing."""
        ...


class Remembering(Front[Identified]):
    """A model whose explanations are looked up first; all else goes to the model."""

    def __init__(self, model: Identified, folder: Path | None = None, most: int = _MOST) -> None:
        super().__init__(model)
        self._most = most
        self._folder = folder or prompts_folder() / "prose"

    def sample(
        self,
        messages: Sequence[Message],
        sampling: Sampling,
        stop: Stop,
        on_text: Callable[[int, str], None] | None = None,
        on_completion: Callable[[int, Completion], None] | None = None,
    ) -> tuple[Completion, ...]:
        if sampling.role is not Role.AUDITOR or sampling.temperature > 0 or sampling.n != 1:
            return super().sample(messages, sampling, stop, on_text, on_completion)
        file = self._folder / f"{_key(self._model.identity, messages, sampling)}.txt"
        if (text := _read(file)) is None:
            done = super().sample(messages, sampling, stop, on_text, on_completion)
            if done and done[0].ending is not Ending.CANCELLED:
                self._write(file, done[0].text)
            return done
        completion = Completion(text, Ending.STOP, 0)
        if on_text is not None:
            on_text(0, text)
        if on_completion is not None:
            on_completion(0, completion)
        return (completion,)

    def _write(self, file: Path, text: str) -> None:
        with contextlib.suppress(OSError):  # a full disk, or a folder of somebody else: it is asked for again
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            handle, part = tempfile.mkstemp(dir=self._folder)
            with os.fdopen(handle, "w", encoding="utf-8") as written:
                written.write(text)
            os.replace(part, file)
            known = sorted(self._folder.iterdir(), key=lambda path: path.stat().st_mtime, reverse=True)
            for old in known[self._most :]:
                old.unlink(missing_ok=True)


def remembering(model: Identified, keep: bool) -> Model:
    """The model itself where nothing it says is to be kept."""
    return Remembering(model) if keep else model


def file_identity(*files: Path) -> str:
    """Of model files: where they lie, their size and time. Reading gigabytes would cost more than most answers."""
    return " ".join(f"{path} {found.st_size} {found.st_mtime_ns}" for path in files if (found := path.stat()))


def _key(identity: str, messages: Sequence[Message], sampling: Sampling) -> str:
    asked = {"model": identity, "messages": [asdict(each) for each in messages], "sampling": asdict(sampling)}
    return hashlib.sha256(json.dumps(asked, sort_keys=True).encode("utf-8", "surrogatepass")).hexdigest()


def _read(file: Path) -> str | None:
    try:
        text = file.read_text(encoding="utf-8")
        os.utime(file)
    except (OSError, ValueError):
        return None
    return text
