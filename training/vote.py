"""Which of several answers to give when no test may decide: one of the largest group that behaves alike.

    the tests' own calls ─▶ calls near them ─▶ outputs of every answer ─equal─▶ groups ─▶ the largest, its first answer

What the calls ought to give is not looked at: RISE's majority without an oracle (arXiv 2407.18219), over outputs
instead of texts, as programs that are written differently may do the same.
"""

from __future__ import annotations

import ast
import doctest
from collections.abc import Iterator, Sequence
from itertools import chain, islice

from ..engine import behaviour
from ..engine.types import Candidate, FileChange, Origin, Patch
from .bench import MODULE, TESTS, Bench
from .practice import Case, Graded

_SECONDS = 60.0
_MOST, _NEAR = 12, 4
"""Calls of the tests, and calls near each."""


def voted(place: Bench, case: Case, answers: Sequence[Graded]) -> Graded | None:
    """The first answer of the largest group; None where no answer holds code."""
    usable = [each for each in answers if each.code]
    if len(usable) < 2:
        return usable[0] if usable else None
    calls = tuple(islice(_calls(case), _MOST))
    near = chain.from_iterable(islice(behaviour.neighbours(call), _NEAR) for call in calls)
    inputs = behaviour.Inputs(MODULE, tuple(dict.fromkeys((*calls, *near))), calls)
    with place.turn:
        groups = behaviour.cluster(
            place.session, [_candidate(case, each) for each in usable], [inputs], TESTS, place.stop.within(_SECONDS)
        )
    return usable[max(groups, key=lambda group: len(group.members)).members[0]]


def _calls(case: Case) -> Iterator[str]:
    """Calls of the function with plain values, in its tests and in its description's examples."""
    task = case.mistake.task
    examples = doctest.DocTestParser().get_examples(ast.get_docstring(case.function.node) or "")
    for text in (task.tests, *(each.source for each in examples)):
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == task.name and _plain(node):
                yield ast.unparse(node)


def _plain(call: ast.Call) -> bool:
    try:
        for value in (*call.args, *(each.value for each in call.keywords)):
            ast.literal_eval(value)
    except (ValueError, TypeError, SyntaxError, RecursionError):
        return False
    return True


def _candidate(case: Case, answer: Graded) -> Candidate:
    change = FileChange(MODULE, case.source.data, answer.code.encode())
    return Candidate(Patch((change,)), Origin.MODEL, "", "", 0.5, MODULE, case.function.def_line)
