"""Mistakes and verified repairs to conversations (LEDEX): every answer that is learnt was run and passes all tests.

    refine     the engine's own prompt for a repair ─▶ the repaired function       what is trained is what is asked
    explain    task, wrong code, what its tests say ─▶ explanation, repaired code  the wrong code is read, not learnt
    solve      task ─▶ a right solution                                            once for each task

An explanation counts as right when the repair that came with it passes. A planted mistake that no model repaired is
explained by what is known of it: the line that was changed, and what the tests saw.
"""

from __future__ import annotations

import ast
import difflib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ..engine import prompt
from ..engine.model import Form
from ..engine.parse import Unusable, patch_from
from ..engine.source import Source
from . import dialogue
from .job import sha256
from .mistakes import SAMPLED
from .shape import Count
from .stages import Context, RecordStage, plain
from .turns import degenerate
from .types import Conversation, Dropped, Mistake, Repair, Turn

_LEAST_WORDS = 6


@dataclass(frozen=True, slots=True)
class Settings:
    """Section [debug_data]."""

    refine: bool = True
    """Conversations that ask for a repair alone, answered by the repaired function."""
    form: Form = Form.ENGINE
    """In which they ask: `engine`, or `brief`, for small models, whose answers lack the docstring (engine/forms.py)."""
    explain: bool = True
    """Conversations that explain before they repair."""
    solve: bool = True
    """One right solution of each task."""
    per_state: Count = 2
    """Most explained repairs of one piece of wrong code."""
    known: bool = True
    """Explain planted mistakes that no model repaired by what is known of them."""


@dataclass(frozen=True, slots=True)
class Lesson:
    """A mistake, what models made of it, and whether it is the first of its task."""

    mistake: Mistake
    repairs: tuple[Repair, ...]
    first: bool


def _conversations(
    context: Context, settings: Settings, lesson: Lesson, index: int
) -> Iterator[Conversation | Dropped]:
    mistake = lesson.mistake
    good = [repair for repair in lesson.repairs if repair.passed]
    if len(good) < len(lesson.repairs):
        yield Dropped("repair fails the tests", len(lesson.repairs) - len(good))
    if settings.solve and lesson.first:
        answer = dialogue.fenced(mistake.task.code)
        yield _conversation("solve", mistake, dialogue.turns(dialogue.asked(mistake.task), answer))
    if settings.refine:
        yield from _refined(
            mistake, settings.form, next((repair.code for repair in good if repair.round == 1), mistake.right)
        )
    if settings.explain:
        yield from _explained(settings, mistake, good)


def _refined(mistake: Mistake, form: Form, right: str) -> Iterator[Conversation | Dropped]:
    found = dialogue.engine_target(mistake.task, mistake.wrong, mistake.evidence)
    if found is None:
        yield Dropped("not one function")
        return
    text = function_text(right, mistake.task.name)
    for block in (undocumented(text) if form is Form.BRIEF else "", text, right):
        answer = dialogue.fenced(block)
        if block and applied(found, answer) == bare(right):
            yield _conversation("refine", mistake, dialogue.turns(dialogue.repair(found, form), answer))
            return
    yield Dropped("the engine would not make of it what was run")


def applied(target: prompt.Target, answer: str) -> str:
    """The syntax tree, docstrings left out, of the module that the engine makes of an answer; empty for none."""
    try:
        patch, _ = patch_from(answer, target.source, target.function)
    except Unusable:
        return ""
    return bare(patch.files[0].after.decode("utf-8"))


def bare(code: str) -> str:
    tree = ast.parse(code)
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.FunctionDef | ast.ClassDef) and ast.get_docstring(node) is not None:
            node.body = node.body[1:]
    return ast.dump(tree)


def function_text(code: str, name: str) -> str:
    """The function alone, as it is written; empty when the code does not define it."""
    source = Source.parse("solution.py", code.encode())
    function = next((each for each in source.functions() if each.qualname == name), None)
    return source.text_of(function) if function is not None else ""


def undocumented(function: str) -> str:
    """The function's text without its docstring, which the engine puts back; empty where nothing else would be left."""
    found = next((each for each in ast.parse(function).body if isinstance(each, ast.FunctionDef)), None)
    if found is None or ast.get_docstring(found) is None or len(found.body) == 1:
        return ""
    said, lines = found.body[0], function.splitlines()
    return "\n".join([*lines[: said.lineno - 1], *lines[said.end_lineno :]]) + "\n"


def _explained(settings: Settings, mistake: Mistake, good: Sequence[Repair]) -> Iterator[Conversation | Dropped]:
    kept: dict[str, int] = {}
    for repair in good:
        if len(repair.explanation.split()) < _LEAST_WORDS:
            yield Dropped("repair without an explanation")
        elif degenerate(repair.text):
            yield Dropped("degenerate text")
        elif kept.get(repair.wrong, 0) == settings.per_state:
            yield Dropped("enough repairs of this state")
        else:
            kept[repair.wrong] = kept.get(repair.wrong, 0) + 1
            answer = dialogue.answered(repair.explanation, repair.code)
            yield _explaining(mistake, repair.wrong, repair.evidence, answer, "model")
    if mistake.wrong not in kept and settings.known and mistake.operator != SAMPLED:
        answer = dialogue.answered(known_explanation(mistake), mistake.right)
        yield _explaining(mistake, mistake.wrong, mistake.evidence, answer, "known")


def _explaining(mistake: Mistake, wrong: str, evidence: str, answer: str, source: str) -> Conversation:
    messages = dialogue.refused(dialogue.asked(mistake.task), wrong, evidence, explain=True)
    return _conversation("explain", mistake, dialogue.turns(messages, answer), source)


def known_explanation(mistake: Mistake) -> str:
    """What is certain of a planted mistake: the lines that differ, and the beginning of what the tests saw."""
    before, after = mistake.wrong.splitlines(), mistake.right.splitlines()
    changed = [line for line in difflib.ndiff(before, after) if line[:2] in ("- ", "+ ") and line[2:].strip()]
    wrong = [f"`{line[2:].strip()}`" for line in changed if line[0] == "-"]
    right = [f"`{line[2:].strip()}`" for line in changed if line[0] == "+"]
    saw = " ".join(mistake.evidence.split())[:240]
    if wrong and right:
        fault = f"The fault is in {_listed(wrong)}, which should be {_listed(right)}."
    elif wrong:
        fault = f"{_listed(wrong)} should not be there."
    else:
        fault = f"{_listed(right)} is missing."
    return f"The tests fail: {saw} {fault}"


def _listed(lines: Sequence[str]) -> str:
    return ", ".join(lines[:3])


def _conversation(shape: str, mistake: Mistake, turns: tuple[Turn, ...], explained_by: str = "") -> Conversation:
    meta = {
        "stage": "debug_data",
        "shape": shape,
        "task": mistake.task.id,
        "seed": mistake.task.seed,
        "mistake": mistake.id,
        "operator": mistake.operator,
        "explained_by": explained_by,
        "licence": mistake.task.licence,
    }
    identity = sha256("\x1f".join(turn.content for turn in turns).encode())[:16]
    return Conversation(identity, turns, 1.0, meta)


def _units(context: Context, settings: Settings) -> Sequence[Lesson]:
    mistakes = context.read("mistakes", Mistake)
    made: dict[str, list[Repair]] = {}
    for repair in context.read("repairs", Repair) if "repairs" in context.present else ():
        made.setdefault(repair.mistake, []).append(repair)
    firsts = {mistake.task.id: mistake.id for mistake in reversed(mistakes)}
    return [
        Lesson(mistake, tuple(made.get(mistake.id, ())), firsts[mistake.task.id] == mistake.id) for mistake in mistakes
    ]


STAGE = RecordStage(
    "debug_data", Settings, ("mistakes",), units=_units, opened=plain(_conversations), also=("repairs",)
)
