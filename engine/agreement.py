"""Judging without tests: calls and results that a model names, trusted when at least half of eight votes agree, and
bodies grouped by what they do on them (dual agreement, CodeT; papers.md 8.5 and 8.8).
"""

from __future__ import annotations

import ast
import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ..sandbox.session import Session
from . import prompt_write
from .behaviour import UNKNOWN
from .drafts import LIMITS, Draft
from .jury import Jury, of_asserts
from .literals import operand
from .model import Model, Role, Sampling
from .stop import Stop
from .stub import Meant, plain
from .trial import edits_of
from .written import Agreement

VOTES = 8
"""Samples of each expected value; at least half have to name the same one."""
_MOST_CALLS = 8
_LEAST_TRUSTED = 2
_LEAST_ALIKE = 2
_TOKENS_A_CALL = 48
_EACH_S = 1.0


@dataclass(frozen=True, slots=True)
class Agreed:
    draft: Draft
    agreement: Agreement


def vote(model: Model, meant: Meant, stop: Stop, seed: int) -> tuple[str, ...]:
    """Assert statements whose expected values at least half of the votes name; none when the model wrote no calls."""
    return _voted(model, meant, _calls(model, meant, stop, seed), stop, seed)


def _voted(model: Model, meant: Meant, calls: Sequence[str], stop: Stop, seed: int) -> tuple[str, ...]:
    if not calls or stop:
        return ()
    beginning = f"```python\nassert {calls[0]} =="
    sampling = Sampling(
        n=VOTES, temperature=0.8, max_tokens=_TOKENS_A_CALL * len(calls), seed=seed + 1, stop=("\n```",),
        prefill=beginning, role=Role.AUDITOR,
    )  # fmt: skip
    answers = model.sample(prompt_write.expected(meant, calls), sampling, stop)
    ballots: dict[str, Counter[str]] = defaultdict(Counter)
    for answer in answers:
        said = dict(reversed([*asserted(beginning + answer.text, meant)]))  # the first word on a call counts
        for call in calls:
            if call in said:
                ballots[call][said[call]] += 1
    winners = ((call, *ballots[call].most_common(1)[0]) for call in calls if ballots[call])
    return tuple(statement(meant, call, value) for call, value, count in winners if 2 * count >= VOTES)


def _calls(model: Model, meant: Meant, stop: Stop, seed: int) -> list[str]:
    return list(dict.fromkeys(call for call, _ in foretold(model, meant, stop, seed)))[:_MOST_CALLS]


def foretold(model: Model, meant: Meant, stop: Stop, seed: int) -> list[tuple[str, str]]:
    """Calls and what each gives as a model says, nothing run or voted on: one answer, or four when that names few."""
    found: dict[tuple[str, str], None] = {}
    beginning = "```python\nassert "
    for n, temperature in ((1, 0.0), (3, 0.8)):
        sampling = Sampling(
            n=n, temperature=temperature, max_tokens=_TOKENS_A_CALL * _MOST_CALLS, seed=seed, stop=("\n```",),
            prefill=beginning, role=Role.AUDITOR,
        )  # fmt: skip
        for answer in model.sample(prompt_write.inputs(meant, _MOST_CALLS), sampling, stop):
            found.update((pair, None) for pair in asserted(beginning + answer.text, meant))
        if len({call for call, _ in found}) >= _MOST_CALLS or stop:
            break
    return list(found)


def asserted(text: str, meant: Meant) -> Iterator[tuple[str, str]]:
    """Call and expected value of every assert statement that compares a use of the function with a literal."""
    for line in text.splitlines():
        try:
            tree = ast.parse(line.strip())
        except (SyntaxError, ValueError, RecursionError):
            continue
        for statement in tree.body:
            if isinstance(statement, ast.Assert) and (pair := _pair(statement.test)) is not None:
                call, value = not_run(pair[0], meant), pair[1]
                if _uses(call, meant) and _is_literal(value):
                    yield ast.unparse(call), ast.unparse(value)


def not_run(call: ast.expr, meant: Meant) -> ast.expr:
    """Of an asynchronous function the call alone, without what awaits or runs it."""
    match call:
        case ast.Await(value=inner):
            pass
        case ast.Call(func=ast.Attribute(attr="run" | "run_until_complete") | ast.Name(id="run"), args=[inner]):
            pass
        case _:
            return call
    return inner if meant.is_async and is_call_of(inner, meant.simple_name) else call


def _uses(expression: ast.expr, meant: Meant) -> bool:
    """It calls the function, or reads the property, and can stand in a function that is not asynchronous."""
    nodes = list(ast.walk(expression))
    read = (meant.is_property and isinstance(n, ast.Attribute) and n.attr == meant.simple_name for n in nodes)
    used = any(read) or any(is_call_of(n, meant.simple_name) for n in nodes)
    return used and not any(isinstance(n, ast.Await) for n in nodes)


def _pair(test: ast.expr) -> tuple[ast.expr, ast.expr] | None:
    match test:
        case ast.Compare(left=left, ops=[ast.Eq() | ast.Is()], comparators=[right]):
            return left, right
        case ast.UnaryOp(op=ast.Not(), operand=ast.Call() as call):
            return call, ast.Constant(False)
        case ast.Call() as call:
            return call, ast.Constant(True)
        case _:
            return None


def is_call_of(node: ast.AST, name: str) -> bool:
    """By its bare name, or as a method."""
    if not isinstance(node, ast.Call):
        return False
    return (isinstance(node.func, ast.Name) and node.func.id == name) or (
        isinstance(node.func, ast.Attribute) and node.func.attr == name
    )


def _is_literal(value: ast.expr) -> bool:
    """No name is needed to understand it, except constructors as in `set()` and `Decimal('1')`."""
    try:
        ast.literal_eval(value)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return isinstance(value, ast.Call) and not value.keywords and all(_is_literal(a) for a in value.args)
    return True


def is_to_be_run(call: str, meant: Meant) -> bool:
    """It gives a coroutine: the outermost call is that of an asynchronous function."""
    return meant.is_async and is_call_of(ast.parse(call, mode="eval").body, meant.simple_name)


def statement(meant: Meant, call: str, value: str) -> str:
    if is_to_be_run(call, meant):
        call = f"__import__('asyncio').run({call})"
    operator = "is" if value in ("None", "True", "False") else "=="
    return f"assert {operand(call)} {operator} {value}"


def agree(session: Session, meant: Meant, drafts: Sequence[Draft], jury: Jury, stop: Stop) -> Agreed | None:
    """The body of the group with the best score: tests passed times the root of the voices.

    None when that is too little. Every draft has its mark from the jury. Bodies whose calls say nothing have no voice.
    """
    groups: dict[tuple[tuple[str | None, str | None], ...], list[Draft]] = defaultdict(list)
    calls = [ast.unparse(_call_of(text)) for text in jury.named]
    for draft in drafts:
        edits = edits_of(draft.candidate.patch)
        results = session.call(
            meant.path, calls, edits, nodeids=(), limits=LIMITS, each_s=_EACH_S, cancelled=lambda: stop.cancelled
        )
        if any(result.exception not in UNKNOWN for result in results):
            groups[tuple((r.result, r.exception) for r in results)].append(draft)

    def voices(group: list[Draft]) -> int:
        return sum(d.voices for d in group)

    best = max(groups.values(), key=lambda g: max(map(_passed, g)) * math.sqrt(voices(g)), default=None)
    if best is None:
        return None
    chosen = max(best, key=lambda d: (_passed(d), d.voices, -len(d.text)))
    found = Agreement(len(jury.named), _passed(chosen), voices(best), sum(d.voices for d in drafts))
    if found.trusted < _LEAST_TRUSTED or 2 * found.passed <= found.trusted or found.alike < _LEAST_ALIKE:
        return None
    return Agreed(chosen, found)


def _passed(draft: Draft) -> int:
    return len(draft.mark.passed) if draft.mark is not None else 0


def _call_of(text: str) -> ast.expr:
    test = ast.parse(text).body[0]
    assert isinstance(test, ast.Assert)
    pair = _pair(test.test)
    assert pair is not None
    return pair[0]


def jury_of(model: Model, session: Session, meant: Meant, stop: Stop, seed: int) -> Jury | str:
    """The model's tests; a sentence when too few are trusted, empty when the time was up."""
    calls = _calls(model, meant, stop, seed)
    trusted = _voted(model, meant, calls, stop, seed)
    if len(trusted) >= _LEAST_TRUSTED:
        return of_asserts(session.root, meant, trusted)
    if stop:
        return ""
    if not calls:
        return f"The model named no use of {plain(meant.function.qualname)} to vote on."
    return "The model's votes on what calls should give do not agree with each other."
