"""The worker process of a model of this test process."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import psutil
from darner.engine.llama import LlamaModel


def worker_pid(model: LlamaModel) -> int:
    """The newest child that runs the worker module, after `model` loaded its file.

    A status may still be the one of a worker that was just killed: then there is no such child yet.
    """
    while True:
        model.status()
        if running := list(_workers()):
            return max(running)[1]


def _workers() -> Iterator[tuple[float, int]]:
    """When each began, and its number; those that are dead and not yet collected left out."""
    for child in psutil.Process().children():
        with contextlib.suppress(psutil.NoSuchProcess):
            if "darner.engine.llama_worker" in child.cmdline():
                yield child.create_time(), child.pid
