"""Long work has an id at once, is never done twice at a time, and always ends."""

from __future__ import annotations

import asyncio

import pytest
from darner.lsp.jobs import Job, Jobs

pytestmark = pytest.mark.asyncio


async def forever(_: Job) -> None:
    await asyncio.Event().wait()


async def test_equal_work_is_one_job() -> None:
    """A double click must not start two repairs."""
    jobs = Jobs()

    first, second, other = (jobs.start(key, "Repair", forever) for key in (("a",), ("a",), ("b",)))

    assert first is second
    assert first.id != other.id
    await jobs.cancel_all(1.0)
    assert jobs.running == ()


async def test_a_server_that_takes_over_knows_no_job_of_the_one_before() -> None:
    """A client may still show a job of a killed server; its cancel button must not reach other work."""
    before, now = (Jobs().start(("a",), "Repair", forever) for _ in range(2))

    assert before.id != now.id
    for job in (before, now):
        job.cancel()


async def test_work_that_is_out_of_date_is_replaced() -> None:
    """A save during a run: the old run's results are of no use."""
    jobs = Jobs()
    first = jobs.start(("tests",), "Run tests", forever)

    second = jobs.supersede(("tests",), "Run tests", forever)

    assert first.id != second.id
    assert jobs.running == (second,)
    assert first.task is not None
    with pytest.raises(asyncio.CancelledError):
        await first.task
    await jobs.cancel_all(1.0)


async def test_a_job_can_be_cancelled_by_its_id_only_while_it_runs() -> None:
    """The answer tells a client whether there was anything to cancel."""
    jobs = Jobs()
    job = jobs.start(("a",), "Repair", forever)

    assert jobs.cancel(job.id)
    assert job.task is not None
    await asyncio.wait({job.task})
    assert not jobs.cancel(job.id)


async def test_work_that_is_being_stopped_is_not_joined() -> None:
    """Who cancels and at once asks again would get the cancel for an answer."""
    jobs = Jobs()
    ends = asyncio.Event()

    async def slow_to_end(_: Job) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await ends.wait()

    first = jobs.start(("a",), "Repair", slow_to_end)
    await asyncio.sleep(0)
    jobs.cancel(first.id)

    second = jobs.start(("a",), "Repair", slow_to_end)

    assert second is not first
    assert jobs.start(("a",), "Repair", slow_to_end) is second
    ends.set()
    await jobs.wait(first.id)
    assert (first.cancelled, second.cancelled) == (True, False)
    await jobs.cancel_all(5)


async def test_a_failure_inside_a_job_is_logged_and_ends_it(caplog: pytest.LogCaptureFixture) -> None:
    """An exception in a task that nobody awaits would vanish."""
    jobs = Jobs()

    async def broken(_: Job) -> None:
        raise ValueError("inside")

    job = jobs.start(("a",), "Repair test_x", broken)
    assert job.task is not None
    await job.task

    assert jobs.running == ()
    assert "Repair test_x failed inside" in caplog.text
