"""Ctrl-C and SIGTERM: ask politely, then insist, and always leave through the clean-up.

The first signal cancels the command's `Stop`, which everything that works on it polls. What does not end within
the grace time, or gets a second signal, is interrupted by KeyboardInterrupt. While things are being closed, and
while files are written, signals are ignored: half a clean-up is what leaves processes and folders behind.
"""

from __future__ import annotations

import signal
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from types import FrameType

from ..sandbox.errors import SandboxError
from .errors import DarnerError
from .stop import Stop

_GRACE_S = 2.0
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def interruptible() -> Generator[tuple[Stop, ExitStack]]:
    """A `Stop` for one command, and a stack for what it opens, closed whatever happens.

    Raises KeyboardInterrupt when the command was cancelled, after everything was closed.
    """
    stop = Stop()
    deaf = False

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        nonlocal deaf
        if deaf:
            return
        if stop.cancelled:
            deaf = True
            raise KeyboardInterrupt
        stop.cancel()
        signal.setitimer(signal.ITIMER_REAL, _GRACE_S)

    numbers = [n for n in _SIGNALS if n == signal.SIGINT or signal.getsignal(n) != signal.SIG_IGN]  # nohup's wish
    previous = {number: signal.signal(number, on_signal) for number in (*numbers, signal.SIGALRM)}
    try:
        with ExitStack() as opened:
            try:
                yield stop, opened
                _obey(stop)
            except (DarnerError, SandboxError):
                _obey(stop)
                raise
            finally:
                deaf = True
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in previous.items():
            signal.signal(number, handler)
    _obey(stop)


def _obey(stop: Stop) -> None:
    """What was cancelled ends as cancelled, whatever half of its work made of it."""
    if stop.cancelled:
        raise KeyboardInterrupt


def ignore_signals() -> None:
    """For the moment in which files are written, until the process ends."""
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_IGN)
