"""Edits that supply what is missing: an attribute, a parameter, an argument that is passed on, the rest of a tuple."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import cast

from .lacking import Missing, suppliers
from .nodes import argument_names, called_name
from .operators_name import similarity
from .operators_stmt import insert, owns_lines
from .operators_undefined import is_undefined
from .scope import Edit, Scope, expression
from .source import FunctionNode, Source, Splice

_USUAL = ("None", "False", "0", "''")
_EMPTY = ("[]", "{}", "set()", "True")
_SPREAD = {"args": "*args", "kwargs": "**kwargs", "kw": "**kw", "options": "**options"}
_LONGEST = 40
"""Letters of a value that is taken over."""
_MOST_WAYS = 4


def missing_attribute(node: FunctionNode, scope: Scope) -> Iterator[Edit]:
    """`self.depth = 0` in `__init__`, as the attribute that is called most like it is set there."""
    lack = scope.lacking
    if lack is None or lack.what is not Missing.ATTRIBUTE or not _supplies(node, scope):
        return
    own = next((each.arg for each in (*node.args.posonlyargs, *node.args.args)), "self")
    known = [(similarity(name, lack.name), s, value) for s in node.body for name, value in _set_by(s, own)]
    _, anchor, value = max(known, key=lambda each: each[0], default=(0.0, node.body[-1], None))
    if not owns_lines(anchor, scope):
        return
    like = scope.text(value) if value is not None else ""
    given = (lack.name,) if lack.name in argument_names(node.args) else ()
    short = 0 < len(like) <= _LONGEST and len(like.splitlines()) == 1
    values = dict.fromkeys((*given, *((like,) if short else ()), *_USUAL, *_EMPTY))
    for rank, text in enumerate(values):
        yield insert(anchor, f"{own}.{lack.name} = {text}", scope, 0.9**rank, after=True)


def _set_by(statement: ast.stmt, own: str) -> Iterator[tuple[str, ast.expr]]:
    targets = statement.targets if isinstance(statement, ast.Assign) else ()
    targets = [statement.target] if isinstance(statement, ast.AnnAssign) else targets
    value = statement.value if isinstance(statement, ast.Assign | ast.AnnAssign) else None
    for target in targets:
        mine = isinstance(target, ast.Attribute) and isinstance(target.value, ast.Name) and target.value.id == own
        if isinstance(target, ast.Attribute) and mine and value is not None:
            yield target.attr, value


def missing_parameter(node: FunctionNode, scope: Scope) -> Iterator[Edit]:
    """A parameter that callers name, with the default that others of that name have; passed on where it can be."""
    lack = scope.lacking
    if lack is None or lack.what is not Missing.PARAMETER or not _supplies(node, scope):
        return
    if lack.name in argument_names(node.args):
        return
    takers = [s for call in _calls(node) for s in _takes_too(call, lack.name, scope)]
    for rank, default in enumerate(dict.fromkeys((*_defaults(lack.name, scope), *_USUAL))):
        edit = _with_parameter(node, f"{lack.name}={default}", scope, 0.9**rank)
        if takers:
            yield replace(edit, splices=(*edit.splices, *takers), note=f"{edit.note} and pass it on")
        yield replace(edit, weight=edit.weight * (0.8 if takers else 1.0))
    if node.args.kwarg is None:
        yield _with_parameter(node, "**kwargs", scope, 0.5)


def undefined_parameter(node: FunctionNode, scope: Scope) -> Iterator[Edit]:
    """A parameter for a name that the function reads and nothing defines: `**kwargs`, `sep=None`."""
    read = dict.fromkeys(n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load))
    for name in (name for name in read if is_undefined(name, node.body[0], scope)):
        if name in _SPREAD:
            yield _with_parameter(node, _SPREAD[name], scope, 1.0)
        else:
            defaults = dict.fromkeys((*_defaults(name, scope), "None"))
            yield from (_with_parameter(node, f"{name}={default}", scope, 0.5) for default in defaults)


def _calls(node: FunctionNode) -> Iterator[ast.Call]:
    return (each for statement in node.body for each in ast.walk(statement) if isinstance(each, ast.Call))


def _takes_too(call: ast.Call, name: str, scope: Scope) -> tuple[Splice, ...]:
    """What gives the called function of this file the parameter of that name, if it has one."""
    takes = _taken(call, scope)
    named = takes is not None and name in takes.names[len(call.args) :]
    return _given(call, [f"{name}={name}"], scope).splices if named else ()


def _supplies(node: FunctionNode, scope: Scope) -> bool:
    """By its line: what is kept of an equal text has other nodes."""
    return any(function.def_line == node.lineno for function in suppliers(scope.lacking, scope.source))


def _defaults(name: str, scope: Scope) -> Iterator[str]:
    """Of the parameters of that name in this file."""
    for function in scope.source.functions():
        given = function.node.args
        positional = [*given.posonlyargs, *given.args]
        pairs = [*zip(positional[::-1], given.defaults[::-1], strict=False)]
        pairs += [(arg, value) for arg, value in zip(given.kwonlyargs, given.kw_defaults, strict=True) if value]
        yield from (scope.text(value) for arg, value in pairs if arg.arg == name)


def _with_parameter(node: FunctionNode, text: str, scope: Scope, weight: float) -> Edit:
    source, given = scope.source, node.args
    note = f"give `{node.name}` the parameter `{text}`"
    if given.kwarg is not None:
        at = source.offset(given.kwarg.lineno, given.kwarg.col_offset) - len("**")
        return Edit(((at, at, f"{text}, "),), weight, block=node, note=note)
    ends = [*given.posonlyargs, *given.args, *given.kwonlyargs, *filter(None, (given.vararg,))]
    values = [*given.defaults, *filter(None, given.kw_defaults)]
    last = max((source.span(each)[1] for each in (*ends, *values)), default=0)
    kinds: Sequence[ast.AST] = getattr(node, "type_params", ())  # `def f[T: (int, str)]():`, from Python 3.12 on
    head = max((source.span(cast("ast.expr", each))[1] for each in kinds), default=source.span(node)[0])
    at = last or source.data.index(b"(", head) + 1
    return Edit(((at, at, f", {text}" if last else text),), weight, block=node, note=note)


def pass_on(node: ast.Call, scope: Scope) -> Iterator[Edit]:
    """Arguments that the called function of this file takes and its caller has under the same name: `f(a, sep=sep)`."""
    wanted = _forgotten(node, scope)
    if wanted:
        yield _given(node, wanted, scope)
    if len(wanted) > 1:
        yield from (_given(node, [each], scope, 0.5) for each in wanted)


def pass_on_everywhere(node: FunctionNode, scope: Scope) -> Iterator[Edit]:
    """The same in all calls of the function at once."""
    calls = {n: wanted for n in scope.nodes if isinstance(n, ast.Call) and (wanted := _forgotten(n, scope))}
    if node is scope.unit and len(calls) > 1:
        splices = (s for call, wanted in calls.items() for s in _given(call, wanted, scope).splices)
        yield Edit(tuple(splices), block=node, note=f"pass on what `{node.name}` is given, in {len(calls)} calls")


@dataclass(frozen=True, slots=True)
class _Takes:
    names: tuple[str, ...]
    """Parameters, a method's own object aside."""
    spread: bool
    """And any keyword."""


@lru_cache(64)
def _callables(source: Source) -> Mapping[tuple[bool, str], _Takes]:
    """What the functions and classes of a file take, by whether they are called as an attribute, and by name."""
    found: dict[tuple[bool, str], _Takes] = {}
    classes = {node.name for node in ast.walk(source.tree) if isinstance(node, ast.ClassDef)}
    for function in source.functions():
        *_, owner, name = ["", *function.qualname.split(".")]
        names = argument_names(function.node.args)
        spread = function.node.args.kwarg
        taken = tuple(each for each in names if spread is None or each != spread.arg)
        if owner not in classes:
            found[False, name] = _Takes(taken, spread is not None)
            continue
        found[True, name] = _Takes(taken[1:], spread is not None)
        if name == "__init__":
            found[False, owner] = found[True, name]
    return found


def _taken(call: ast.Call, scope: Scope) -> _Takes | None:
    """What the called function of this file takes; None for another, or where the call spreads its arguments."""
    spread = [k for k in call.keywords if k.arg is None] or [a for a in call.args if isinstance(a, ast.Starred)]
    known = _callables(scope.source)
    return known.get((isinstance(call.func, ast.Attribute), called_name(call))) if not spread else None


def _forgotten(node: ast.Call, scope: Scope) -> list[str]:
    """Keywords to add to a call: own parameters that the called function has too, and `**` where both have it."""
    takes = _taken(node, scope)
    if takes is None:
        return []
    given = {keyword.arg for keyword in node.keywords}
    spread = scope.unit.args.kwarg if isinstance(scope.unit, FunctionNode) else None
    filled = {*given, *takes.names[: len(node.args)], spread.arg if spread else ""}
    words = [f"{name}={name}" for name in scope.parameters if name in takes.names and name not in filled]
    return [*words, *([f"**{spread.arg}"] if spread and takes.spread else ())]


def _given(node: ast.Call, words: Sequence[str], scope: Scope, weight: float = 1.0) -> Edit:
    end = scope.source.span(node)[1] - 1
    comma = "" if scope.text(node)[:-1].rstrip().endswith((",", "(")) else ", "
    return Edit(((end, end, comma + ", ".join(words)),), weight)


@lru_cache(64)
def _keywords(source: Source) -> Mapping[str, tuple[tuple[tuple[str, str], ...], ...]]:
    """What calls of a function give by name, by the function's name: each way once."""
    found: dict[str, dict[tuple[tuple[str, str], ...], None]] = defaultdict(dict)
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Call) and node.keywords:
            pairs = tuple((k.arg, source.text(k.value)) for k in node.keywords if k.arg is not None)
            found[called_name(node)][pairs] = None
    return {name: tuple(ways) for name, ways in found.items() if name}


def same_keywords(node: ast.Call, scope: Scope) -> Iterator[Edit]:
    """What other calls of the function in this file give by name, and this one does not."""
    given = {keyword.arg for keyword in node.keywords}
    here = set(scope.names(node))
    for way in _keywords(scope.source).get(called_name(node), ())[:_MOST_WAYS]:
        missing = [f"{name}={text}" for name, text in way if name not in given and _reads(text) <= here]
        if missing and None not in given:
            yield _given(node, missing, scope)


def _reads(text: str) -> set[str]:
    tree = expression(text)
    return {n.id for n in ast.walk(tree) if isinstance(n, ast.Name)} if tree is not None else {""}


def short_tuple(node: ast.Return, scope: Scope) -> Iterator[Edit]:
    """`return None, None` where the function returns three things elsewhere."""
    if not isinstance(node.value, ast.Tuple) or not node.value.elts:
        return
    own = node.value.elts
    returned = [n.value for n in scope.nodes if isinstance(n, ast.Return) and isinstance(n.value, ast.Tuple)]
    longest = max(returned, key=lambda value: len(value.elts)).elts
    if len(longest) <= len(own):
        return
    end = scope.source.span(own[-1])[1]
    rest = ", ".join(scope.text(each) for each in longest[len(own) :])
    names = scope.names(node)[:12] if len(longest) == len(own) + 1 else ()
    for rank, text in enumerate(dict.fromkeys((rest, *names, "None"))):
        yield Edit(((end, end, f", {text}"),), 0.95**rank)
