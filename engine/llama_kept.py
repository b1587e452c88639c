"""Computed prompts on disk: a worker that starts anew goes on where the last one of the same model stopped.

    FOLDER/<model and build>-<prompt>.state      llama.cpp's own format: the cells of one sequence
    FOLDER/<model and build>-<prompt>.json       its tokens, written last: without it the state does not count

The files hold what the prompts hold, source included: only their owner may read them, and nothing is kept unasked.
Whatever cannot be read, written or taken is passed over: the prompt is then computed.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .llama_native import Context

MOST_BYTES = 512 << 20
"""Of all files together; the least recently used go first. A prompt of 1,500 tokens has 42 MB with the 1.5B."""
WORTH = 256
"""Tokens: less is computed sooner than it is looked for."""
_HEAD = 1 << 20


@dataclass(frozen=True, slots=True)
class Prompt:
    state: Path
    tokens: tuple[int, ...]
    bytes: int


def model_key(model: Path, build: str) -> str:
    """Of a model file and the build of llama.cpp that computes it: by size, time, first and last MB, not by name.

    Reading the whole of a large file would cost more than most prompts do. Raises OSError.
    """
    found = model.stat()
    digest = hashlib.sha256(f"{build} {found.st_size} {found.st_mtime_ns} ".encode())
    with model.open("rb") as file:
        digest.update(file.read(_HEAD))
        file.seek(max(0, found.st_size - _HEAD))
        digest.update(file.read())
    return digest.hexdigest()[:24]


class Kept:
    """The prompts of one model in a folder that several workers may share."""

    def __init__(self, folder: Path, key: str, most_bytes: int = MOST_BYTES) -> None:
        self._folder, self._key, self._most_bytes = folder, key, most_bytes
        self._prompts = self._listed()

    def covers(self, tokens: Sequence[int]) -> bool:
        return any(_common(prompt.tokens, tokens) == len(tokens) for prompt in self._prompts)

    def best(self, wanted: Sequence[int]) -> tuple[Prompt, int] | None:
        """The prompt that begins most like `wanted`, and how many tokens they share; None when none does."""
        found = max(self._prompts, key=lambda prompt: _common(prompt.tokens, wanted), default=None)
        return (found, _common(found.tokens, wanted)) if found else None

    def restore(self, context: Context, prompt: Prompt, sequence: int) -> bool:
        """Put a prompt's cells into an empty sequence; False when it is gone, torn, or finds no room."""
        with contextlib.suppress(OSError):
            if prompt.state.stat().st_size == prompt.bytes:
                os.utime(prompt.state)
                if context.restore(prompt.state, sequence, len(prompt.tokens)):
                    return True
        context.forget([sequence])
        self._prompts.remove(prompt)
        return False

    def save(self, context: Context, sequence: int, tokens: Sequence[int]) -> None:
        """Keep what a sequence holds; what it covers, and what exceeds the bound, goes."""
        name = f"{self._key}-{hashlib.sha256(json.dumps(list(tokens)).encode()).hexdigest()[:24]}"
        state, part = self._folder / f"{name}.state", self._folder / f"{name}.{os.getpid()}.part"
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            part.touch(mode=0o600)
            if not context.save(part, sequence, tokens):
                raise OSError
            os.replace(part, state)
            kept = Prompt(state, tuple(tokens), state.stat().st_size)
            _write(state.with_suffix(".json"), {"tokens": list(tokens), "bytes": kept.bytes})
        except OSError:  # a full disk or a folder of somebody else: the next worker computes
            part.unlink(missing_ok=True)
            return
        for older in [p for p in self._prompts if _common(p.tokens, tokens) == len(p.tokens)]:
            self._prompts.remove(older)
            if older.state != state:
                _delete(older.state)
        self._prompts.append(kept)
        self._bound()

    def _listed(self) -> list[Prompt]:
        found: list[Prompt] = []
        for row in sorted(self._folder.glob(f"{self._key}-*.json")):
            with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
                said: dict[str, Any] = json.loads(row.read_text())
                found.append(Prompt(row.with_suffix(".state"), tuple(map(int, said["tokens"])), int(said["bytes"])))
        return found

    def _bound(self) -> None:
        """Over all models: the folder is one, and so is its size."""
        states: list[tuple[float, int, Path]] = []
        for state in self._folder.glob("*.state"):
            with contextlib.suppress(OSError):
                states.append((state.stat().st_mtime, state.stat().st_size, state))
        left = sum(size for _, size, _ in states)
        for _, size, state in sorted(states):
            if left <= self._most_bytes:
                break
            left -= size
            _delete(state)
            self._prompts = [prompt for prompt in self._prompts if prompt.state != state]


def _common(a: Sequence[int], b: Sequence[int]) -> int:
    return next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))


def _write(path: Path, value: dict[str, Any]) -> None:
    part = path.with_suffix(f".{os.getpid()}.part")
    part.touch(mode=0o600)
    part.write_text(json.dumps(value))
    os.replace(part, path)


def _delete(state: Path) -> None:
    for path in (state.with_suffix(".json"), state):
        path.unlink(missing_ok=True)
