"""A process that its owner's death must reach, even while it is stopped, and that takes along what it started."""

from __future__ import annotations

import contextlib
import ctypes
import signal
import sys

import psutil

_PR_SET_PDEATHSIG = 1


def wake_when_orphaned() -> None:
    """Be continued when the parent dies (Linux): stopped, a process cannot see that its input has ended.

    Called early: a parent that died before is noticed by the end of input alone.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGCONT), 0, 0, 0)


def end_when_orphaned(by: signal.Signals = signal.SIGKILL) -> None:
    """Be killed when the parent dies (Linux): what goes on alone would write where another soon writes too."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(by), 0, 0, 0)


def kill_below() -> None:
    """Every process under this one, at once, whatever group or session it is in."""
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
