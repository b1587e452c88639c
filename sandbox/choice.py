"""Which backend confines: the strongest that passes its own self-test here, never silently a weaker one.

The user may prefer one, or forbid Docker: then what was asked for is used, or a sentence says why it cannot be.
"""

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
from .types import Preference

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


def second_to(backend: Backend, prefer: Preference = Preference.AUTO) -> Backend | None:
    """A stronger backend for the last, confirming run: the first that is usable; None where there is none."""
    stronger = (other for other in _confirming(backend, prefer) if other.tier > backend.tier)
    return next((other for other in stronger if not examined(other).trouble), None)


def other_than(backend: Backend, prefer: Preference = Preference.AUTO) -> Backend | None:
    """Another backend that confines by other means: a stronger one, else the strongest of the rest; None where none is.

    One hole in one of the two is then not enough for a wrong verdict. Bubblewrap and our own namespaces are one means.
    """
    weaker = [o for o in _confirming(backend, prefer) if Tier.NONE < o.tier < backend.tier]
    return second_to(backend, prefer) or next((other for other in weaker if not examined(other).trouble), None)


def _confirming(backend: Backend, prefer: Preference) -> list[Backend]:
    owners = (None, backend.owner())
    asked = [other for other in BACKENDS if other.owner() in owners and other is not backend]
    return [o for o in asked if prefer in (Preference.AUTO, Preference.DOCKER) or not isinstance(o, Docker)]


def reports() -> tuple[Report, ...]:
    """Every backend's report, strongest first, usable or not."""
    return tuple(examined(backend) for backend in BACKENDS)


def strongest(*, trusted: bool, prefer: Preference = Preference.AUTO) -> Backend:
    """The first usable one that is asked for.

    Raises NoIsolation when none is, or when it confines nothing and `trusted` is false.
    """
    named = next((backend for backend in BACKENDS if backend.name == prefer), None)
    if named is not None:
        return _as_asked(named)
    asked = [b for b in BACKENDS if prefer is not Preference.NO_DOCKER or not isinstance(b, Docker)]
    usable = next(backend for backend in asked if not examined(backend).trouble)
    if usable.tier is Tier.NONE and not trusted:
        troubles = " ".join(examined(backend).trouble for backend in asked if examined(backend).trouble)
        raise NoIsolation(
            f"Nothing can confine candidates here: {troubles} Install it, or agree with --trust to run without."
        )
    return usable


def _as_asked(named: Backend) -> Backend:
    if trouble := examined(named).trouble:
        raise NoIsolation(
            f"The sandbox `{named.name}`, which is asked for, does not work here: {trouble} "
            "Mend that, or ask for another one: `auto` takes the strongest that works (`darner doctor` lists them)."
        )
    return named
