"""A data stage's units spread over many workers, by datatrove's executors: processes here, a Ray cluster, or Slurm.

run, which holds the folder ─task─▶ `python -m darner.training.spread FOLDER SHARES` ─▶ executor ─▶ Share in workers
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import sys
import time
from pathlib import Path
from types import FrameType

from ..engine.errors import BadEnvironment, DarnerError
from ..engine.orphan import end_when_orphaned
from ..engine.stop import Stop
from . import shares
from .children import watched
from .job import Job, shares_of
from .libraries import Library, library
from .recipe import By, Spread
from .share import Share, Task, forget, tell, trouble_of
from .store import OnUnit, Progress, count, lines

_MODULE = "darner.training.spread"
_DONE = "completions"
"""Where datatrove notes the shares that are complete."""
_LOOK_S = 10.0
_KNOCK_S = 10.0
EXTRA = ("train-scale", "spreading work over many")


def work(task: Task, job: Job, units: int, stop: Stop, on_unit: OnUnit) -> None:
    """Have every unit that is not done yet worked on; what came of them stands in the job's partial file.

    Raises KeyboardInterrupt when `stop` was cancelled, and BadEnvironment with what a worker gave as the reason.
    """
    whole = shares.cut(job, units, task.recipe.spread.shares)
    if whole is None:
        return
    folder = shares_of(job.output)
    task.write(folder)
    forget(folder)
    shown = _Shown(folder, Progress(units, whole.first), on_unit)
    code = watched(_MODULE, [str(folder), str(whole.shares)], folder / "executor.log", stop, shown.look)
    if stop:
        raise KeyboardInterrupt
    if trouble := trouble_of(folder):
        raise BadEnvironment(trouble)
    if code:
        raise BadEnvironment(
            f"The executor `{task.recipe.spread.by}` of {job.stage} ended with {code}; {folder / 'executor.log'} tells "
            "how. The same command goes on with what is left."
        )
    shares.put_together(job, whole)


class _Shown:
    """Tells of each share that is complete."""

    def __init__(self, folder: Path, progress: Progress, on_unit: OnUnit) -> None:
        self._folder, self._progress, self._on_unit = folder, progress, on_unit
        self._seen: set[str] = set()

    def look(self) -> None:
        done = self._folder / _DONE
        for name in sorted(os.listdir(done)) if done.is_dir() else ():
            if name not in self._seen:
                self._seen.add(name)
                for line in lines(shares.file_of(self._folder, int(name))):
                    count(self._progress, line)
                self._on_unit(self._progress)


def main() -> None:
    """Never outlives its parent, and takes along the processes that it started."""
    end_when_orphaned(signal.SIGTERM)
    signal.signal(signal.SIGTERM, _leave)
    folder, number = Path(sys.argv[1]), int(sys.argv[2])
    task = Task.read(folder)
    try:
        executor = _executor(task.recipe.spread, folder, number, f"darner-{task.stage}")
        executor.run()
        while task.recipe.spread.by is By.SLURM and executor.get_incomplete_ranks() and not trouble_of(folder):
            time.sleep(_LOOK_S)  # its jobs go on by themselves
    except DarnerError as error:
        tell(folder, error)
        raise SystemExit(error.exit_code) from None


def _leave(_number: int, _frame: FrameType | None) -> None:
    sys.exit(1)  # through the executor's own clean-up


def _executor(how: Spread, folder: Path, number: int, name: str) -> Library:
    """Raises BadEnvironment when the extra is not installed, or there is no Ray cluster."""
    shared = {"pipeline": [Share(folder)], "tasks": number, "workers": how.workers, "logging_dir": str(folder)}
    if how.by is By.LOCAL:
        return _trove().LocalPipelineExecutor(**shared)
    if how.by is By.RAY:
        _join(how.address)
        return _trove().RayPipelineExecutor(**shared, mem_per_cpu_gb=how.memory_gb)
    if shutil.which("sbatch") is None:
        raise BadEnvironment("There is no sbatch here; run it where Slurm's jobs are begun, or set `by` in [spread].")
    return _trove().SlurmPipelineExecutor(
        **shared,
        time=f"{how.hours}:00:00",
        partition=how.partition,
        mem_per_cpu_gb=how.memory_gb,
        job_name=name,
        venv_path=str(Path(sys.prefix) / "bin" / "activate"),
    )


def _trove() -> Library:
    return library("datatrove.executor", *EXTRA)


def _join(address: str) -> None:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is told to anyone
    ray = library("ray", *EXTRA)
    try:
        if address != "auto":
            host, _, port = address.rpartition(":")
            socket.create_connection((host, port), _KNOCK_S).close()  # ray itself would knock for minutes
        ray.init(address=address, log_to_driver=False)
    except (OSError, ValueError) as error:
        raise BadEnvironment(
            f"There is no Ray cluster at {address} ({error}); begin one with `ray start --head`, or name another as "
            "`address` in [spread]."
        ) from error


if __name__ == "__main__":
    main()
