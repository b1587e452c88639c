"""A candidate's function bodies exchanged in memory: nothing is imported and nothing collected again.

Only what reads the same afterwards as a fresh import would is exchanged; everything else is refused, with the reason,
and runs the long way. Runs inside the sandbox in the user's interpreter (Python 3.9 to 3.14); standard library only.
"""

from __future__ import annotations
import __future__ as futures

import ast
import bisect
import gc
import io
import os
import sys
import tokenize
import types
from typing import Any, Dict, FrozenSet, Iterator, List, Optional, Tuple

Place = Tuple[str, int, str]
"""File, first line and name of a code object: what tells one function of a project from another."""
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_COMPILERS = ("numba", "torch", "cython", "triton", "taichi")
"""Libraries whose decorators read a function's source or bytecode when it is defined."""
_ANNOTATIONS = int(futures.annotations.compiler_flag)
"""The only `from __future__` import that still changes what code means."""


class Refused(Exception):
    """This edit cannot be made in memory; the message says why."""


class Slot:
    """The lines of one function of a file, with the headers of the blocks that it stands in."""

    def __init__(self, first: int, last: int, node: Any, headers: Tuple[Tuple[int, str, str], ...]) -> None:
        self.first, self.last, self.node, self.headers = first, last, node, headers


class Original:
    """One file as it was imported: its text and its functions, those inside other functions aside."""

    def __init__(self, data: bytes) -> None:
        self.text = text_of(data)
        lines = self.text.split("\n")
        self._starts = [0]
        for line in lines:
            self._starts.append(self._starts[-1] + len(line) + 1)
        tree: Any = ast.parse(self.text)
        self._slots = list(_slots(tree.body, len(lines), (), lines))

    def slot_of(self, new: str) -> Tuple[Slot, str]:
        """The one function that holds every change, and its text in the new file. Raises Refused."""
        head, last = self._changed(new)
        for slot in self._slots:
            inside = slot.first <= head + 1 and last <= slot.last if head < last else slot.first <= head <= slot.last
            if inside:
                grown = len(new) - len(self.text)
                return slot, new[self._starts[slot.first - 1] : self._starts[slot.last] + grown]
        raise Refused("the edit is not inside one function")

    def _changed(self, new: str) -> Tuple[int, int]:
        """How many lines at the beginning are equal, and the last of the original that differs.

        Texts are long and candidates many: they are compared by halves, and only what differs line by line.
        """
        old = self.text
        start = old.rfind("\n", 0, _equal(old, new)) + 1
        end, after = len(old), len(new)
        tail = _equal(old[start:], new[start:], backwards=True)
        end, after = end - tail, after - tail
        if not (_at_line(old, end) and _at_line(new, after)):
            end = old.find("\n", end) + 1 or len(old)
        return bisect.bisect_right(self._starts, start) - 1, bisect.bisect_left(self._starts, end)


class Functions:
    """The project's functions as they were imported, found by their code."""

    def __init__(self, root: str, ran: FrozenSet[Place]) -> None:
        self._root = root
        self._ran = ran
        self._live: Dict[Place, List[Any]] = {}
        self._originals: Dict[str, Optional[Original]] = {}
        self._bytes = dict(_loaded(root))
        for found, code in _functions():
            if code.co_filename in self._bytes:
                self._live.setdefault(_place(code), []).append(found)
        self._exchanged: List[Tuple[Any, Any]] = []
        """Functions with the code that they had."""
        self._compilers = [name for name in _COMPILERS if name in sys.modules]

    def read(self, path: str) -> None:
        """Parse a file as it was imported, once, so that no child needs to."""
        file = os.path.join(self._root, path)
        if file in self._bytes and file not in self._originals:
            try:
                self._originals[file] = Original(self._bytes[file])
            except (SyntaxError, ValueError, LookupError, RecursionError, MemoryError):
                self._originals[file] = None

    def exchange(self, path: str) -> None:
        """Give the functions of a file the bodies that now stand on disk. Raises Refused."""
        file = os.path.join(self._root, path)
        if file not in self._bytes:
            return  # not imported yet: whoever imports it reads the disk
        original = self._originals.get(file)
        if original is None:
            raise Refused("%s could not be parsed" % path)
        with open(file, "rb") as stream:
            try:
                new = text_of(stream.read())
            except (SyntaxError, ValueError, LookupError) as error:
                raise Refused("%s cannot be decoded" % path) from error
        if new == original.text:
            return
        slot, text = original.slot_of(new)
        live = self._of(slot, file)
        flags = live[0].__code__.co_flags & _ANNOTATIONS
        code = _compiled(slot, text, file, flags)
        if any(f.__code__.co_freevars != code.co_freevars for f in live):
            raise Refused("%s uses other variables of its surroundings" % slot.node.name)
        for function in live:
            self._exchanged.append((function, function.__code__))
            function.__code__ = code

    def put_back(self) -> None:
        """Give every function the body that it was imported with."""
        while self._exchanged:
            function, code = self._exchanged.pop()
            function.__code__ = code

    def _of(self, slot: Slot, file: str) -> List[Any]:
        """The function objects made from a slot. Raises Refused when something else may depend on the old body."""
        place = (file, slot.first, slot.node.name)
        if place in self._ran:
            raise Refused("%s ran while the project was imported" % slot.node.name)
        if slot.node.decorator_list and self._compilers:
            raise Refused("%s may have been compiled by %s" % (slot.node.name, self._compilers[0]))
        live = self._live.get(place, [])
        if not live:
            raise Refused("no function lives at %s:%d" % place[:2])
        return live


def _loaded(root: str) -> Iterator[Tuple[str, bytes]]:
    """The project's own files that are imported, as they stand; what a loader of its own made is left out."""
    for module in list(sys.modules.values()):
        file = str(getattr(module, "__file__", "") or "")
        if file.startswith(root + os.sep) and file.endswith(".py"):
            with open(file, "rb") as stream:
                yield file, stream.read()


def _functions() -> Iterator[Tuple[Any, Any]]:
    """Every function that lives, with its code; asking each for it is an audited event, and there are thousands."""
    every = [found for found in gc.get_objects() if type(found) is types.FunctionType]
    codes = [part for part in gc.get_referents(*every) if type(part) is types.CodeType]
    return zip(every, codes if len(codes) == len(every) else [found.__code__ for found in every])


def text_of(data: bytes) -> str:
    """A file's text, its lines ended as Python counts them."""
    encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
    return data.decode(encoding).replace("\r\n", "\n").replace("\r", "\n")


def _place(code: Any) -> Place:
    return code.co_filename, code.co_firstlineno, code.co_name


def _first(node: Any) -> int:
    return min([node.lineno] + [d.lineno for d in getattr(node, "decorator_list", [])])


def _slots(body: List[Any], end: int, headers: Tuple[Tuple[int, str, str], ...], lines: List[str]) -> Iterator[Slot]:
    """Functions that stand in modules, classes and plain blocks; blank lines and comments below belong to them."""
    for at, node in enumerate(body):
        last = _first(body[at + 1]) - 1 if at + 1 < len(body) else end
        if isinstance(node, _DEFINITIONS):
            if last >= (node.end_lineno or 0) and node.body[0].lineno > node.lineno:
                yield Slot(_first(node), last, node, headers)
        elif isinstance(node, ast.ClassDef):
            header = (node.lineno, _indent(lines[node.lineno - 1]) + "class %s:" % node.name, node.name)
            yield from _slots(node.body, last, headers + (header,), lines)
        elif isinstance(node, (ast.If, ast.Try, ast.With)):
            for block in _blocks(node):
                above = _first(block[0]) - 1
                header = (above, _indent(lines[node.lineno - 1]) + "if 1:", "")
                inner = block[-1].end_lineno or 0
                yield from _slots(block, inner, headers + (header,), lines)


def _blocks(node: Any) -> Iterator[List[Any]]:
    for name in ("body", "orelse", "finalbody"):
        if getattr(node, name, None):
            yield getattr(node, name)
    for handler in getattr(node, "handlers", []):
        yield handler.body


def _indent(line: str) -> str:
    return line[: len(line) - len(line.lstrip(" \t\f"))]


def _equal(one: str, other: str, backwards: bool = False) -> int:
    """How many characters at the beginning, or at the end, are the same."""
    least, most = 0, min(len(one), len(other))
    while least < most:
        middle = (least + most + 1) // 2
        if backwards:
            same = one[len(one) - middle : len(one) - least] == other[len(other) - middle : len(other) - least]
        else:
            same = one[least:middle] == other[least:middle]
        least, most = (middle, most) if same else (least, middle - 1)
    return least


def _at_line(text: str, at: int) -> bool:
    return at == 0 or text[at - 1] == "\n"


def _compiled(slot: Slot, text: str, file: str, flags: int) -> Any:
    """The slot's new code, at its own lines, compiled without the rest of the file."""
    above = [header for _, header, _ in slot.headers]
    try:
        tree: Any = ast.parse("\n".join([*above, text]) + "\n", file)
        body = tree.body
        for _ in slot.headers:
            if len(body) != 1 or not hasattr(body[0], "body"):
                raise Refused("the edit leaves its class or block")
            body = body[0].body
        if len(body) != 1 or _header(body[0]) != _header(slot.node):
            raise Refused("the edit changes more than the body of a function")
        code: Any = compile(tree, file, "exec", flags=flags, dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise Refused("the new text does not compile by itself") from error
    for name in [name for _, _, name in slot.headers if name] + [slot.node.name]:
        inner = [c for c in code.co_consts if isinstance(c, types.CodeType) and c.co_name == name]
        if len(inner) != 1:
            raise Refused("%s is not plainly there in the new code" % name)
        code = inner[0]
    return _lower(code, slot.first - 1 - len(above))


def _lower(code: Any, lines: int) -> Any:
    """The same code so many lines further down: its places are counted from its first line."""
    inner = tuple(_lower(one, lines) if isinstance(one, types.CodeType) else one for one in code.co_consts)
    return code.replace(co_firstlineno=code.co_firstlineno + lines, co_consts=inner)


def _header(node: Any) -> str:
    """Everything of a function that takes effect when it is defined."""
    if not isinstance(node, _DEFINITIONS):
        return ""
    parts: List[Any] = [*node.decorator_list, node.args, *([node.returns] if node.returns else [])]
    parts += getattr(node, "type_params", [])
    return type(node).__name__ + node.name + "".join(ast.dump(part) for part in parts)
