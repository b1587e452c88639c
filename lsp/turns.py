"""Long work on the event loop, cut so that nobody who asks something meanwhile waits for all of it."""

from __future__ import annotations

import asyncio
import time

_TURN_S = 0.004


class Turns:
    """One piece of work; call `rest` between its small steps."""

    def __init__(self) -> None:
        self._end = time.perf_counter() + _TURN_S

    async def rest(self) -> None:
        """Let everybody else run, once this work has had its time."""
        if time.perf_counter() >= self._end:
            await asyncio.sleep(0)
            self._end = time.perf_counter() + _TURN_S
