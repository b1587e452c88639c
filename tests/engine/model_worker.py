"""The worker process of a model of this test process."""

from __future__ import annotations

import psutil
from darner.engine.llama import LlamaModel


def worker_pid(model: LlamaModel) -> int:
    """The newest child that runs the worker module, after `model` loaded its file."""
    model.status()
    mine = [p for p in psutil.Process().children() if "darner.engine.llama_worker" in p.cmdline()]
    return max(mine, key=lambda p: p.create_time()).pid
