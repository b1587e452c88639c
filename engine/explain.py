"""Why the test fails: facts from execution at once, then the model's prose grounded on them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from ..sandbox.types import Call, Failure, Frame
from .model import Model, Role, Sampling
from .patch import unified_diff
from .prompt import Target
from .prompt import explain as explain_prompt
from .protected import is_test_path
from .stop import Stop
from .support import Seen, supported
from .types import Candidate, Evidence, Explanation, Origin, Standing, Suspect

_MOST_VALUES = 6
_MOST_VALUE = 120
_MOST_TOKENS = 160
_MOST_SENTENCES = 5
_MOST_CALLS = 3
_BUILDING = frozenset(("__init__", "__new__", "__post_init__", "__repr__", "__str__"))
"""Methods that make or show an object: what they return says nothing of a failure."""


def from_facts(
    evidence: Evidence, suspects: tuple[Suspect, ...], traced: tuple[str, ...] = (), blocks: tuple[str, ...] = ()
) -> Explanation:
    """Expected and actual, the call and its values, where it surfaced, and a passing call beside it. No model."""
    failure = evidence.failing.failure
    if failure is None:
        return Explanation(evidence.trouble or "The test did not report why it fails.", *_place(evidence, suspects), ())
    facts = [*_comparison(failure), *_raised(failure), *_call_facts(evidence), *traced, *_frame_facts(failure)]
    facts += [evidence.trouble] if evidence.trouble else []
    where = _place(evidence, suspects)
    return Explanation(_summary(evidence, failure), *where, tuple(dict.fromkeys(facts)), trace=blocks)


def with_repair(explanation: Explanation, candidate: Candidate) -> Explanation:
    """A verified repair settles the place: what was a suspicion is confirmed."""
    first = (
        f"This edit did it: {candidate.description.removeprefix('take back ')}."
        if candidate.origin is Origin.REVERT
        else ""
    )
    return replace(
        explanation,
        summary=f"{first} {explanation.summary}".strip(),
        file=candidate.path or explanation.file,
        line=candidate.line or explanation.line,
        standing=Standing.CONFIRMED,
    )


def write_prose(
    model: Model, target: Target, repair: Candidate | None, stop: Stop, said: Callable[[str], None] | None = None
) -> str:
    """The model's explanation: at most five sentences, none of them twice, none naming what nobody saw.

    Empty when it was stopped before the first or when nothing it says is supported. `said` hears what there is so far,
    each time that a sentence is whole and supported.
    """
    diff = unified_diff(repair.patch) if repair is not None else ""
    sampling = Sampling(n=1, temperature=0.0, max_tokens=_MOST_TOKENS, stop=("```", "\n\n"), role=Role.AUDITOR)
    evidence = seen(target, repair)
    hear = _hearing(evidence, said) if said is not None else None
    completions = model.sample(explain_prompt(target, diff), sampling, stop, hear)
    return _sentences(completions[0].text, evidence) if completions else ""


def _hearing(evidence: Seen, said: Callable[[str], None]) -> Callable[[int, str], None]:
    """For pieces as they come: a sentence is whole when something follows it."""
    text = told = ""

    def hear(_number: int, piece: str) -> None:
        nonlocal text, told
        text += piece
        whole = _sentences(text[: len(text) - len(text.split(" ")[-1])], evidence)
        if whole != told:
            told = whole
            said(whole)

    return hear


def seen(target: Target, repair: Candidate | None) -> Seen:
    """What a model was shown: its words are held against this."""
    texts = (*target.facts, target.text, target.test, target.source.path, target.function.qualname)
    if repair is None:
        return Seen.of(texts)
    return Seen.of((*texts, repair.description, *_changed(unified_diff(repair.patch))), (repair.line,))


def _changed(diff: str) -> Iterator[str]:
    """Its lines of code: what stands before them, as in `@@ -7,4 +7,5 @@`, is no value."""
    return (line[1:] for line in diff.splitlines() if not line.startswith(("+++", "---", "@@")))


def sentences(text: str) -> tuple[str, ...]:
    """Whole ones, each once: a small model's last one is often cut, and it likes to say things again."""
    found = re.findall(r"\S.*?[.!?](?=\s|$)", " ".join(text.split()))
    return tuple(sentence for sentence in dict.fromkeys(found) if _says(sentence))


def _sentences(text: str, evidence: Seen) -> str:
    kept = [sentence for sentence in sentences(text) if supported(sentence, evidence)]
    return " ".join(kept[:_MOST_SENTENCES])


def _says(sentence: str) -> bool:
    """More than the number of an item."""
    return any(c.isalpha() for c in sentence)


def _summary(evidence: Evidence, failure: Failure) -> str:
    if evidence.failing.phase == "collect":
        return f"{evidence.nodeid} cannot be collected: {failure.exception}: {_first_line(failure.message)}"
    if evidence.failing.phase in ("setup", "teardown"):
        return f"A fixture fails in {evidence.failing.phase}: {failure.exception}: {_first_line(failure.message)}"
    call = _compared_call(evidence)
    if call is not None and call.result is not None:
        return f"`{_shown(call)}` returned {_short(call.result)}; the test compares {_sides(failure)}."
    if failure.operator is not None:
        return f"The test compares {_sides(failure)}, and that does not hold."
    if failure.exception == "TestTimeout":
        return f"The test does not end: it was interrupted in {_where(failure)}."
    if failure.exception == "MemoryError":
        return f"The test uses up all memory that it may have: it ran out in {_where(failure)}."
    if failure.exception == "AssertionError":
        return f"An assertion does not hold: {_first_line(failure.message) or _source(failure)}"
    return f"{failure.exception} in {_where(failure)}: {_first_line(failure.message)}".removesuffix(": ")


def _sides(failure: Failure) -> str:
    return f"`{_short(failure.left or '')} {failure.operator} {_short(failure.right or '')}`"


def _comparison(failure: Failure) -> Iterator[str]:
    if failure.operator == "==":
        yield f"the test expects {_short(failure.right or '')}, and got {_short(failure.left or '')}"
    elif failure.operator is not None:
        yield f"the test needs {_sides(failure)} to be true"


def _raised(failure: Failure) -> Iterator[str]:
    if failure.exception not in ("AssertionError", "TestTimeout", "MemoryError"):
        yield f"{failure.exception} was raised: {_first_line(failure.message)}"


def _call_facts(evidence: Evidence) -> Iterator[str]:
    """The last calls of project functions in the failing test, then a passing call of the one that it compares."""
    own, compared = _telling(evidence.failing.calls), _compared_call(evidence)
    last = own[-_MOST_CALLS:]
    if compared is not None and not any(call is compared for call in last):
        last = [compared, *last[1:]]
    for call in last:
        yield f"`{_shown(call)}` {_gave(call)}"
    subject = compared or next(reversed(own), None)
    if subject is not None:
        others = (call for test in evidence.passing for call in _telling(test.calls) if _same_function(call, subject))
        other = next((call for call in others if call.arguments != subject.arguments), None)
        if other is not None:
            yield f"in a passing test `{_shown(other)}` {_gave(other)}"


def _frame_facts(failure: Failure) -> Iterator[str]:
    for frame in _innermost(failure):
        yield f"{frame.path}:{frame.line} in {frame.function}: `{frame.source}`"
        if frame.locals:
            values = (f"{name} = {_short(value)}" for name, value in frame.locals[:_MOST_VALUES])
            yield f"there {', '.join(values)}"


def _innermost(failure: Failure) -> list[Frame]:
    """The deepest frame, and the deepest outside the tests when that is another."""
    outside = [frame for frame in failure.frames if not is_test_path(frame.path)]
    chosen = [*outside[-1:], *failure.frames[-1:]]
    return list(dict.fromkeys(chosen))


def _telling(calls: Iterable[Call]) -> list[Call]:
    """Of project functions outside the tests, those that ended and whose end says something."""
    return [
        call
        for call in calls
        if not is_test_path(call.path)
        and call.function.rpartition(".")[2] not in _BUILDING
        and (call.result is not None or call.exception is not None)
    ]


def _same_function(one: Call, other: Call) -> bool:
    return (one.path, one.function) == (other.path, other.function)


def _compared_call(evidence: Evidence) -> Call | None:
    """The last call that returned what the test looks at: of `==` the left side, of `in` the right one."""
    failure = evidence.failing.failure
    if failure is None or failure.operator is None:
        return None
    looked_at = {"==": (failure.left,), "in": (failure.right,), "not in": (failure.right,)}
    sides = looked_at.get(failure.operator, (failure.left, failure.right))
    own = _telling(evidence.failing.calls)[::-1]
    return next((call for side in sides for call in own if call.result is not None and call.result == side), None)


def _shown(call: Call) -> str:
    return f"{call.function}({', '.join(f'{name}={_short(value)}' for name, value in call.arguments)})"


def _gave(call: Call) -> str:
    if call.exception is not None:
        return f"raised {call.exception}"
    return f"returned {_short(call.result or '')}"


def _where(failure: Failure) -> str:
    frames = _innermost(failure)
    return f"{frames[0].path}:{frames[0].line}" if frames else "code outside the project"


def _source(failure: Failure) -> str:
    return failure.frames[-1].source if failure.frames else ""


def _place(evidence: Evidence, suspects: tuple[Suspect, ...]) -> tuple[str, int]:
    if suspects:
        return suspects[0].path, suspects[0].line
    failure = evidence.failing.failure
    frames = failure.frames if failure is not None else ()
    return (frames[-1].path, frames[-1].line) if frames else (evidence.nodeid.split("::")[0], 1)


def _first_line(text: str) -> str:
    return text.strip().splitlines()[0] if text.strip() else ""


def _short(text: str) -> str:
    return text if len(text) <= _MOST_VALUE else f"{text[: _MOST_VALUE - 1]}…"
