"""What verified candidates do on inputs that no test asks about: the same, or something else?

Inputs are call expressions: the tests' own recorded calls first, then those with one argument changed a little.
Outputs come from the sandbox; two candidates with equal outputs are one behaviour (S*, papers.md 8.4).
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from types import MappingProxyType

from ..sandbox.session import Session
from ..sandbox.types import CallResult, Limits
from .crew import in_both
from .nearby import defaulted, neighbours
from .protected import is_test_path
from .source import Function, Source
from .stop import Stop
from .trial import edits_of
from .typed import typed
from .types import Candidate, Evidence

_MOST_INPUTS = 48
_MOST_RECORDED, _MOST_MADE, _MOST_DEFAULTED = 16, 16, 4
_LIMITS = Limits(wall_s=8.0, cpu_s=8.0)
_EACH_S = 0.25
_SHARE, _LEAST_S = 3.0, 0.5
"""All candidates together take at most a third of the time that is left: what they confirm in comes after."""

_OPAQUE = re.compile(r"<(function|bound method) .*>|<.* object>")
"""What shows nothing of itself: a closure that was given back."""

Signature = tuple[tuple[str | None, str | None], ...]


@dataclass(frozen=True, slots=True)
class Inputs:
    """Call expressions for one module, the tests' own first."""

    path: str
    expressions: tuple[str, ...]
    recorded: tuple[str, ...]
    """Those that a test really made, also as they read without the arguments that are the default."""


@dataclass(frozen=True, slots=True)
class Cluster:
    """Candidates that gave the same output on every input."""

    members: tuple[int, ...]
    """Indices into the candidates, in their order."""
    outputs: Mapping[str, CallResult]


def inputs_for(
    evidence: Evidence, places: Iterable[tuple[str, str]], sources: Mapping[str, Source] = MappingProxyType({})
) -> tuple[Inputs, ...]:
    """Inputs for the functions at `places` (path, qualified name), and for those that the test calls itself.

    Of a function whose recorded calls cannot be made again, by type: what its source hints at, and what was seen.
    """
    calls = [call for test in (evidence.failing, *evidence.passing) for call in test.calls if call.text]
    direct = next(((c.path, c.function) for c in evidence.failing.calls if not is_test_path(c.path)), None)
    by_path: dict[str, list[str]] = defaultdict(list)
    shorter: dict[str, list[str]] = defaultdict(list)
    made: dict[str, list[str]] = defaultdict(list)
    wanted = [*sorted(set(places)), *([direct] if direct else [])]
    for place in dict.fromkeys(wanted):
        own = list(dict.fromkeys(call.text for call in calls if (call.path, call.function) == place))
        function = _function_at(place, sources)
        by_path[place[0]] += own[:_MOST_RECORDED]
        shorter[place[0]] += _defaulted(own[:_MOST_RECORDED], function)
        if not own:
            made[place[0]] += _made(evidence, place, function)
    paths = dict.fromkeys((*by_path, *made))
    every = ((path, (*_with_neighbours(by_path[path], shorter[path]), *made[path])) for path in paths)
    return tuple(Inputs(path, texts, (*by_path[path], *shorter[path])) for path, texts in every if texts)


def _function_at(place: tuple[str, str], sources: Mapping[str, Source]) -> Function | None:
    source = sources.get(place[0])
    return next((f for f in source.functions() if f.qualname == place[1]), None) if source is not None else None


def _defaulted(texts: Iterable[str], function: Function | None) -> list[str]:
    """Another default shows on these alone."""
    every = (defaulted(text, function) for text in texts) if function is not None else ()
    return list(islice(dict.fromkeys(text for text in every if text), _MOST_DEFAULTED))


def _made(evidence: Evidence, place: tuple[str, str], function: Function | None) -> list[str]:
    """Calls of the function by the types of its parameters."""
    seen = [c for test in (evidence.failing, *evidence.passing) for c in test.calls if (c.path, c.function) == place]
    return list(islice(typed(function, seen), _MOST_MADE)) if function is not None else []


def modules_of(inputs: Iterable[Inputs]) -> dict[str, str]:
    """Where each expression is evaluated."""
    return {text: group.path for group in inputs for text in group.expressions}


def _with_neighbours(texts: Sequence[str], shorter: Sequence[str]) -> tuple[str, ...]:
    """The recorded calls, those also shorter, then calls near them in turn, so that a few of each fit."""
    found = dict.fromkeys((*texts, *shorter))
    streams = [neighbours(text) for text in texts]
    while streams and len(found) < _MOST_INPUTS:
        for stream in list(streams):
            text = next(stream, None)
            if text is None:
                streams.remove(stream)
            elif len(found) < _MOST_INPUTS:
                found.setdefault(text)
    return tuple(found)


def cluster(
    session: Session, candidates: Sequence[Candidate], inputs: Sequence[Inputs], nodeid: str, stop: Stop
) -> tuple[Cluster, ...]:
    """Run every candidate on every input and group equal outputs; non-deterministic inputs are left out.

    Without usable inputs there is one cluster: nothing is known to differ.
    """
    each = max(stop.remaining_s / (_SHARE * max(len(candidates), 1)), _LEAST_S)

    def told(place: Session, candidate: Candidate) -> dict[str, CallResult]:
        return outputs(place, candidate, inputs, nodeid, stop.within(each))

    return grouped(in_both(session, candidates, told))


def grouped(rows: Sequence[Mapping[str, CallResult]]) -> tuple[Cluster, ...]:
    """Rows of outputs, one for each candidate, put together where they are equal."""
    unsteady = {text for row in rows for text, result in row.items() if result.exception in UNKNOWN}
    groups: dict[Signature, list[int]] = defaultdict(list)
    for index, row in enumerate(rows):
        signature = tuple((r.result, r.exception) for text, r in row.items() if text not in unsteady)
        groups[signature].append(index)
    steady = [{t: r for t, r in row.items() if t not in unsteady} for row in rows]
    return tuple(Cluster(tuple(members), steady[members[0]]) for members in groups.values())


def untold(count: int, clusters: Sequence[Cluster], called: bool, functions: Iterable[str]) -> str:
    """Why `count` candidates are told apart by the tests alone, in a sentence; empty where they were compared.

    `called`: there were calls to compare them on.
    """
    given = [result for cluster in clusters for result in cluster.outputs.values()]
    if count < 2 or len(clusters) > 1 or not all(_OPAQUE.fullmatch(shown(result)) for result in given):
        return ""
    names = " or ".join(dict.fromkeys(name.replace(".<locals>", "") for name in functions))
    named = f" of {names}" if names else ""
    why = (
        f"no call{named} gives the same twice"
        if called and not given
        else f"no call{named} can be made outside of its test"
    )
    return f"The {count} candidates that pass were compared by the tests alone: {why}."


def tells(given: Mapping[str, CallResult]) -> bool:
    """Some call gave a value that shows itself: equal outputs then mean something."""
    return any(result.result is not None and not _OPAQUE.fullmatch(result.result) for result in given.values())


UNKNOWN = frozenset(("NotDeterministic", "Crash"))
"""Names in place of an exception: the call said nothing."""


def outputs(
    session: Session, candidate: Candidate, inputs: Sequence[Inputs], nodeid: str, stop: Stop
) -> dict[str, CallResult]:
    """What a candidate gives on every input, by expression."""
    found: dict[str, CallResult] = {}
    for group in inputs:
        results = session.call(
            group.path,
            group.expressions,
            edits_of(candidate.patch),
            nodeids=(nodeid,),
            limits=replace(_LIMITS, wall_s=min(_LIMITS.wall_s, max(stop.remaining_s, 0.5))),
            each_s=_EACH_S,
            cancelled=lambda: stop.cancelled,
        )
        found |= {result.expression: result for result in results}
    return found


def difference(one: Cluster, other: Cluster, besides: Collection[str] = ()) -> str | None:
    """The plainest input on which two behaviours differ: no exception if possible, then the shortest.

    `besides`: inputs of which nothing is left to ask.
    """
    common = [t for t in one.outputs if t in other.outputs and t not in besides]
    differing = [t for t in common if shown(one.outputs[t]) != shown(other.outputs[t])]
    order = {text: i for i, text in enumerate(one.outputs)}

    def plainness(text: str) -> tuple[int, int, int]:
        raising = (one.outputs[text].exception is not None) + (other.outputs[text].exception is not None)
        return raising, len(text), order[text]

    return min(differing, key=plainness, default=None)


def shown(result: CallResult) -> str:
    """What a person reads: the value, or the exception."""
    return result.result if result.result is not None else f"raises {result.exception}"
