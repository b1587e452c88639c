"""`darner doctor`: what Darner needs on this machine, each check with what to do when it is wrong."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import psutil
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from ..sandbox.backend import Report, Tier
from ..sandbox.choice import BACKENDS, doubt, examined, other_than, reports, second_to, strongest
from ..sandbox.errors import NoIsolation
from ..sandbox.types import Preference
from . import catalogue, doctor_build, trust
from .answers import Doctor, Examined
from .errors import DarnerError
from .llama import LlamaModel
from .project import find_interpreter, find_root
from .remote import RemoteModel
from .show import printable

_COPY_BYTES = 1 << 30
"""Free space wanted for throw-away copies."""
_SPARE_BYTES = 1 << 30
"""Memory wanted beside the model's weights: its context, the tests, and Darner."""


@dataclass(frozen=True, slots=True)
class Check:
    name: str
    ok: bool
    text: str
    fix: str = ""
    """What to do; empty when nothing is wrong."""
    details: tuple[str, ...] = ()


def examine(
    start: Path,
    python: str | None,
    model: str | None,
    endpoint: str | None = None,
    prefer: Preference = Preference.AUTO,
) -> tuple[Check, ...]:
    """Every check, in the order in which a repair needs them. Loads the model, if it is here, to see that it works."""
    root = find_root(start)
    served = _remote(endpoint, model or "") if endpoint else _model(model or catalogue.DEFAULT)
    return (*_interpreter(root, python), _sandbox(root, prefer), *_confirming(prefer), *served, _disk())


def _interpreter(root: Path, python: str | None) -> Iterator[Check]:
    try:
        found = find_interpreter(root, python)
    except DarnerError as error:
        yield _wrong("interpreter", error)
        return
    yield Check("interpreter", True, f"{found.path} (Python {found.version})")
    yield Check("pytest", True, found.pytest)


def _sandbox(root: Path, prefer: Preference) -> Check:
    """The backend that would be taken, and why each stronger one was not. Tested now: whoever asks here has a doubt."""
    doubt(*BACKENDS)
    try:
        taken = examined(strongest(trusted=True, prefer=prefer))
    except NoIsolation as error:
        return Check("sandbox", False, str(error), "Mend it, or ask for another one (--sandbox, DARNER_SANDBOX).")
    found = reports() if prefer is Preference.AUTO else (taken,)
    passed_over = tuple(f"{report.backend}: {report.trouble}" for report in found[: found.index(taken)])
    if taken.tier is not Tier.NONE:
        return Check("sandbox", True, taken.backend, details=(*passed_over, *_promises(taken)))
    if trust.is_trusted(root):
        text = "a plain process, as you agreed for this project"
        return Check("sandbox", True, text, details=(*passed_over, *_promises(taken)))
    advice = "Install bubblewrap, or agree to run without: `darner trust`."
    return Check("sandbox", False, " ".join(passed_over), advice)


def _confirming(prefer: Preference) -> Iterator[Check]:
    """Where repairs are confirmed: a stronger backend than the search's, or why there is none, and what stands in."""
    try:
        search = strongest(trusted=True, prefer=prefer)
    except NoIsolation:
        return
    second = second_to(search, prefer)
    if second is not None:
        found = examined(second)
        yield Check("confirm", True, f"repairs are confirmed in {found.backend}", details=_promises(found))
        return
    asked = reports() if prefer is Preference.AUTO else ()
    stronger = (report for report in asked if report.tier > search.tier and report.trouble)
    why = tuple(f"{report.backend}: {report.trouble}" for report in stronger)
    text = f"repairs are confirmed where they are searched for, in {search.name}"
    other = other_than(search, prefer)
    if other is not None:
        text += f"; those that cannot be judged apart, in {other.name} as well"
        yield Check("confirm", True, text, details=(*why, *_promises(examined(other))))
        return
    yield Check("confirm", True, f"{text}; no second backend works, so what cannot be judged apart is C", details=why)


def _promises(report: Report) -> tuple[str, ...]:
    held = ", ".join(probe for probe, ok in report.probes.items() if ok)
    return (
        *((f"attacked just now, and held: {held}",) if held else ()),
        *(f"attacked just now, and NOT held: {probe}" for probe, ok in report.probes.items() if not ok),
        *(f"holds: {text}" for text in report.holds),
        *(f"does not hold: {text}" for text in report.gaps),
    )


def _model(name: str) -> Iterator[Check]:
    try:
        path = catalogue.verify(name) if name in catalogue.CATALOGUE else catalogue.find(name)
        size = path.stat().st_size
    except DarnerError as error:
        yield _wrong("model", error)
        return
    checked = "SHA-256 is right" if name in catalogue.CATALOGUE else "not in the catalogue, so not checked"
    yield Check("model", True, f"{name}, {size / 1e9:.1f} GB, {checked}")
    yield _memory(size)
    try:
        with closing(LlamaModel(path, name)) as model:
            device = model.status().device
            yield Check("device", True, device, details=(doctor_build.installed(), *doctor_build.better(device)))
            yield Check("speed", True, doctor_build.probed(model))
    except DarnerError as error:
        yield _wrong("device", error)


def _remote(endpoint: str, model: str) -> Iterator[Check]:
    try:
        status = RemoteModel(endpoint, model).status()
    except DarnerError as error:
        yield _wrong("model", error)
        return
    yield Check("model", True, status.name, details=("prompts, with parts of your source, leave this machine",))


def _memory(model_bytes: int) -> Check:
    free, need = psutil.virtual_memory().available, model_bytes + _SPARE_BYTES
    text = f"{free / 1e9:.1f} GB free; the model and its work need about {need / 1e9:.1f} GB"
    return Check("memory", free >= need, text, "" if free >= need else "Close other programs or take a smaller model.")


def _disk() -> Check:
    folder = tempfile.gettempdir()
    free = shutil.disk_usage(folder).free
    text = f"{free / 1e9:.1f} GB free in {folder}, where throw-away copies live"
    enough = free >= _COPY_BYTES
    return Check("disk", enough, text, "" if enough else "Free 1 GB there, or set TMPDIR to another folder.")


def _wrong(name: str, error: DarnerError) -> Check:
    """An error's sentence says what is wrong, and behind its last semicolon what to do."""
    text, _, fix = str(error).rpartition("; ")
    return Check(name, False, text or str(error), fix[:1].upper() + fix[1:] if text else "")


def as_json(checks: tuple[Check, ...]) -> Doctor:
    rows = [Examined(name=c.name, ok=c.ok, text=c.text, fix=c.fix, details=list(c.details)) for c in checks]
    return {"version": 1, "ok": all(check.ok for check in checks), "checks": rows}


def rendered(checks: tuple[Check, ...]) -> RenderableType:
    lines: list[RenderableType] = []
    for check in checks:
        mark = ("✓ ", "bold green") if check.ok else ("✗ ", "bold red")
        lines.append(Text.assemble(mark, (f"{check.name:<12}", "bold"), printable(check.text)))
        below = [Text(detail, "dim") for detail in check.details]
        below += [Text(f"→ {printable(check.fix)}", "yellow")] if check.fix else []
        lines += [Padding(text, (0, 0, 0, 14)) for text in below]
    return Group(*lines)
