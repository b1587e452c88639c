"""What the worker of an executor does: begin a process that fills one share of a data stage, and wait for it.

What runs out of memory, or is killed, is that process; it is begun again behind its last whole line.
"""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from pathlib import Path

from ..engine.errors import BadEnvironment, DarnerError
from ..engine.stop import Stop
from .children import watched
from .recipe import Recipe

_MODULE = "darner.training.share_work"
_TASK = "task.pickle"
_TROUBLE = "trouble.txt"
_TRIES = 3


@dataclass(frozen=True, slots=True)
class Task:
    """What every worker is told."""

    recipe: Recipe
    stage: str
    run: Path
    """The run folder, which every worker sees under this path."""
    trusted: bool

    def write(self, folder: Path) -> None:
        (folder / _TASK).write_bytes(pickle.dumps(self))

    @classmethod
    def read(cls, folder: Path) -> Task:
        return pickle.loads((folder / _TASK).read_bytes())


@dataclass(frozen=True, slots=True)
class Share:
    """A step of a datatrove pipeline: it reads and writes by itself."""

    folder: Path

    def __call__(self, _data: object, rank: int, _world_size: int) -> None:
        log = self.folder / f"{rank:05d}.log"
        for _ in range(_TRIES):
            if watched(_MODULE, [str(self.folder), str(rank)], log, Stop()) == 0:
                return
            if trouble := trouble_of(self.folder):
                raise BadEnvironment(trouble)
        raise BadEnvironment(f"The worker of share {rank} ended {_TRIES} times; {log} tells how.")


def trouble_of(folder: Path) -> str:
    """What a worker gave as the reason, as a sentence; empty when none did."""
    try:
        return (folder / _TROUBLE).read_text(encoding="utf-8")
    except OSError:
        return ""


def tell(folder: Path, error: DarnerError) -> None:
    (folder / _TROUBLE).write_text(str(error), encoding="utf-8")


def forget(folder: Path) -> None:
    """What went wrong in an earlier run."""
    (folder / _TROUBLE).unlink(missing_ok=True)
