"""A module of this package in a process of its own, watched until it ends: what it says goes to a log."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from ..engine.stop import Stop

_LOOK_S = 0.2


def watched(
    module: str, arguments: Sequence[str], log: Path, stop: Stop, look: Callable[[], None] = lambda: None
) -> int:
    """Run it to its end, or to the stop, and return its exit code; `look` is called again and again meanwhile."""
    with log.open("ab") as said:
        child = subprocess.Popen(
            [sys.executable, "-P", "-m", module, *arguments],
            stdin=subprocess.DEVNULL,
            env={**os.environ, "PYTHONSAFEPATH": "1"},
            stdout=said,
            stderr=said,
            start_new_session=True,  # Ctrl-C is ours to pass on
        )
    try:
        while child.poll() is None and not stop:
            look()
            time.sleep(_LOOK_S)
    finally:
        child.terminate()  # it ends its own
        code = child.wait()
    return code
