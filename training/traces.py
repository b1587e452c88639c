"""Learning from use: the engine's own recorded runs whose repairs were verified become conversations.

    a recorded run ─▶ each request to the model that it made ─▶ the repair that was verified in the end (muCode)

Where search found the repair, the request is the one the engine would have made. What is recorded is on this machine,
only when the user turned it on (`darner trace on`); `darner trace wipe` deletes it, and the run folder is the user's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..engine import prompt, replay, trace
from ..engine.errors import BadInput
from ..engine.jury import sources
from ..engine.model import Message, Role
from ..engine.replay import Recording
from ..engine.source import Function, Source
from ..engine.types import FailureReport, FileChange, FixStatus
from . import dialogue, held_out
from .debug_data import applied, bare
from .job import sha256
from .sift import said, sift
from .stages import Context, RecordStage, plain
from .store import Settle
from .types import Conversation, Dropped, Turn


@dataclass(frozen=True, slots=True)
class Settings:
    """Section [traces]."""

    folder: str = ""
    """Where recorded runs are; empty: where `darner` keeps them."""


def conversations(path: Path) -> Iterator[Conversation | Dropped]:
    """What one recorded run teaches."""
    try:
        recording = replay.read(path)
        reports = recording.reports
    except BadInput:
        yield Dropped("cannot be read")
        return
    repaired = [report for report in reports if report.status is FixStatus.REPAIRED and report.repairs]
    if not repaired:
        yield Dropped("nothing was repaired")
    for report in repaired:
        yield from _lessons(recording, report, alone=len(reports) == 1)


def _lessons(recording: Recording, report: FailureReport, *, alone: bool) -> Iterator[Conversation | Dropped]:
    repair = report.repairs[0]
    files = repair.candidate.patch.files
    if not (repair.verdict.verified and repair.verdict.proof.believed):
        yield Dropped("repair is not believed")
        return
    changed = _changed(files[0]) if len(files) == 1 else None
    if changed is None:
        yield Dropped("repair is not of one function")
        return
    source, function, after = changed
    test = sources(Path(str(recording.start["root"])), (report.nodeid,)) or f"# {report.nodeid}"
    target = prompt.Target(source, function, test, report.explanation.facts)
    answer = dialogue.fenced(after)
    if applied(target, answer) != bare(files[0].after.decode("utf-8")):
        yield Dropped("the engine would not make of it what was verified")
        return
    asked = list(_asked(recording, function)) if alone else []
    for messages in asked or [prompt.repair(target)]:
        yield _conversation(recording, dialogue.turns(messages, answer))


def _changed(change: FileChange) -> tuple[Source, Function, str] | None:
    """The innermost function that a change is in, and its new text; None when it is in several or in none."""
    try:
        before, after = Source.parse(change.path, change.before), Source.parse(change.path, change.after)
    except BadInput:
        return None
    texts = {function.qualname: after.text_of(function) for function in after.functions()}
    differing = [f for f in before.functions() if texts.get(f.qualname, before.text_of(f)) != before.text_of(f)]
    inner = [f for f in differing if not any(o.qualname.startswith(f"{f.qualname}.") for o in differing)]
    return (before, inner[0], texts[inner[0].qualname]) if len(inner) == 1 else None


def _asked(recording: Recording, function: Function) -> Iterator[tuple[Message, ...]]:
    """The run's own requests for this function, each once."""
    seen: set[tuple[Message, ...]] = set()
    for row in recording.rows:
        if row["kind"] != "asked" or row.get("sampling", {}).get("role") != Role.REPAIRER:
            continue
        messages = tuple(Message(str(each["role"]), str(each["content"])) for each in row["messages"])
        if f"`{function.qualname}`" in messages[-1].content and messages not in seen:
            seen.add(messages)
            yield messages


def _conversation(recording: Recording, turns: tuple[Turn, ...]) -> Conversation:
    identity = sha256("\x1f".join(turn.content for turn in turns).encode())[:16]
    meta = {"stage": "traces", "shape": "refine", "trace": recording.path.name, "licence": "LicenseRef-Own"}
    return Conversation(identity, turns, 1.0, meta)


def _units(context: Context, settings: Settings) -> Sequence[Path]:
    """Oldest first: new runs come behind those that were learnt from before."""
    return sorted((Path(settings.folder).expanduser() if settings.folder else trace.folder()).glob("*.jsonl"))


def _outside(context: Context, settings: Settings) -> Mapping[str, str]:
    listed = (f"{path.name} {sha256(path.read_bytes())}\n" for path in _units(context, settings))
    return {"the recorded runs": sha256("".join(listed).encode()), **held_out.outside(context, settings)}


def _settled(context: Context, settings: Settings) -> Settle:
    """Who mends a benchmark's task by hand teaches it too."""
    kept_out = held_out.read(context.held_out)
    return lambda rows: sift(rows, kept_out, said)


STAGE = RecordStage(
    "traces",
    Settings,
    (),
    units=_units,
    opened=plain(lambda context, settings, path, index: conversations(path)),
    settle=_settled,
    outside=_outside,
)
