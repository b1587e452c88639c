"""Several processes that train one net, by torchrun: one for each GPU, or over gloo on processors.

    sft, which holds the run ─job.json─▶ torchrun ─▶ N x `python -m darner.training.together` ─▶ weights, curve

DistributedDataParallel: each works on its own rows of a step, and with N processes a step is of N times
`rows_per_step` rows. Checkpoints are the first process's, and a run that was killed goes on behind the last whole one.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

from ..engine.errors import BadEnvironment, DarnerError
from ..engine.orphan import end_when_orphaned
from ..engine.stop import Stop
from .children import watched
from .job import SCRATCH, replacing
from .libraries import library

_MODULE = "darner.training.together"
_TROUBLE = "trouble.txt"


def train(job: dict[str, object], folder: Path, processes: int, stop: Stop, look: Callable[[], None]) -> None:
    """Have `processes` of them do the job (`sft.learn_together`), in `folder`; `look` is called again and again.

    Raises KeyboardInterrupt when `stop` was cancelled, and BadEnvironment with what one of them said when it failed.
    """
    scratch = folder / SCRATCH
    scratch.mkdir(exist_ok=True)
    (scratch / _TROUBLE).unlink(missing_ok=True)
    with replacing(scratch / "job.json") as write:
        write(json.dumps(job).encode())
    code = watched(_MODULE, ["launch", str(processes), str(folder)], scratch / "torchrun.log", stop, look)
    if stop:
        raise KeyboardInterrupt
    if code != 0:
        raise BadEnvironment(_said(scratch))


def _said(scratch: Path) -> str:
    """What one of the processes gave as the reason; else where to look."""
    try:
        return (scratch / _TROUBLE).read_text(encoding="utf-8")
    except OSError:
        return (
            f"A training process ended ({(scratch / 'torchrun.log')} tells how); go on with the same command, or "
            "set processes = 1 in [sft]."
        )


def main() -> None:
    """`launch N FOLDER`, which is torchrun, or `work FOLDER`, which it starts N times. Neither outlives its parent."""
    end_when_orphaned()
    if sys.argv[1] == "launch":
        processes, folder = sys.argv[2:]
        launch = library("torch.distributed.run").main
        launch(["--standalone", f"--nproc-per-node={processes}", "-m", _MODULE, "work", folder])
    else:
        _work(Path(sys.argv[2]))


def _work(folder: Path) -> None:
    from .sft import learn_together  # here: the stage imports this module

    job = json.loads((folder / SCRATCH / "job.json").read_text(encoding="utf-8"))
    try:
        learn_together(job, folder, first=os.environ["RANK"] == "0")
    except DarnerError as error:
        (folder / SCRATCH / _TROUBLE).write_text(str(error), encoding="utf-8")
        raise SystemExit(error.exit_code) from None


if __name__ == "__main__":
    main()
