"""A completion to a patch: find the function in what the model wrote, and put it where the old one stands."""

from __future__ import annotations

import ast
import builtins
import re
import textwrap
from collections.abc import Iterator

from .errors import BadInput
from .source import Function, Source, first_line
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


def body_from(completion: str, source: Source, function: Function) -> tuple[Patch, str]:
    """The patch that takes only the body from the completion, and the function as the model wrote it.

    Name, parameters and docstring stay the user's. Raises Unusable with a sentence for the model.
    """
    if len(completion) > _MOST_CHARACTERS:
        raise Unusable("The answer is far longer than a function.")
    trouble = "The answer holds no Python code block."
    name = function.qualname.split(".")[-1]
    for block in _whole_and_cut(completion):
        try:
            tree = ast.parse(block)
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            trouble = f"The code does not parse: {error}."
            continue
        node = _find(tree, name)
        if node is None:
            trouble = f"The code does not define {function.qualname}."
        elif is_hole(node):
            trouble = "The body is still missing."
        elif _parameters(node) != _parameters(function.node):
            trouble = f"The parameters are not those of {function.qualname}."
        else:
            try:
                after = _filled(source, function, block, tree, node)
            except BadInput as error:
                trouble = f"The code does not parse in its place: {error}."
                continue
            return Patch((FileChange(source.path, source.data, after),)), _text(block, node)
    raise Unusable(trouble)


def is_hole(node: FunctionNode) -> bool:
    """The body is `...`, `pass`, `raise NotImplementedError`, or only a docstring."""
    return all(_is_docstring(s) or _is_placeholder(s) for s in node.body)


def _is_placeholder(statement: ast.stmt) -> bool:
    match statement:
        case ast.Pass() | ast.Expr(value=ast.Constant(value=builtins.Ellipsis)):
            return True
        case ast.Raise(exc=ast.Name(id="NotImplementedError") | ast.Call(func=ast.Name(id="NotImplementedError"))):
            return True
        case _:
            return False


def _filled(source: Source, function: Function, block: str, tree: ast.Module, node: FunctionNode) -> bytes:
    """The file with the body in place, and with the imports and helping functions that it needs."""
    lines = block.splitlines()
    documented = _is_docstring(node.body[0])
    start = (node.body[0].end_lineno or node.lineno) if documented else first_line(node.body[0]) - 1
    if start < node.lineno:  # all on the line of the `def`
        body = "\n".join(ast.unparse(s) for s in node.body)
    else:
        body = "\n".join(lines[start : node.end_lineno])
    after = _with_imports(source.replace_body(function, body), tree, source)
    used = {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}
    known = set(_given(source.tree))
    helpers = [
        n for n in tree.body if isinstance(n, FunctionNode) and n is not node and n.name in used and n.name not in known
    ]
    return _with_helpers(after, source, function, [_text(block, n) for n in helpers]) if helpers else after


def _given(node: ast.AST) -> Iterator[str]:
    """Names that a module binds at its top level, in its conditions too."""
    for child in ast.iter_child_nodes(node):
        match child:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                yield name
            case ast.Import() | ast.ImportFrom():
                yield from _bound(child)
            case ast.Name(id=name, ctx=ast.Store()):
                yield name
            case _:
                yield from _given(child)


def _with_helpers(data: bytes, source: Source, function: Function, texts: list[str]) -> bytes:
    """Functions that the model wrote beside the one that was asked for go before it, at the top level."""
    again = Source.parse(source.path, data)
    line = again.same(function, source).def_line
    owner = next(n for n in again.tree.body if n.lineno <= line <= (n.end_lineno or n.lineno))
    at = again.line_start(first_line(owner))
    text = "".join(text.rstrip("\n") + "\n\n\n" for text in texts).replace("\n", again.newline)
    return again.splice([(at, at, text)])


def _parameters(node: FunctionNode) -> list[str]:
    every = node.args
    named = [*every.posonlyargs, *every.args, every.vararg, *every.kwonlyargs, every.kwarg]
    return [one.arg for one in named if one is not None]


def _whole_and_cut(completion: str) -> Iterator[str]:
    """Each block, and where what follows the function is no Python, the block up to that."""
    for block in _blocks(completion):
        yield block
        lines = block.splitlines()
        start = next((i for i, text in enumerate(lines) if re.match(r"(?:async )?def |class ", text)), None)
        if start is not None:
            behind = (i for i in range(start + 1, len(lines)) if re.match(r"[^\s#)\]]", lines[i]))
            yield "\n".join(lines[: next(behind, len(lines))])


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
    return textwrap.dedent("\n".join(lines[first_line(node) - 1 : node.end_lineno])) + "\n"


def _with_docstring(new: str, old: str) -> str:
    """A model often leaves the docstring out; a repair must not."""
    lines, kept = new.splitlines(), textwrap.dedent(old).splitlines()
    body, documented = _first_statement(new), _first_statement(textwrap.dedent(old))
    if body is None or documented is None or _is_docstring(body) or not _is_docstring(documented):
        return new
    if body.col_offset != documented.col_offset or body.lineno == 1:
        return new
    docstring = kept[documented.lineno - 1 : documented.end_lineno]
    at = first_line(body) - 1
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
    at = again.line_start(first_line(first) if first is not None else 1)
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
