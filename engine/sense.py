"""How much sense an edited expression makes before anything runs: kinds of values that fit, words that the code's own
name and docstring use. Only the order of the search depends on it: nothing is left out.
"""

from __future__ import annotations

import ast
import re
import warnings

from .kinds import clashes, kind, with_part
from .scope import Edit, Scope

_CLASH, _OTHER_KIND, _TOLD, _UNREAD = 0.03, 0.3, 1.6, 1.6
_MOST_TEXT = 400
_WORD = re.compile(r"[a-z]{3,}")
_NAME = re.compile(r"[A-Za-z_]\w*")
_STEM = 4


def sense(edit: Edit, node: ast.AST, scope: Scope) -> float:
    """A factor for the edit's prior."""
    factor = _told(edit, scope)
    if not isinstance(node, ast.expr):
        return factor
    new = _edited(edit, node, scope)
    if new is None:
        return factor
    if clashes(new, scope.known) or _clashes_around(node, new, scope):
        return factor * _CLASH
    old_kind, new_kind = kind(node, scope.known), kind(new, scope.known)
    if old_kind and new_kind and old_kind != new_kind and "none" not in (old_kind, new_kind):
        factor *= _OTHER_KIND
    return factor


def _clashes_around(node: ast.expr, new: ast.expr, scope: Scope) -> bool:
    """What it stands in cannot work on the new value, and could on the old one. A table of a thousand entries is not
    looked at: that would be done for every edit of every entry.
    """
    parent = scope.parents.get(node)
    if parent is None or isinstance(parent, ast.stmt) or _is_long(parent, scope):
        return False
    return clashes(with_part(parent, node, new), scope.known) and not clashes(parent, scope.known)


def _is_long(node: ast.AST, scope: Scope) -> bool:
    if not isinstance(node, ast.expr):
        return False
    start, end = scope.source.span(node)
    return end - start > _MOST_TEXT


def _edited(edit: Edit, node: ast.expr, scope: Scope) -> ast.expr | None:
    """The expression as the edit leaves it; None when it reaches outside it or leaves no expression."""
    start, end = scope.source.span(node)
    if end - start > _MOST_TEXT or any(low < start or high > end for low, high, _ in edit.splices):
        return None
    parts: list[str] = []
    at = start
    for low, high, text in sorted(edit.splices, key=lambda s: s[:2]):
        parts += [scope.source.slice(at, low), text]
        at = high
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse("(" + "".join([*parts, scope.source.slice(at, end)]) + "\n)", mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _told(edit: Edit, scope: Scope) -> float:
    """More for an edit that brings in a name which the function's own name or docstring speaks of, or a parameter that
    nothing reads.
    """
    if not scope.told and not scope.unread:
        return 1.0
    old = {word for low, high, _ in edit.splices for word in _NAME.findall(scope.source.slice(low, high))}
    new = {word for _, _, text in edit.splices for word in _NAME.findall(text)} - old
    spoken = any(_stems(word) & scope.told for word in new if word not in scope.uses)
    return (_TOLD if spoken else 1.0) * (_UNREAD if not new.isdisjoint(scope.unread) else 1.0)


def _stems(text: str) -> set[str]:
    return {word[:_STEM] for word in _WORD.findall(text.lower())}
