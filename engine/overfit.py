"""A candidate held against the old function: one that says something new exactly where the test looks is suspicious."""

from __future__ import annotations

import ast
from collections.abc import Mapping

from ..sandbox.types import CallResult
from .behaviour import inputs_for, outputs
from .case import Case
from .errors import BadInput
from .gate_facts import literals
from .source import Source
from .stop import Stop
from .types import Candidate, Origin, Patch

_FEWEST = 6
"""Inputs near the test's own that must agree with the old function before anything is said."""
_BRANCHES = ast.If | ast.IfExp | ast.Dict | ast.match_case | ast.BoolOp | ast.Compare


def overfit(case: Case, candidate: Candidate, stop: Stop) -> tuple[str, ...]:
    """One doubt, or none. Only a candidate that adds a branch on a literal of its own is held against the old code."""
    if candidate.origin is Origin.REVERT or stop or not _branches_anew(candidate):
        return ()
    source = case.sources.get(candidate.path)
    function = source.function_at(candidate.line) if source is not None else None
    if function is None:
        return ()
    inputs = inputs_for(case.evidence, [(candidate.path, function.qualname)], case.sources)
    asked = {text for group in inputs for text in group.recorded}
    session, nodeid = case.trial.session, case.evidence.nodeid
    before = outputs(session, Candidate(Patch(()), candidate.origin, ""), inputs, nodeid, stop)
    after = outputs(session, candidate, inputs, nodeid, stop)
    elsewhere = [text for text in before if text not in asked]
    changed = {text for text in before if _differ(text, before, after)}
    if len(elsewhere) >= _FEWEST and changed and changed <= asked:
        return ("it differs from the old code only on the test's own inputs",)
    return ()


def _differ(text: str, before: Mapping[str, CallResult], after: Mapping[str, CallResult]) -> bool:
    old, new = before[text], after.get(text)
    return new is not None and (old.result, old.exception) != (new.result, new.exception)


def _branches_anew(candidate: Candidate) -> bool:
    """More places that decide than before, and a literal that was not there."""
    for change in candidate.patch.files:
        try:
            old, new = (Source.parse(change.path, data).tree for data in (change.before, change.after))
        except BadInput:
            continue
        counts = [sum(isinstance(n, _BRANCHES) for n in ast.walk(tree)) for tree in (old, new)]
        if counts[1] > counts[0] and literals(new) - literals(old):
            return True
    return False
