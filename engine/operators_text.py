"""Edits inside strings that are small languages of their own: regular expressions and format specifications."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from .nodes import called_name
from .scope import Edit, Scope

_REGEX_CALLS = frozenset(
    ("match", "search", "fullmatch", "compile", "sub", "subn", "findall", "finditer", "split", "replace", "contains")
)
_QUANTIFIER = re.compile(r"(?<!\\)([*+])(\??)")
_CLASSES = (
    ("a-z", "a-zA-Z"),
    ("A-Z", "a-zA-Z"),
    ("0-9", "0-9a-z"),
    (r"\w", r"\S"),
    (r"\w", r"[\w-]"),
    (r"\d", r"\d+"),
    (r"\s", r"\s*"),
)
_FIELD = re.compile(r"(?<!\{)\{([^{}:!]*)(![rsa])?(?::([^{}]*))?\}(?!\})")
_PERCENT = re.compile(r"%([-+ 0#]*)(\d*)(?:\.(\d+))?([sdrfgx])")
_SPECS = (".2f", ",", ".1f", "02d", ".0f", ".0%")
_MOST_TEXT = 200
_MARKS = ("-", " ", "_", ".", "/", ":", ",", "'", '"', "\n", "\t", "\\")
"""What texts are cleared of, one after another."""


def regex(node: ast.Constant, scope: Scope) -> Iterator[Edit]:
    """Anchors, greediness, one more or fewer, wider classes; each must still be a regular expression."""
    call = scope.parents.get(node)
    if not isinstance(node.value, str) or not isinstance(call, ast.Call) or call.args[:1] != [node]:
        return
    if called_name(call) not in _REGEX_CALLS or len(node.value) > _MOST_TEXT:
        return
    for pattern, weight in dict(_patterns(node.value)).items():
        if pattern != node.value and _compiles(pattern):
            yield scope.put(node, _raw(pattern, scope.text(node)), weight)


def chain_again(node: ast.Call, scope: Scope) -> Iterator[Edit]:
    """`x.replace(".", "_").replace("[", "_")`: the same once more, for another mark."""
    method, around = _chained(node), scope.parents.get(scope.parents.get(node, node), node)
    if method is None or (around is not node and _chained(around) == method):
        return  # only the last of a chain goes on
    steps = list(_steps(node))
    others = {tuple(map(scope.text, step.args[1:])) for step in steps}
    if len(steps) < 2 or len(others) > 1:
        return
    known = {step.args[0].value for step in steps if isinstance(step.args[0], ast.Constant)}
    end = scope.source.span(node)[1]
    rest = "".join(f", {scope.text(each)}" for each in node.args[1:])
    for rank, mark in enumerate(mark for mark in _MARKS if mark not in known):
        yield Edit(((end, end, f".{called_name(node)}({_quoted(mark)}{rest})"),), 0.95**rank)


def _chained(node: ast.AST) -> str | None:
    """The method's name, where its first argument is a text and another may follow."""
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute) or node.keywords:
        return None
    first = node.args[0] if node.args else None
    return node.func.attr if isinstance(first, ast.Constant) and isinstance(first.value, str) else None


def _steps(node: ast.Call) -> Iterator[ast.Call]:
    """The calls of this method that one text goes through, the last first."""
    step: ast.expr = node
    while isinstance(step, ast.Call) and isinstance(step.func, ast.Attribute) and _chained(step) == _chained(node):
        yield step
        step = step.func.value


def _quoted(mark: str) -> str:
    text = repr(mark)
    return text if '"' in mark else f'"{text[1:-1]}"'


def _patterns(pattern: str) -> Iterator[tuple[str, float]]:
    yield pattern.removeprefix("^"), 0.8
    yield pattern.removesuffix("$"), 0.8
    yield f"^{pattern}", 0.8
    yield f"{pattern}$", 1.0
    yield f"^{pattern}$", 1.0
    yield rf"\b{pattern}\b", 0.6
    for found in _QUANTIFIER.finditer(pattern):
        sign, lazy = found.groups()
        head, tail = pattern[: found.start()], pattern[found.end() :]
        if tail:  # a lazy end matches as little as it can: nothing
            yield f"{head}{sign}{'' if lazy else '?'}{tail}", 1.0
        yield f"{head}{'*' if sign == '+' else '+'}{lazy}{tail}", 0.8
        yield f"{head}{tail}", 0.3
    for old, new in _CLASSES:
        if old in pattern and new not in pattern:
            yield pattern.replace(old, new), 0.5
    yield re.sub(r"(?<!\\)\.(?![*+?])", r"\\.", pattern), 0.9
    yield f"(?i){pattern}", 0.3


def _compiles(pattern: str) -> bool:
    try:
        re.compile(pattern)
    except (re.error, RecursionError, OverflowError):
        return False
    return True


def _raw(pattern: str, like: str) -> str:
    quote = '"' if '"' in like and '"' not in pattern else "'"
    plain = quote not in pattern and "\n" not in pattern and not pattern.endswith("\\")
    return f"r{quote}{pattern}{quote}" if plain and "\\" in pattern else repr(pattern)


def format_spec(node: ast.Constant | ast.JoinedStr, scope: Scope) -> Iterator[Edit]:
    """`{x}` to `{x:.2f}`, `.1f` to `.2f`, `{x!r}` and back, `%d` to `%s`: how a value is written."""
    parent = scope.parents.get(node)
    if isinstance(parent, ast.JoinedStr | ast.FormattedValue | ast.Expr):
        return
    text = scope.text(node)
    if len(text) > _MOST_TEXT or not (isinstance(node, ast.JoinedStr) or isinstance(node.value, str)):
        return
    formatted = isinstance(node, ast.JoinedStr) or isinstance(parent, ast.Attribute)
    edits = _fields(text) if formatted else _percents(text) if isinstance(parent, ast.BinOp) else ()
    for start, end, new, weight in edits:
        changed = text[:start] + new + text[end:]
        if changed != text:
            yield scope.put(node, changed, weight)


def _fields(text: str) -> Iterator[tuple[int, int, str, float]]:
    for field in _FIELD.finditer(text):
        name, conversion, spec = field.group(1), field.group(2) or "", field.group(3)
        at = field.span()
        for other in _SPECS if spec is None else _near_specs(spec):
            yield *at, f"{{{name}{conversion}:{other}}}", 1.0 if spec else 0.5
        if spec is not None:
            yield *at, f"{{{name}{conversion}}}", 0.8
        yield *at, f"{{{name}{'' if conversion else '!r'}{f':{spec}' if spec else ''}}}", 0.3


def _near_specs(spec: str) -> Iterator[str]:
    """One digit more or less, the other alignment, with and without thousands."""
    for digits in re.finditer(r"\d+", spec):
        for value in (int(digits.group()) + 1, int(digits.group()) - 1):
            if value >= 0:
                yield f"{spec[: digits.start()]}{str(value).zfill(len(digits.group()))}{spec[digits.end() :]}"
    for old, new in (("<", ">"), (">", "<"), ("^", "<"), (",", ""), ("f", "g"), ("d", "")):
        if old in spec:
            yield spec.replace(old, new)
    if "," not in spec and spec[-1:] == "f":
        yield "," + spec


def _percents(text: str) -> Iterator[tuple[int, int, str, float]]:
    for field in _PERCENT.finditer(text):
        flags, width, digits, kind = field.groups()
        head = f"%{flags}{width}"
        if digits is not None:
            for value in (int(digits) + 1, int(digits) - 1):
                if value >= 0:
                    yield *field.span(), f"{head}.{value}{kind}", 1.0
        for other in "sdrf":
            if other != kind:
                yield *field.span(), f"{head}{other}", 0.5
        if kind == "f" and digits is None:
            yield *field.span(), f"{head}.2f", 1.0
