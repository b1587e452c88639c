"""One job in several processes that add up their gradients, as torchrun would start them on one machine."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Callable
from typing import TypeVar

from ..engine.errors import BadEnvironment
from ..engine.stop import Stop
from .libraries import library

Job = TypeVar("Job")


def spread(processes: int, work: Callable[[Job, Stop], None], job: Job, stop: Stop) -> None:
    """Run `work(job, stop)` in every process; all end when one fails, or when this process does.

    Raises BadEnvironment with what the first to fail said, KeyboardInterrupt when `stop` was cancelled.
    """
    torch = library("torch.multiprocessing")
    try:
        torch.spawn(_process, (work, job, processes, _free_port()), nprocs=processes, daemon=True)
    except (torch.ProcessRaisedException, torch.ProcessExitedException) as error:
        if stop:  # Ctrl-C reaches the processes as well
            raise KeyboardInterrupt from None
        last = str(error).strip().splitlines()[-1]
        raise BadEnvironment(f"One of {processes} training processes failed ({last}); try processes = 1.") from error


def first_process() -> bool:
    """Whether this process writes what all have in common."""
    return os.environ.get("RANK", "0") == "0"


def _process(rank: int, work: Callable[[Job, Stop], None], job: Job, processes: int, port: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    where = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    numbers = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": processes, "LOCAL_WORLD_SIZE": processes}
    os.environ.update({name: str(value) for name, value in (where | numbers).items()})
    work(job, Stop())


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
