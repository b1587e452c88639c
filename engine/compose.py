"""Checks to the text of one test, in the form and with the imports of the file that it joins."""

from __future__ import annotations

import ast
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from .agreement import is_to_be_run
from .checks import Check
from .habits import Form, Home, bound, modules, offered
from .jury import module_name
from .literals import operand
from .source import Source, Splice
from .stub import Meant, plain
from .types import FileChange, Patch


@dataclass(frozen=True, slots=True)
class Composed:
    patch: Patch
    nodeid: str


def compose(root: Path, meant: Meant, home: Home, checks: Sequence[Check]) -> Composed:
    """The test in its place. Raises BadInput when the file cannot hold it."""
    name = _free_name(home, f"test_{plain(meant.function.qualname).replace('.', '_').strip('_').lower()}")
    needed = _Names(root, meant, home.source)
    body = [line for check in checks for line in _lines(check, meant, home.form, needed)]
    indented = textwrap.indent("\n".join(body), "    ")
    own = home.form is Form.FUNCTION
    test = f"def {name}({'' if own else 'self'}):\n{indented}\n"
    title = f"Test{''.join(part.title() for part in name.removeprefix('test_').split('_'))}"
    if not own and not home.owner:
        bases = f"({home.base})" if home.form is Form.UNITTEST else ""
        test = f"class {title}{bases}:\n{textwrap.indent(test, '    ')}"
        if home.form is Form.UNITTEST:
            needed.want(home.base.split(".")[0], home.base_import)
    owner = home.owner or ("" if own else title)
    nodeid = "::".join(part for part in (home.path, owner, name) if part)
    before = home.source.data if home.source is not None else b""
    after = _placed(home, test, needed) if home.source is not None else _new_file(test, needed)
    return Composed(Patch((FileChange(home.path, before, after),)), nodeid)


def _lines(check: Check, meant: Meant, form: Form, names: _Names) -> list[str]:
    call = names.spelled(_awaited(check, meant, names))
    if check.raises:
        kind = names.spelled(check.value)
        if form is Form.UNITTEST:
            return [f"with self.assertRaises({kind}):", f"    {call}"]
        names.want("pytest", "import pytest")
        return [f"with pytest.raises({kind}):", f"    {call}"]
    value = names.spelled(check.value)
    exact = value in ("None", "True", "False")
    if form is Form.UNITTEST:
        if exact:
            return [f"self.assert{'IsNone' if value == 'None' else value}({call})"]
        return [f"self.assert{'AlmostEqual' if _is_inexact(value) else 'Equal'}({call}, {value})"]
    if _is_inexact(value):
        names.want("pytest", "import pytest")
        return [f"assert {operand(call)} == pytest.approx({value})"]
    return [f"assert {operand(call)} {'is' if exact else '=='} {value}"]


def _awaited(check: Check, meant: Meant, names: _Names) -> str:
    """The call with what its kind of function needs to give a value."""
    node = meant.function.node
    if is_to_be_run(check.call, meant):
        names.want("asyncio", "import asyncio")
        return f"asyncio.run({check.call})"
    listed = check.value.startswith("[") and not check.call.startswith(("list(", "sorted("))
    yields = any(isinstance(n, ast.Yield | ast.YieldFrom) for n in ast.walk(node))
    return f"list({check.call})" if yields and (listed or check.raises) else check.call


def _is_inexact(value: str) -> bool:
    try:
        number = ast.literal_eval(value)
    except (ValueError, SyntaxError):
        return False
    return isinstance(number, float) and number == number and not number.is_integer()


class _Names:
    """How the test's file calls what its checks mention, and what it has to import for that."""

    def __init__(self, root: Path, meant: Meant, source: Source | None) -> None:
        _, self._dotted = module_name(root, meant.path)
        self._own = bound(meant.source.tree)
        self._known = frozenset(bound(source.tree) if source is not None else ())
        if source is not None and any(_is_starred(n) for name, n in modules(source) if name == self._dotted):
            self._known |= offered(meant.source.tree)
        self._alias = _module_alias(source, self._dotted) if source is not None else ""
        self.imports: dict[str, None] = {}
        """Statements, in order."""
        self.names: dict[str, None] = {}
        """To be imported from the module."""

    @property
    def module(self) -> str:
        return self._dotted

    def want(self, name: str, statement: str) -> None:
        if name not in self._known:
            self.imports.setdefault(statement)

    def spelled(self, text: str) -> str:
        """The expression with the module's names as the test's file has them."""
        tree = ast.parse(text, mode="eval")
        used = dict.fromkeys(n.id for n in ast.walk(tree) if isinstance(n, ast.Name))
        foreign = [name for name in used if name in self._own and name not in self._known]
        for name in foreign:
            statement = self._own[name]
            if statement:
                self.imports.setdefault(statement)
            elif not self._alias:
                self.names.setdefault(name)
        away = {name for name in foreign if self._alias and not self._own[name]}
        return ast.unparse(_Qualify(self._alias, away).visit(tree)) if away else text


class _Qualify(ast.NodeTransformer):
    def __init__(self, alias: str, names: set[str]) -> None:
        self._alias, self._names = alias, names

    def visit_Name(self, node: ast.Name) -> ast.expr:
        if node.id not in self._names:
            return node
        return ast.Attribute(ast.parse(self._alias, mode="eval").body, node.id, ast.Load())


def _module_alias(source: Source, dotted: str) -> str:
    """What the file calls the module, when it imports it whole: `import shop.cart`, `from shop import cart`."""
    for _, node in modules(source):
        for alias in node.names:
            whole = f"{node.module}.{alias.name}" if isinstance(node, ast.ImportFrom) else alias.name
            if whole == dotted:
                return alias.asname or (alias.name if isinstance(node, ast.ImportFrom) else dotted)
    return ""


def _is_starred(node: ast.Import | ast.ImportFrom) -> bool:
    return node.names[0].name == "*"


def _free_name(home: Home, wanted: str) -> str:
    taken: Mapping[str, object] = {}
    if home.source is not None:
        taken = {n.name: n for n in ast.walk(home.source.tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)}
    names = (wanted if i == 1 else f"{wanted}_{i}" for i in range(1, 1_000))
    return next(name for name in names if name not in taken)


def _new_file(test: str, needed: _Names) -> bytes:
    statements = [*needed.imports]
    if needed.names:
        statements.append(f"from {needed.module} import {', '.join(needed.names)}")
    head = "\n".join(statements)
    return f"{head}\n\n\n{test}".lstrip("\n").encode()


def _placed(home: Home, test: str, needed: _Names) -> bytes:
    source = home.source
    assert source is not None
    splices = [*_imported(source, needed), _inserted(source, home, test)]
    data = source.splice([(start, end, text.replace("\n", source.newline)) for start, end, text in splices])
    Source.parse(source.path, data)
    return data


def _inserted(source: Source, home: Home, test: str) -> Splice:
    """Behind the class's last statement, or at the end of the file but before `if __name__ == ...`."""
    owner = next((n for n in source.tree.body if isinstance(n, ast.ClassDef) and n.name == home.owner), None)
    if owner is not None:
        last = owner.body[-1]
        at = source.line_start((last.end_lineno or last.lineno) + 1)
        text = textwrap.indent(test, source.indent(owner.body[0].lineno))
        return at, at, f"{_line_end(source, at)}\n{text}"
    body = source.tree.body
    if body and isinstance(body[-1], ast.If) and "__name__" in ast.unparse(body[-1].test):
        at = source.line_start(body[-1].lineno)
        return at, at, f"{test}\n\n"
    at = len(source.data)
    end = source.data.rstrip()
    return len(end), at, f"\n\n\n{test}" if end else test


def _line_end(source: Source, at: int) -> str:
    return "" if source.data[:at].endswith((b"\n", b"\r")) else "\n"


def _imported(source: Source, needed: _Names) -> list[Splice]:
    """New imports behind the last of the head; names join the line that imports others of the module."""
    splices: list[Splice] = []
    lines = [*needed.imports]
    lists = (n for name, n in modules(source) if name == needed.module and isinstance(n, ast.ImportFrom))
    joined = next((n for n in lists if not _is_starred(n)), None)
    if needed.names:
        names = ", ".join(needed.names)
        text = source.line_text(joined.lineno) if joined is not None else ""
        if joined is not None and joined.end_lineno == joined.lineno and text.rstrip().endswith(joined.names[-1].name):
            at = source.span(joined)[1]
            splices.append((at, at, f", {names}"))
        else:
            lines.append(f"from {needed.module} import {names}")
    if lines:
        head = [n for n in source.tree.body if isinstance(n, ast.Import | ast.ImportFrom)]
        documented = ast.get_docstring(source.tree) is not None
        last = head[-1] if head else source.tree.body[0] if documented else None
        at = source.line_start((last.end_lineno or last.lineno) + 1) if last is not None else 0
        text = "".join(f"{line}\n" for line in lines)
        splices.append((at, at, f"{_line_end(source, at) if at else ''}{text}"))
    return splices
