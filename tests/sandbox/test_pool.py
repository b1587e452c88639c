"""The asynchronous way in: the same verdicts, a bounded queue, and a cancel that ends the run."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from cart_project import GOOD, SOURCE
from darner.sandbox.errors import SandboxError
from darner.sandbox.pool import Oracle, Pool, Sandbox, Spec
from darner.sandbox.types import Assurance, Limits, Status

TARGET = "test_cart.py::test_sum"
ROOMY = Limits(wall_s=90.0, cpu_s=60.0, test_wall_s=60.0, test_cpu_s=30.0)
ENDLESS = SOURCE.replace("return result", "__import__('time').sleep(80)")


def with_pool(project: Path, waiting: int, work: Callable[[Pool], Awaitable[None]]) -> None:
    async def everything() -> None:
        pool = await Sandbox.open(Spec(project, Path(sys.executable), trusted=True, waiting=waiting))
        try:
            await work(pool)
        finally:
            await pool.close()

    asyncio.run(everything())


def test_a_verdict_holds_status_assurance_and_evidence(project: Path) -> None:
    """What the language server, the command line and training ask for, in one value."""

    async def work(pool: Pool) -> None:
        wrong = await pool.run({}, [TARGET], ROOMY)
        assert (wrong.status, wrong.assurance) == (Status.FAIL, Assurance.D)
        good = await pool.run({"cart.py": GOOD.encode()}, [TARGET], ROOMY, Oracle.SPLIT)
        assert good.status is Status.PASS
        assert good.assurance in (Assurance.A, Assurance.B), good.reasons
        assert good.run.exit_code == 0
        base = await pool.baseline()
        assert len(base.tests) == 2
        assert not base.flaky
        assert base.peak_bytes > 0

    with_pool(project, 4, work)


def test_a_cancelled_run_gives_its_session_back_and_a_full_queue_refuses(project: Path) -> None:
    """A caller that gives up must not cost the others their turn; one too many is told so at once."""

    async def work(pool: Pool) -> None:
        endless = asyncio.ensure_future(pool.run({"cart.py": ENDLESS.encode()}, [TARGET], ROOMY))
        waiting = asyncio.ensure_future(pool.run({"cart.py": GOOD.encode()}, [TARGET], ROOMY))
        await asyncio.sleep(0)
        with pytest.raises(SandboxError):
            await pool.run({}, [TARGET], ROOMY)
        endless.cancel()
        with pytest.raises(asyncio.CancelledError):
            await endless
        assert (await waiting).status is Status.PASS

    with_pool(project, 1, work)
