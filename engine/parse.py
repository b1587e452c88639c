"""A completion to a patch: find the function in what the model wrote, and put it where the old one stands."""

from __future__ import annotations

import ast
import re
import textwrap
from collections.abc import Iterator

from .errors import BadInput
from .source import Function, Source
from .types import FileChange, Patch

_FENCE = re.compile(r"```[ \t]*(?:python|py|python3)?[ \t]*\r?\n(.*?)(?:```|\Z)", re.DOTALL | re.IGNORECASE)
_MOST_CHARACTERS = 40_000

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef


class Unusable(ValueError):
    """The completion holds no version of the function; the text says what is wrong with it."""


def patch_from(completion: str, source: Source, function: Function) -> tuple[Patch, str]:
    """The patch, and the new text of the function alone. Raises Unusable with a sentence for the model."""
    if len(completion) > _MOST_CHARACTERS:
        raise Unusable("The answer is far longer than the function.")
    trouble = "The answer holds no Python code block."
    for block in _blocks(completion):
        try:
            tree = ast.parse(block)
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            trouble = f"The code does not parse: {error}."
            continue
        node = _find(tree, function.qualname.split(".")[-1])
        if node is None:
            trouble = f"The code does not define {function.qualname}."
            continue
        text = _with_docstring(_text(block, node), source.text_of(function))
        try:
            after = _with_imports(source.replace_function(function, text), tree, source)
        except BadInput as error:
            trouble = f"The code does not parse in its place: {error}."
            continue
        return Patch((FileChange(source.path, source.data, after),)), text
    raise Unusable(trouble)


def _blocks(completion: str) -> Iterator[str]:
    """Fenced blocks, then the bare text from its first definition on."""
    yield from (textwrap.dedent(block) for block in _FENCE.findall(completion))
    bare = re.search(r"^(?:@\w|def |async def |class |from |import )", completion, re.MULTILINE)
    if bare is not None:
        yield completion[bare.start() :].split("\n```")[0]


def _find(tree: ast.Module, name: str) -> FunctionNode | None:
    nodes = (n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef) and n.name == name)
    return next(nodes, None)


def _text(block: str, node: FunctionNode) -> str:
    lines = block.splitlines()
    first = min([node.lineno, *(d.lineno for d in node.decorator_list)])
    return textwrap.dedent("\n".join(lines[first - 1 : node.end_lineno])) + "\n"


def _with_docstring(new: str, old: str) -> str:
    """A model often leaves the docstring out; a repair must not."""
    lines, kept = new.splitlines(), textwrap.dedent(old).splitlines()
    body, documented = _first_statement(new), _first_statement(textwrap.dedent(old))
    if body is None or documented is None or _is_docstring(body) or not _is_docstring(documented):
        return new
    if body.col_offset != documented.col_offset or body.lineno == 1:
        return new
    docstring = kept[documented.lineno - 1 : documented.end_lineno]
    at = body.lineno - 1
    while at > 1 and not lines[at - 1].split("#")[0].strip():
        at -= 1  # comments of the new body come after the docstring
    return "\n".join([*lines[:at], *docstring, *lines[at:]]) + "\n"


def _first_statement(text: str) -> ast.stmt | None:
    try:
        node = ast.parse(text).body[0]
    except (SyntaxError, IndexError):
        return None
    return node.body[0] if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) else None


def _is_docstring(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def _with_imports(data: bytes, tree: ast.Module, source: Source) -> bytes:
    """Imports that the model added and the file lacks go before the file's first statement that is not a docstring."""
    known = {ast.dump(n) for n in ast.walk(source.tree) if isinstance(n, ast.Import | ast.ImportFrom)}
    missing = [n for n in tree.body if isinstance(n, ast.Import | ast.ImportFrom) and ast.dump(n) not in known]
    bound = {name for node in missing for name in _bound(node)}
    if not bound or not bound & _unbound_names(data, source.path) - _bound_names(source):
        return data
    again = Source.parse(source.path, data)
    first = next((n for n in again.tree.body if not _must_stay_first(n)), None)
    line = first.lineno if first is not None else 1
    if isinstance(first, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        line = min([line, *(d.lineno for d in first.decorator_list)])
    at = again.line_start(line)
    return again.splice([(at, at, "".join(ast.unparse(n) + again.newline for n in missing))])


def _must_stay_first(node: ast.stmt) -> bool:
    return _is_docstring(node) or (isinstance(node, ast.ImportFrom) and node.module == "__future__")


def _bound(node: ast.Import | ast.ImportFrom) -> set[str]:
    return {(alias.asname or alias.name).split(".")[0] for alias in node.names}


def _unbound_names(data: bytes, path: str) -> set[str]:
    return {n.id for n in ast.walk(Source.parse(path, data).tree) if isinstance(n, ast.Name)}


def _bound_names(source: Source) -> set[str]:
    imports = (n for n in ast.walk(source.tree) if isinstance(n, ast.Import | ast.ImportFrom))
    return {name for node in imports for name in _bound(node)}
