"""What an exception means where it was raised: which of the line's names held what made Python raise it.

One sentence, of values that the probe recorded, and only where they account for the exception: nothing is said of a
line on which two names might be meant, nor of a value whose recorded text was cut.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import cast

from ..sandbox.types import Failure, Frame, TestResult, Trace
from .dataflow import statements
from .origin import passed, went_on, writer
from .protected import is_test_path
from .source import FunctionNode, Source
from .types import Evidence

_MOST_VALUE = 120
_NO_ATTRIBUTE = re.compile(r"'(\w+)' object has no attribute '(\w+)'")
_NOT_SO = re.compile(r"'(\w+)' object is not (subscriptable|iterable|callable)")
_OPERANDS = re.compile(r"unsupported operand type\(s\) for [^:]+: '(\w+)' and '(\w+)'")
_JOINED = re.compile(r"can only concatenate (\w+) \(not \"(\w+)\"\) to")
_QUOTED = re.compile(r"'(\w+)'")
_CUT = object()
"""A recorded text that is no literal, or not all of it."""


@dataclass(frozen=True, slots=True)
class _Scene:
    """The innermost frame of the project, its values, and the expressions of the line that raised."""

    failure: Failure
    frame: Frame
    values: Mapping[str, str]
    nodes: tuple[ast.AST, ...]
    trace: Trace | None
    ran: frozenset[int]
    """Lines of its file that the test ran."""
    sources: Mapping[str, Source]

    def value(self, node: ast.AST) -> object:
        """What a name held, or what a literal is; _CUT where that is not known."""
        if isinstance(node, ast.Name):
            return _literal(self.values.get(node.id, "…"))
        return _literal(ast.unparse(node))

    def tell(self, node: ast.AST) -> str:
        """`` `user` is None, (written by app.py:3 `user = find(name)`) ``"""
        if not isinstance(node, ast.Name):
            return f"`{ast.unparse(node)}`"
        value = self.values[node.id]
        return f"`{node.id}` is {value[:_MOST_VALUE]}{'…' * (len(value) > _MOST_VALUE)}{self._origin(node.id, value)}"

    def _origin(self, name: str, value: str) -> str:
        """The last line of the running function that wrote it, else who passed it."""
        every = self.trace.activations if self.trace is not None else ()
        last = max((i for i, one in enumerate(every) if self._is_here(one.path, one.function)), default=-1)
        if self.trace is None or last < 0:
            return ""
        about = (self.trace, last, self.frame.line, name, value, statements(self.sources[self.frame.path]))
        if (line := writer(*about)) is not None:
            return self._place(" (written by {})", self.frame.path, line)
        place = passed(*about)
        return self._place(" (passed by {})", *place) if place is not None else ""

    def _is_here(self, path: str, function: str) -> bool:
        return (path, function.split(".")[-1]) == (self.frame.path, self.frame.function.split(".")[-1])

    def _place(self, words: str, path: str, line: int) -> str:
        source = self.sources.get(path)
        return words.format(f"{path}:{line} `{source.line_text(line).strip()}`") if source is not None else ""


def meaning(evidence: Evidence, sources: Mapping[str, Source]) -> Iterator[str]:
    """At most one sentence: `KeyError here: `prices` is {'tea': 3} and has no key 'tax'`."""
    failure = evidence.failing.failure
    explain = _READERS.get(failure.exception) if failure is not None else None
    scene = _scene(evidence.failing, failure, sources) if failure is not None else None
    if explain is not None and scene is not None and len(said := list(dict.fromkeys(explain(scene)))) == 1:
        yield f"{scene.failure.exception} here: {said[0]}"


def edited(evidence: Evidence, changed: Mapping[tuple[str, int], str]) -> Iterator[str]:
    """The user's edit that may have done it: one that holds the line that raised. Only a reversal would prove it."""
    failure = evidence.failing.failure
    outside = [frame for frame in failure.frames if not is_test_path(frame.path)] if failure is not None else []
    if outside and (why := changed.get((outside[-1].path, outside[-1].line))):
        yield f"a hypothesis: your edit did it, for {outside[-1].path}:{outside[-1].line} raised, and {why}"


def _scene(test: TestResult, failure: Failure, sources: Mapping[str, Source]) -> _Scene | None:
    """None where what the frame's names hold is not what they held when it raised."""
    frame = next((one for one in reversed(failure.frames) if not one.path.startswith("/")), None)
    if frame is None or frame != failure.frames[-1] or (source := sources.get(frame.path)) is None:
        return None
    ran = frozenset(dict(test.lines).get(frame.path, ()))
    if went_on(source, frame.line, ran):
        return None
    nodes = tuple(node for node in ast.walk(source.tree) if getattr(node, "lineno", 0) == frame.line)
    return _Scene(failure, frame, dict(frame.locals), nodes, test.trace, ran, sources)


def _attribute(scene: _Scene) -> Iterator[str]:
    found = _NO_ATTRIBUTE.search(scene.failure.message)
    if found is None:
        return
    for node in scene.nodes:
        if isinstance(node, ast.Attribute) and node.attr == found[2] and _is_a(scene, node.value, found[1]):
            yield f"{scene.tell(node.value)} and has no attribute `{node.attr}`"


def _type(scene: _Scene) -> Iterator[str]:
    if found := _NOT_SO.search(scene.failure.message):
        for node in scene.nodes:
            held = _held(node, found[2])
            if held is not None and _is_a(scene, held, found[1]):
                yield f"{scene.tell(held)} and is not {found[2]}"
    elif found := _OPERANDS.search(scene.failure.message) or _JOINED.search(scene.failure.message):
        for node in scene.nodes:
            if isinstance(node, ast.BinOp) and _is_a(scene, node.left, found[1]) and _is_a(scene, node.right, found[2]):
                yield f"{scene.tell(node.left)} and {scene.tell(node.right)}: `{ast.unparse(node)}` does not take both"


def _held(node: ast.AST, wanted: str) -> ast.expr | None:
    """What the line takes an item of, goes through, or calls."""
    if wanted == "subscriptable":
        return node.value if isinstance(node, ast.Subscript) else None
    if wanted == "callable":
        return node.func if isinstance(node, ast.Call) else None
    return node.iter if isinstance(node, ast.For | ast.AsyncFor) else None


def _key(scene: _Scene) -> Iterator[str]:
    """Nothing where the key may have been missing in something that is not known: `a[k] = self.b[k]`."""
    key = _literal(scene.failure.message)
    added = [node.target for node in scene.nodes if isinstance(node, ast.AugAssign)]
    taken = [node for node in scene.nodes if isinstance(node, ast.Subscript)]
    taken = [node for node in taken if not isinstance(node.ctx, ast.Store) or node in added]
    if key is _CUT or any(scene.value(node.value) is _CUT for node in taken):
        return
    for node in taken:
        held, asked = scene.value(node.value), scene.value(node.slice)
        lacks = isinstance(held, dict) and _lacks(cast("dict[object, object]", held), key)
        if lacks and isinstance(node.value, ast.Name) and asked in (key, _CUT):
            yield f"{scene.tell(node.value)} and has no key {scene.failure.message}"


def _lacks(held: Mapping[object, object], key: object) -> bool:
    """Not so of what can be no key at all, which a KeyError may name too."""
    try:
        return key not in held
    except TypeError:
        return False


def _index(scene: _Scene) -> Iterator[str]:
    for node in scene.nodes:
        if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name):
            held, at = scene.value(node.value), scene.value(node.slice)
            size = len(cast("list[object]", held)) if isinstance(held, list | tuple | str) else -1
            if size >= 0 and isinstance(at, int) and not -size <= at < size:
                index = f", and {scene.tell(node.slice)}" if isinstance(node.slice, ast.Name) else ""
                yield f"{scene.tell(node.value)} and has no item at {at}{index}"


def _zero(scene: _Scene) -> Iterator[str]:
    for node in scene.nodes:
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div | ast.FloorDiv | ast.Mod):
            if isinstance(node.right, ast.Name) and scene.value(node.right) == 0:
                yield f"{scene.tell(node.right)} and `{ast.unparse(node)}` divides by it"
            elif (empty := _measured(node.right)) is not None and scene.value(empty) in _EMPTY:
                yield f"{scene.tell(empty)} and `{ast.unparse(node)}` divides by how many it holds"


def _measured(node: ast.expr) -> ast.Name | None:
    """The `x` of `len(x)`."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "len" and len(node.args) == 1:
        return node.args[0] if isinstance(node.args[0], ast.Name) else None
    return None


def _unbound(scene: _Scene) -> Iterator[str]:
    """The lines that would have given the local name its value: none of them ran before this one."""
    found, source = _QUOTED.search(scene.failure.message), scene.sources[scene.frame.path]
    line = scene.frame.line
    around = [f for f in source.functions() if f.first_line <= line <= f.end_line]
    if found is None or not around:
        return
    below = list(_own(around[-1].node))
    own = [node for node in below if isinstance(node, ast.Name) and node.id == found[1]]
    stores = sorted({node.lineno for node in own if isinstance(node.ctx, ast.Store)})
    lost = any(isinstance(node.ctx, ast.Del) for node in own) or any(
        isinstance(node, ast.ExceptHandler) and node.name == found[1] for node in below
    )
    if stores and not lost and not scene.ran.intersection(stores):
        lines = " and ".join(f"line {n}" for n in stores[:3])
        yield f"`{found[1]}` gets a value in {lines} of `{around[-1].qualname}`, which had not run before it was read"


def _own(node: ast.AST) -> Iterator[ast.AST]:
    """What is below it, without what has names of its own."""
    for child in ast.iter_child_nodes(node):
        yield child
        if not isinstance(
            child,
            FunctionNode | ast.ClassDef | ast.Lambda | ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp,
        ):
            yield from _own(child)


def _recursion(scene: _Scene) -> Iterator[str]:
    """The last of the calls shows where it was going."""
    function = next((node for node in scene.nodes if isinstance(node, FunctionNode)), None)
    own = [frame for frame in scene.failure.frames if frame.function == scene.frame.function]
    if function is None and len(own) > 1 and scene.values:
        values = ", ".join(f"{name} = {value[:_MOST_VALUE]}" for name, value in list(scene.values.items())[:3])
        yield f"`{scene.frame.function}` calls itself without an end; in the last call {values}"


def _is_a(scene: _Scene, node: ast.expr, kind: str) -> bool:
    """A name that held such a value, or a literal that is one."""
    value = scene.value(node)
    return value is not _CUT and type(value).__name__ == kind


def _literal(text: str) -> object:
    try:
        value: object = ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return _CUT
    return value


_EMPTY: tuple[object, ...] = ([], (), {}, "")
_READERS: Mapping[str, Callable[[_Scene], Iterator[str]]] = {
    "AttributeError": _attribute,
    "TypeError": _type,
    "KeyError": _key,
    "IndexError": _index,
    "ZeroDivisionError": _zero,
    "UnboundLocalError": _unbound,
    "RecursionError": _recursion,
}
