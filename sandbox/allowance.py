"""How much a candidate may use: a multiple of what the project's own tests used, never less than a floor.

    limit      of what was measured in the baseline   floor     why the floor
    wall       10 x seconds                           12 s      a good candidate may have to wait on a busy machine
    cpu        5 x processor time, as the kernel says 4 s       an import alone may take a second
    memory     3 x address space at its largest       2 GiB     a thread reserves 128 MiB that it never touches
    file       4 x the largest file in sight          64 MiB    looked at every 0.2 s, and not in every /tmp
    disk       4 x what was written                   256 MiB   likewise
    processes  4 x the most at once                   64        looked at every 50 ms: short ones are missed
    output     10 x what was printed                  64 MiB    drained and cut anyway

Memory never exceeds the default: the server keeps that for itself already. A baseline that did not end by itself, or in
which a file could not be imported, says too little: then the defaults hold.
"""

from __future__ import annotations

from dataclasses import replace

from .types import Limits, Outcome, RunResult, Status

BASELINE = Limits(
    wall_s=900.0,
    cpu_s=900.0,
    test_wall_s=40.0,
    test_cpu_s=20.0,
    file_bytes=1 << 30,
    disk_bytes=2 << 30,
    processes=512,
    output_bytes=4 << 30,
)
"""Of the baseline itself: the user's own tests, trusted as far as running them with pytest is."""


def allowed(run: RunResult) -> Limits:
    """From the baseline's run; its `test_*` limits stay the defaults, for they depend on which tests are asked for."""
    if not is_telling(run):
        return Limits()
    least = Limits()
    return replace(
        least,
        wall_s=max(12.0, 10 * run.seconds),
        cpu_s=max(4.0, 5 * run.cpu_s),
        memory_bytes=min(least.memory_bytes, max(2 << 30, 3 * run.mapped_bytes or least.memory_bytes)),
        file_bytes=max(least.file_bytes, 4 * run.file_bytes),
        disk_bytes=max(least.disk_bytes, 4 * run.disk_bytes),
        processes=max(least.processes, 4 * run.processes),
        output_bytes=max(64 << 20, 10 * run.output_bytes),
    )


def is_telling(run: RunResult) -> bool:
    """It ended by itself and imported all that its tests import."""
    uncollected = any(test.outcome is Outcome.ERROR and test.phase == "collect" for test in run.tests)
    return run.status in (Status.PASS, Status.FAIL) and bool(run.tests) and not uncollected


def within(limits: Limits, bounds: Limits) -> Limits:
    """The times of `limits`, and everything else as `bounds` has it."""
    return replace(
        limits,
        memory_bytes=bounds.memory_bytes,
        file_bytes=bounds.file_bytes,
        disk_bytes=bounds.disk_bytes,
        processes=bounds.processes,
        output_bytes=bounds.output_bytes,
    )
