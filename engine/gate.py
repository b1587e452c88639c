"""The static gate: what no candidate may do, seen before anything runs (design.md, rule 5).

Everything is a difference: what the user's file already does is the user's business. The gate is one line of
defence; the sandbox and the second run in a fresh interpreter are the others.
"""

from __future__ import annotations

import ast
import re
import sys
import textwrap
from collections.abc import Mapping
from pathlib import PurePosixPath

from . import gate_facts as facts
from .errors import BadInput
from .protected import is_protected
from .source import Source
from .types import Candidate, FileChange, Origin

_MOST_GROWTH = 200_000


def check(candidate: Candidate, originals: Mapping[str, bytes], test_source: str, examined: str = "") -> str | None:
    """The reason to refuse this candidate, as one clause; None if it may be tried.

    originals: the user's files by path, as they are now. test_source: the failing test's own text. examined: also the
    tables, fixtures and set-up that it draws on (examination.py).
    """
    for change in candidate.patch.files:
        reason = _path_reason(change, originals)
        if reason is None and candidate.origin is not Origin.REVERT:
            reason = _content_reason(change, test_source, examined)
        if reason is not None:
            return f"{change.path}: {reason}"
    return None if candidate.patch.files else "the patch changes no file"


def refuses_writing(candidate: Candidate) -> str | None:
    """The reason to refuse a body that was written for a stub: what it must not do, whatever it was asked for.

    Other than in a repair, a literal of the tests is no reason: a stub holds none, and its answers have to come from
    somewhere. `doubts` names them.
    """
    for change in candidate.patch.files:
        old, new = (_facts(change.path, data) for data in (change.before, change.after))
        reason = _capability_reason(old, new, change.path) or _hiding_reason(old, new, "")
        if reason is not None:
            return reason
    return None


def keeps_examples(change: FileChange) -> bool:
    """The doctests of a file are tests: each is there as before, in the same order."""
    before, after = ([line.strip() for line in data.splitlines()] for data in (change.before, change.after))
    old, new = (_examples(lines) for lines in (before, after))
    return old == new


def _examples(lines: list[bytes]) -> list[bytes]:
    """Prompts, and what follows them until an empty line or the end of the docstring."""
    found: list[bytes] = []
    inside = False
    for line in lines:
        inside = line.startswith(b">>>") or (inside and bool(line) and not line.startswith((b'"""', b"'''")))
        found += [line] if inside else []
    return found


def _path_reason(change: FileChange, originals: Mapping[str, bytes]) -> str | None:
    path = PurePosixPath(change.path)
    if not change.path or path.is_absolute() or ".." in path.parts or "\\" in change.path or "\0" in change.path:
        return "the path leaves the project"
    if is_protected(change.path):
        return "tests and their configuration are read-only to a repair"
    if change.path in originals and originals[change.path] != change.before:
        return "it was made for another version of the file"
    created = change.path not in originals
    if created and change.before:
        return "the file does not exist"
    if created and path.parts[0].removesuffix(".py") in sys.stdlib_module_names:
        return "a new file would hide a module of the standard library"
    return None


def doubts(candidate: Candidate, examined: str) -> tuple[str, ...]:
    """What an honest repair may do too, but a hard-coded answer always does: reasons to believe it less."""
    if candidate.origin is Origin.REVERT:
        return ()
    pairs = [
        (_facts(change.path, change.before), _facts(change.path, change.after)) for change in candidate.patch.files
    ]
    return tuple(doubt for old, new in pairs if (doubt := _literal_doubt(old, new, examined)) is not None)


def _facts(path: str, data: bytes) -> facts.Facts:
    try:
        return facts.read(Source.parse(path, data).tree)
    except BadInput:
        return facts.read(ast.Module([], []))


def _content_reason(change: FileChange, test_source: str, examined: str) -> str | None:
    if change.after == change.before:
        return "nothing changes"
    if not change.path.endswith(".py"):
        return "a repair edits Python sources only"
    if len(change.after) - len(change.before) > _MOST_GROWTH:
        return "the file grows by more than a repair needs"
    try:
        new = facts.read(Source.parse(change.path, change.after).tree)
    except BadInput as e:
        return f"it is not valid Python ({e})"
    old = _facts(change.path, change.before)
    return (
        _capability_reason(old, new, change.path)
        or _hiding_reason(old, new, test_source)
        or _literal_reason(old, new, test_source)
        or _table_reason(old, new, examined)
    )


def _capability_reason(old: facts.Facts, new: facts.Facts, path: str) -> str | None:
    own = {*PurePosixPath(path).parts[:-1]} - sys.stdlib_module_names
    for module in sorted(new.imports - old.imports):
        known = module.split(".")[0] in facts.PURE_MODULES | own
        if not known and not facts.is_under(module, old.imports):
            return f"it imports `{module}`"
    for name in _more(old.names, new.names):
        if name in facts.FORBIDDEN_NAMES and not (name in old.bound or name == "AssertionError"):
            return f"it uses `{name}`"
        if facts.is_dunder(name) and name not in facts.HARMLESS_DUNDERS:
            return f"it uses `{name}`"
    for name in _more(old.attributes, new.attributes):
        if name in facts.FORBIDDEN_ATTRIBUTES or (facts.is_dunder(name) and name not in facts.HARMLESS_DUNDERS):
            return f"it uses `.{name}`"
    for dotted in _more(old.module_members, new.module_members):
        if facts.may_not_be_used(dotted):
            return f"it uses `{dotted}`"
    for name in _more(old.definitions, new.definitions):
        if name.startswith("pytest") or (facts.is_dunder(name) and name not in facts.HARMLESS_DUNDERS):
            return f"it defines `{name}`"
    for name in sorted(new.shadowed - old.shadowed):
        return f"it defines `{name}`, which hides a builtin"
    for text in sorted(new.strings - old.strings):
        if re.search(r"__\w+__|pytest", text, re.IGNORECASE):
            return f"it holds the string {text[:40]!r}"
    return None


def _hiding_reason(old: facts.Facts, new: facts.Facts, test_source: str) -> str | None:
    """Smells, each with the count before and after."""
    if new.exits - old.exits and _asserts_inside_with(test_source):
        return "it changes what `__exit__` returns, and the test asserts inside a `with`"
    for smell, count in new.smells.items():
        if count > old.smells[smell]:
            return f"it {smell}"
    return None


def _literal_reason(old: facts.Facts, new: facts.Facts, test_source: str) -> str | None:
    """The test's own literals, asked for or given back: a repair must not know its examination."""
    fresh = {x for x in facts.literals(_parsed(test_source)) if x not in old.literals}
    asked = sum(new.cases.values()) > sum(old.cases.values())
    for literal in _more(old.cases, new.cases):
        if asked and literal in fresh:
            return f"it special-cases {literal}, which the test uses"
    for literal in _more(old.answers, new.answers):
        if literal in fresh:
            return f"it returns {literal}, which the test expects"
    return None


def _table_reason(old: facts.Facts, new: facts.Facts, examined: str) -> str | None:
    """The case and the answer, both from what the test draws on; or a case pinned between two bounds."""
    fresh = {x for x in facts.literals(_parsed(examined)) if x not in old.literals}
    asked = sum(new.cases.values()) > sum(old.cases.values())
    cases = [x for x in _more(old.cases, new.cases) if asked and x in fresh]
    answers = [x for x in _more(old.answers, new.answers) if x in fresh]
    rows = sorted((case, answer) for case, answer in new.rows - old.rows if case in fresh and answer in fresh)
    if rows or (cases and answers):
        case, answer = rows[0] if rows else (cases[0], answers[0])
        return f"it special-cases {case} and answers {answer}, which the test's own tables hold"
    more_pins = sum(new.pinned.values()) > sum(old.pinned.values())
    pinned = next((x for x in _more(old.pinned, new.pinned) if more_pins and x in fresh), None)
    return f"it special-cases {pinned} between two bounds, and the test uses it" if pinned is not None else None


def _literal_doubt(old: facts.Facts, new: facts.Facts, examined: str) -> str | None:
    fresh = {x for x in facts.literals(_parsed(examined)) if x not in old.literals}
    asked = sum(new.cases.values()) > sum(old.cases.values())
    known = [x for x in _more(old.cases, new.cases) if asked and x in fresh]
    known += [x for x in _more(old.answers, new.answers) if x in fresh]
    return f"it holds {known[0]}, which the test draws on" if known else None


def _asserts_inside_with(test_source: str) -> bool:
    """An exception that the `with` block swallows may be the test's own verdict."""
    blocks = [n for n in ast.walk(_parsed(test_source)) if isinstance(n, ast.With | ast.AsyncWith)]
    inside = [n for block in blocks for statement in block.body for n in ast.walk(statement)]
    called = (n.attr for n in inside if isinstance(n, ast.Attribute))
    return any(isinstance(n, ast.Assert) for n in inside) or any(name.startswith("assert") for name in called)


def _parsed(test_source: str) -> ast.Module:
    try:
        return ast.parse(textwrap.dedent(test_source))
    except (SyntaxError, ValueError):
        return ast.Module([], [])


def _more(old: Mapping[str, int], new: Mapping[str, int]) -> list[str]:
    """What occurs more often than before, in a settled order."""
    return sorted(name for name, count in new.items() if count > old.get(name, 0))
