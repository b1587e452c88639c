"""Practice: a mistake for a model to repair, asked in the two shapes that are trained, graded by its tests.

    mistake ─▶ refine: the engine's own prompt   ─▶ answer ─gate─▶ sandbox ─▶ share of tests passed + what failed
               explain: a conversation (LEDEX)

What reaches for what the engine's gate forbids, as special-casing the tests' inputs, earns nothing.
"""

from __future__ import annotations

import ast
import doctest
from collections.abc import Sequence
from dataclasses import dataclass

from ..engine import gate, prompt
from ..engine.forms import FENCE
from ..engine.model import Completion, Form, Message, Model, Role, Sampling
from ..engine.parse import Unusable, patch_from
from ..engine.source import Function, Source
from ..engine.stop import Stop
from ..engine.types import Candidate, FileChange, Origin, Patch
from ..sandbox.types import Limits
from . import dialogue
from .bench import EACH, Bench, Ran
from .types import Mistake

_TOKENS_PER_CHARACTER, _SPARE_TOKENS, _EXPLANATION_TOKENS = 0.5, 96, 200


@dataclass(frozen=True, slots=True)
class Case:
    """A mistake in one function."""

    mistake: Mistake
    target: prompt.Target
    limits: Limits = EACH
    """Of a run of its tests."""
    gated: bool = True
    """An answer may do no more than the engine allows a repair."""

    @property
    def source(self) -> Source:
        return self.target.source

    @property
    def function(self) -> Function:
        return self.target.function


@dataclass(frozen=True, slots=True)
class Graded:
    """One answer and what running it showed."""

    answer: str
    """As the model gave it, its code block closed."""
    explanation: str
    """What stands before the code."""
    code: str
    """The whole module with the answer's function in it; empty when the answer holds none."""
    passed: float
    """Share of the tests; 1 only when all passed."""
    feedback: str


def case_of(mistake: Mistake) -> Case | None:
    """None when the wrong code does not define the one function that its task asks for."""
    target = dialogue.engine_target(mistake.task, mistake.wrong, mistake.evidence)
    return Case(mistake, target) if target else None


def ask(case: Case, last: Graded | None, *, explain: bool, form: Form = Form.ENGINE) -> tuple[Message, ...]:
    """The state after the mistake, or after a failed attempt to repair it, of which only the last is shown."""
    task, tried = case.mistake.task, last if last and last.code else None
    if explain:
        wrong, said = (tried.code, tried.feedback) if tried else (case.mistake.wrong, case.mistake.evidence)
        return dialogue.refused(dialogue.asked(task), wrong, said, explain=True)
    return dialogue.repair(case.target, form, prompt.Attempt(tried.code, tried.feedback) if tried else None)


def sample(
    model: Model,
    case: Case,
    messages: Sequence[Message],
    n: int,
    temperature: float,
    seed: int,
    stop: Stop,
    *,
    explain: bool,
    beginning: str = "",
) -> tuple[str, ...]:
    """`n` whole answers. `beginning` is put into the model's mouth; without an explanation, the code's fence is."""
    said = beginning or ("" if explain else FENCE)
    room = (
        int(len(case.mistake.wrong) * _TOKENS_PER_CHARACTER) + _SPARE_TOKENS + (_EXPLANATION_TOKENS if explain else 0)
    )
    stops = ("\n```\n",) if explain and not beginning else ("\n```",)
    sampling = Sampling(n, temperature, 0.95, room, seed, stops, said, Role.REPAIRER)
    return tuple(_closed(said, each) for each in model.sample(messages, sampling, stop))


def grade(bench: Bench, case: Case, answer: str) -> Graded:
    """Put the answer's function in place of the wrong one and run the tests, in the sandbox."""
    explanation = dialogue.parted(answer)[0]
    try:
        patch, _ = patch_from(answer, case.source, case.function)
    except Unusable as wrong:
        return Graded(answer, explanation, "", 0.0, str(wrong))
    change = patch.files[0]
    code = change.after.decode("utf-8", "replace")
    if case.gated and (refusal := _refused(case, change)):
        return Graded(answer, explanation, code, 0.0, f"Refused: {refusal}.")
    ran = bench.run(code, case.mistake.task.tests, case.limits)
    return Graded(answer, explanation, code, _share(ran, len(_examples(case))), ran.feedback)


def _closed(said: str, completion: Completion) -> str:
    text = said + completion.text
    return text if text.count("```") % 2 == 0 else f"{text.rstrip()}\n```"


def _refused(case: Case, change: FileChange) -> str | None:
    if change.before == change.after:
        return "the function is as it was"
    candidate = Candidate(Patch((change,)), Origin.MODEL, "", "", 0.5, change.path, case.function.def_line)
    examples = "\n".join(f"assert {each.source.strip()} == {each.want.strip()}" for each in _examples(case))
    return gate.check(candidate, {change.path: change.before}, f"{case.mistake.task.tests}\n{examples}")


def _examples(case: Case) -> list[doctest.Example]:
    """Of a seed's docstring, those that print one expression: its tests are these."""
    if case.mistake.task.kind != "seed":
        return []
    task = case.mistake.task  # not the mistake's own docstring: a model may have written that
    known = [n for n in ast.parse(task.code).body if isinstance(n, ast.FunctionDef) and n.name == task.name]
    found = doctest.DocTestParser().get_examples((ast.get_docstring(known[0]) or "") if known else "")
    return [each for each in found if _is_expression(each.source) and _is_expression(each.want)]


def _is_expression(text: str) -> bool:
    try:
        ast.parse(text.strip(), mode="eval")
    except (SyntaxError, ValueError):
        return False
    return True


def _share(ran: Ran, examples: int) -> float:
    """Of the tests that passed; a docstring's examples are one test, of which its report says how many failed."""
    if ran.passed or not ran.judged or not examples:
        return ran.share
    failed = ran.feedback.count("Failed example:")
    return max(ran.share, min(0.99, 1.0 - failed / examples)) if failed else ran.share
