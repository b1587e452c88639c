"""A Python file as exact bytes: syntax-tree positions become byte spans, and edits touch nothing else.

`ast` counts columns in UTF-8 bytes of the decoded line; the file may be Latin-1, start with a BOM, end its lines
with CRLF or hold form feeds. Everything here answers in offsets into the bytes as they lie on disk.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
import warnings
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from .errors import BadInput, BadSyntax

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef
Splice = tuple[int, int, str]
"""Start and end byte in the original file, and the text that takes their place."""

_BOM = b"\xef\xbb\xbf"
_LINE_END = re.compile(r"\r\n|\r|\n")


@dataclass(frozen=True, slots=True)
class Function:
    """One function or method. Lines count from 1, ends are inclusive."""

    qualname: str
    """`Cart.total`; a nested function is `outer.<locals>.inner`."""
    first_line: int
    """Of the first decorator, else of `def`."""
    def_line: int
    body_line: int
    """Of the first statement, the docstring included."""
    end_line: int
    node: FunctionNode = field(repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Source:
    """A parsed file. Build it with `Source.parse`."""

    path: str
    data: bytes = field(repr=False)
    encoding: str
    tree: ast.Module = field(repr=False, compare=False)
    _lines: tuple[str, ...] = field(repr=False, compare=False)
    _starts: tuple[int, ...] = field(repr=False, compare=False)
    """Byte offset of each line, and of the end of the file."""

    @staticmethod
    def parse(path: str, data: bytes) -> Source:
        """Decode by BOM or coding cookie (PEP 263) and parse.

        Raises BadInput with file and line when the bytes are not valid Python of this interpreter.
        """
        encoding, text = _decode(path, data)
        tree = _parse(path, text)
        lines = tuple(_split_lines(text))
        starts = [len(_BOM) if encoding == "utf-8-sig" else 0]
        codec = "utf-8" if encoding == "utf-8-sig" else encoding
        for line in lines:
            starts.append(starts[-1] + len(line.encode(codec)))
        return Source(path, data, codec, tree, lines, tuple(starts))

    @property
    def newline(self) -> str:
        """The line ending that the first line uses."""
        found = _LINE_END.search(self._lines[0]) if self._lines else None
        return found.group() if found else "\n"

    def offset(self, line: int, column: int) -> int:
        """Byte offset of a position as `ast` counts it: line from 1, column in UTF-8 bytes."""
        if line > len(self._lines):
            return self._starts[-1]
        start = self._starts[line - 1]
        if self.encoding == "utf-8" or self._lines[line - 1].isascii():
            return start + column
        before = self._lines[line - 1].encode()[:column].decode()
        return start + len(before.encode(self.encoding))

    def line_of(self, offset: int) -> int:
        """The line (from 1) that holds this byte."""
        return max(1, min(bisect_right(self._starts, offset), len(self._lines)))

    def line_start(self, line: int) -> int:
        return self._starts[min(line, len(self._starts)) - 1]

    def span(self, node: ast.expr | ast.stmt | ast.excepthandler | ast.arg | ast.keyword) -> tuple[int, int]:
        """The bytes of a node, without decorators and without parentheses around an expression."""
        end_line, end_column = node.end_lineno or node.lineno, node.end_col_offset or node.col_offset
        return self.offset(node.lineno, node.col_offset), self.offset(end_line, end_column)

    def slice(self, start: int, end: int) -> str:
        return self.data[start:end].decode(self.encoding)

    def text(self, node: ast.expr | ast.stmt | ast.excepthandler | ast.arg | ast.keyword) -> str:
        return self.slice(*self.span(node))

    def line_text(self, line: int) -> str:
        """One line without its end; empty beyond the file."""
        return self._lines[line - 1].rstrip("\r\n") if 0 < line <= len(self._lines) else ""

    def indent(self, line: int) -> str:
        """The white space at the start of a line."""
        text = self._lines[line - 1]
        return text[: len(text) - len(text.lstrip(" \t\f"))]

    def functions(self) -> tuple[Function, ...]:
        """Every function of the file, outer before inner, in order of lines."""
        return tuple(_functions(self.tree, ""))

    def same(self, function: Function, earlier: Source) -> Function:
        """The function of an earlier version of this file, here; accessors of a property have one name."""
        older = [one.def_line for one in earlier.functions() if one.qualname == function.qualname]
        now = [one for one in self.functions() if one.qualname == function.qualname]
        return now[older.index(function.def_line)]

    def function_at(self, line: int) -> Function | None:
        """The innermost function whose lines, decorators included, hold this one."""
        holding = [f for f in self.functions() if f.first_line <= line <= f.end_line]
        return max(holding, key=lambda f: f.first_line, default=None)

    def text_of(self, function: Function) -> str:
        """The function with its decorators, dedented, with `\\n` line ends: what a model reads."""
        text = "".join(self._lines[function.first_line - 1 : function.end_line])
        return _relaid(_LINE_END.sub("\n", text), self.indent(function.def_line), "")

    def replace_function(self, function: Function, new_text: str) -> bytes:
        """Put new text where the function was, at its indentation, with the file's line ends and encoding.

        Decorators are kept when the new text has none. Raises BadInput when the file would no longer parse
        or the encoding cannot hold the new text.
        """
        decorated = new_text.lstrip().startswith("@")
        first = function.first_line if decorated else function.def_line
        plain = _LINE_END.sub("\n", new_text).strip("\n").rstrip()
        own = plain[: len(plain) - len(plain.lstrip(" \t"))]
        tabs = "\t" in self.indent(function.body_line) and "\t" not in plain
        body = _relaid(plain, own, self.indent(function.def_line), tabs).replace("\n", self.newline)
        start, end = self._starts[first - 1], self._starts[function.end_line]
        whole_line = self.slice(start, end)
        if whole_line.endswith(("\n", "\r")):
            body += self.newline
        data = self.splice([(start, end, body)])
        Source.parse(self.path, data)
        return data

    def replace_body(self, function: Function, body: str) -> bytes:
        """Put these statements in place of all that follow the docstring; header and docstring stay byte for byte.

        Raises BadInput as `replace_function` does.
        """
        statements = function.node.body
        documented = ast.get_docstring(function.node) is not None
        first, rest = statements[0], statements[1 if documented else 0 :]
        end = self._starts[function.end_line]
        newline = self.newline
        if self._leads(first):
            indent = self.indent(first.lineno)
            head = ""
            if rest and self._leads(rest[0]):
                start = self.line_start(first_line(rest[0]))
            elif rest:  # on the docstring's own line
                start, head = self.span(first)[1], newline
            else:
                start, head = end, "" if self._ends_line(end) else newline
        else:
            indent = self.indent(function.def_line) + (
                "\t" if self.indent(function.def_line).startswith("\t") else "    "
            )
            start = self.span(first)[0]
            start -= len(self.data[:start]) - len(self.data[:start].rstrip(b" \t"))
            head = newline + (f"{indent}{self.text(first)}{newline}" if documented else "")
        plain = _LINE_END.sub("\n", body).strip("\n").rstrip()
        own = plain[: len(plain) - len(plain.lstrip(" \t"))]
        tabs = "\t" in indent and "\t" not in plain
        text = head + _relaid(plain, own, indent, tabs).replace("\n", newline)
        data = self.splice([(start, end, text + (newline if self._ends_line(end) else ""))])
        Source.parse(self.path, data)
        return data

    def _leads(self, node: ast.stmt) -> bool:
        """Nothing but white space stands before it on its line."""
        return not self.slice(self.line_start(node.lineno), self.span(node)[0]).strip(" \t\f\ufeff")

    def _ends_line(self, end: int) -> bool:
        return self.data[:end].endswith((b"\n", b"\r"))

    def splice(self, edits: Iterable[Splice]) -> bytes:
        """Apply edits that do not overlap; every other byte stays. Raises BadInput for a text it cannot encode."""
        out: list[bytes] = []
        at = 0
        for start, end, text in sorted(edits, key=lambda e: (e[0], e[1])):
            if start < at or end < start or end > len(self.data):
                raise ValueError(f"edits overlap or leave {self.path}: {start}..{end} after {at}")
            out += [self.data[at:start], self._encode(text)]
            at = end
        out.append(self.data[at:])
        return b"".join(out)

    def _encode(self, text: str) -> bytes:
        try:
            return text.encode(self.encoding)
        except UnicodeEncodeError as e:
            letter = text[e.start]
            raise BadInput(f"{self.path} is {self.encoding}, which cannot hold {letter!r}; save it as UTF-8.") from None


def first_line(node: ast.stmt) -> int:
    """Of a statement with its decorators."""
    marks = node.decorator_list if isinstance(node, FunctionNode | ast.ClassDef) else []
    return min([node.lineno, *(mark.lineno for mark in marks)])


def _decode(path: str, data: bytes) -> tuple[str, str]:
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
        text = data.decode(encoding)
    except (SyntaxError, LookupError, UnicodeDecodeError) as e:
        raise BadInput(f"{path}:1: cannot decode this file ({e}); fix its coding line or save it as UTF-8.") from None
    if text.encode(encoding) != data:
        raise BadInput(f"{path}:1: {encoding} does not give the same bytes back; save the file as UTF-8.")
    return encoding, text


def _parse(path: str, text: str) -> ast.Module:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(text, path)
    except SyntaxError as e:
        raise BadSyntax(f"{path}:{e.lineno or 1}: {e.msg}") from None
    except (ValueError, RecursionError, MemoryError) as e:
        raise BadInput(f"{path}:1: cannot be parsed ({e}); is it a Python file?") from None


def _split_lines(text: str) -> Iterator[str]:
    """Lines with their ends, split where Python's tokenizer splits: unlike str.splitlines, not at form feeds."""
    at = 0
    for end in _LINE_END.finditer(text):
        yield text[at : end.end()]
        at = end.end()
    if at < len(text):
        yield text[at:]


def _functions(node: ast.AST, prefix: str) -> Iterator[Function]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, FunctionNode):
            end = child.end_lineno or child.lineno
            yield Function(prefix + child.name, first_line(child), child.lineno, first_line(child.body[0]), end, child)
            yield from _functions(child, f"{prefix}{child.name}.<locals>.")
        elif isinstance(child, ast.ClassDef):
            yield from _functions(child, f"{prefix}{child.name}.")
        elif not isinstance(child, ast.expr):
            yield from _functions(child, prefix)


def _relaid(text: str, old: str, new: str, tabs: bool = False) -> str:
    """Exchange the indentation of code lines; what a multi-line string holds is part of the program and stays.

    Docstrings move with the code. With `tabs`, each further four leading spaces become a tab.
    """
    lines = text.split("\n")
    bare = [line.removeprefix(old) for line in lines]
    kept = _string_lines("\n".join(bare)) or _string_lines(text)
    out: list[str] = []
    for number, (line, short) in enumerate(zip(lines, bare, strict=True), 1):
        if number in kept:
            out.append(line)
            continue
        inner = len(short) - len(short.lstrip(" ")) if tabs else 0
        out.append(new + "\t" * (inner // 4) + short[inner - inner % 4 :] if short.strip() else "")
    return "\n".join(out)


def _string_lines(text: str) -> set[int]:
    """Lines that begin inside a string which is no docstring; none when the text does not parse."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError):
        return set()
    docstrings = {id(n.value) for n in ast.walk(tree) if isinstance(n, ast.Expr)}
    strings = (n for n in ast.walk(tree) if isinstance(n, ast.Constant | ast.JoinedStr) and id(n) not in docstrings)
    return {line for n in strings for line in range(n.lineno + 1, (n.end_lineno or n.lineno) + 1)}
