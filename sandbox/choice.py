"""Which backend confines: the strongest that passes its own self-test here, never silently a weaker one."""

from __future__ import annotations

from functools import cache

from . import remembered
from .backend import Backend, Report, Tier
from .bubblewrap import Bubblewrap
from .docker_backend import Docker
from .errors import NoIsolation
from .landlock import Landlock
from .namespaces import Namespaces
from .process import Process
from .seatbelt import Seatbelt

BACKENDS: tuple[Backend, ...] = (Namespaces(), Bubblewrap(), Docker(), Landlock(), Seatbelt(), Process())
"""In the order in which they are asked for the search: what holds, the fastest first. See `second_to`."""


@cache
def examined(backend: Backend) -> Report:
    """The backend's self-test: run once a process, or a pass that was remembered (remembered.py)."""
    report = remembered.recall(backend.name)
    if report is None:
        remembered.keep(report := backend.examine())
    return report


def doubt(*backends: Backend) -> None:
    """Forget how these were tested: whoever asks next has them tested again."""
    for backend in backends:
        remembered.forget(backend.name)
    examined.cache_clear()


def second_to(backend: Backend) -> Backend | None:
    """A stronger backend for the last, confirming run: the first that is usable; None where there is none."""
    owners = (None, backend.owner())
    stronger = (other for other in BACKENDS if other.tier > backend.tier and other.owner() in owners)
    return next((other for other in stronger if not examined(other).trouble), None)


def reports() -> tuple[Report, ...]:
    """Every backend's report, strongest first, usable or not."""
    return tuple(examined(backend) for backend in BACKENDS)


def strongest(*, trusted: bool) -> Backend:
    """The first usable one. Raises NoIsolation when that confines nothing and `trusted` is false."""
    usable = next(backend for backend in BACKENDS if not examined(backend).trouble)
    if usable.tier is Tier.NONE and not trusted:
        troubles = " ".join(report.trouble for report in reports() if report.trouble)
        raise NoIsolation(
            f"Nothing can confine candidates here: {troubles} Install it, or agree with --trust to run without."
        )
    return usable
