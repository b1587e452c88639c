"""Learning from use: the engine's own recorded runs whose repairs the user took become conversations.

    a recorded run ─▶ each request to the model that it made  ─▶ the repair that was verified, and stands now (muCode)
                   └▶ each repair that the user's word rejects ─▶ the same, as the request that says so

Where search found the repair, the request is the one the engine would have made. A repair that the user did not take,
took back or wrote over teaches nothing: whether it was right is not known. What is recorded is on this machine, only
when the user turned it on (`darner trace on`); `darner trace wipe` deletes it, and what
`darner-train learn` made of it.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ..engine import forms, prompt, replay, trace
from ..engine.errors import BadInput
from ..engine.jury import sources
from ..engine.model import Form, Message, Role
from ..engine.replay import Answered, Recording
from ..engine.reply import outcome, told
from ..engine.source import Function, Source
from ..engine.types import FailureReport, FileChange, FixStatus, Repair, Ruling
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
    found = [report for report in reports if report.repairs and _decided(recording, report)]
    if not found:
        yield Dropped("nothing was repaired")
    for report in found:
        yield from _lessons(recording, report, alone=len(reports) == 1)


def _decided(recording: Recording, report: FailureReport) -> bool:
    """A question that was left open in the run was answered by applying one of its repairs."""
    return report.status is FixStatus.REPAIRED or recording.decision(report.nodeid) is not None


def _lessons(recording: Recording, report: FailureReport, *, alone: bool) -> Iterator[Conversation | Dropped]:
    repair = _taken(recording, report)
    if isinstance(repair, Dropped):
        yield repair
        return
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
    rejected = _rejected(_answers(recording, report, repair), target, recording.form)
    for messages in [*(asked or [forms.repair(target, recording.form).messages]), *rejected]:
        yield _conversation(recording, dialogue.turns(messages, answer))


def _taken(recording: Recording, report: FailureReport) -> Repair | Dropped:
    """The repair that the user applied, by the editor's word, or else by what stands in their file now."""
    decision = recording.decision(report.nodeid)
    if decision is None:
        untaken = _untaken(Path(str(recording.start["root"])), report.repairs[0])
        return Dropped(untaken) if untaken else report.repairs[0]
    if not decision["applied"]:
        return Dropped("repair was taken back")
    same = (each for each in report.repairs if trace.after(each.candidate.patch) == decision["after"])
    return next(same, Dropped("another patch was applied"))


def _untaken(root: Path, repair: Repair) -> str:
    """Why the repair is not the user's: their files hold something else now. Empty where it stands in them."""
    for change in repair.candidate.patch.files:
        changed = _changed(change)
        if changed is None:
            return ""  # such a repair is not learnt anyway
        try:
            now = Source.parse(change.path, (root / change.path).read_bytes())
        except (OSError, BadInput):
            return "its file is gone"
        before, function, _ = changed
        if _meaning(now, function.qualname) == _meaning(before, function.qualname):
            return "repair was not accepted"
        if _meaning(now, function.qualname) != _meaning(Source.parse(change.path, change.after), function.qualname):
            return "function was written anew since"
    return ""


def _meaning(source: Source, qualname: str) -> str:
    """The function's syntax tree, wherever it stands; empty where it is not defined."""
    return next((ast.dump(each.node) for each in source.functions() if each.qualname == qualname), "")


def _answers(recording: Recording, report: FailureReport, taken: Repair) -> Iterator[Answered]:
    """What the user said: in words, or by applying one of the repairs that a question was between."""
    yield from recording.answered(report.nodeid)
    question = report.question
    for each in question.answers if question else ():
        if question and report.repairs[each.candidate] is taken:
            yield Answered(question, report.repairs, Ruling(question.path, question.input, each.output))


def _rejected(answers: Iterator[Answered], target: prompt.Target, form: Form) -> Iterator[tuple[Message, ...]]:
    """Repairs of this function that passed the tests and that the user ruled out, as states to go on from."""
    for answered in answers:
        asked = replace(target, required=(f"The user says: {told(answered.ruling)}.",))
        for repair, output in answered.rejected:
            files = repair.candidate.patch.files
            wrong = _changed(files[0]) if len(files) == 1 and files[0].path == target.source.path else None
            if wrong is not None and wrong[1].qualname == target.function.qualname:
                feedback = f"The test passes, but {answered.ruling.call} {outcome(output)}."
                yield forms.repair(asked, form, prompt.Attempt(wrong[2], feedback)).messages


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
    """The runs, and their projects as they are now: what stands of a repair there decides whether it is learnt."""
    paths = _units(context, settings)
    listed = (f"{path.name} {sha256(path.read_bytes())}\n" for path in paths)
    roots = sorted({root for path in paths if (root := _root(path))})
    now = (f"{root} {trace.fingerprint(Path(root))}\n" for root in roots)
    found = {"the recorded runs": sha256("".join(listed).encode()), "their projects": sha256("".join(now).encode())}
    return found | held_out.outside(context, settings)


def _root(path: Path) -> str:
    """The project of a recorded run, by its first line; empty for what is none."""
    try:
        with path.open(encoding="utf-8") as file:
            return str(json.loads(file.readline())["root"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""


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
