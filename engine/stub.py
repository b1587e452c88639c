"""The function that a person means by FILE::NAME, and whether its body is still to be written."""

from __future__ import annotations

import ast
import difflib
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from .errors import BadInput
from .parse import is_hole
from .protected import is_test_path
from .source import Function, Source

_MOST_BYTES = 2 << 20


@dataclass(frozen=True, slots=True)
class Meant:
    """One function of one file."""

    source: Source
    function: Function

    @property
    def path(self) -> str:
        return self.source.path

    @property
    def name(self) -> str:
        """`shop/cart.py::Cart.total`."""
        return f"{self.source.path}::{plain(self.function.qualname)}"

    @property
    def place(self) -> str:
        return f"{self.source.path}:{self.function.def_line}"

    @property
    def docstring(self) -> str:
        return ast.get_docstring(self.function.node) or ""

    @property
    def simple_name(self) -> str:
        """By which its own scope knows it: `total`."""
        return self.function.qualname.split(".")[-1]

    @property
    def is_async(self) -> bool:
        return isinstance(self.function.node, ast.AsyncFunctionDef)

    @property
    def is_property(self) -> bool:
        """It is read, not called."""
        return any(_last(mark) in ("property", "cached_property") for mark in self.function.node.decorator_list)

    @property
    def hinted(self) -> bool:
        """Some parameter or the result has a type hint."""
        node = self.function.node
        every = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
        return node.returns is not None or any(one.annotation is not None for one in every)

    @property
    def header(self) -> str:
        """The function without its body, dedented: decorators, `def`, docstring."""
        lines = self.source.text_of(self.function).split("\n")
        tree = ast.parse("\n".join(lines))
        node = tree.body[0]
        assert isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        first = node.body[0]
        if first.lineno == _header_end(node):  # all on one line
            return ast.unparse(_with_body(node)).rstrip().removesuffix("...").rstrip()
        end = (first.end_lineno or first.lineno) if ast.get_docstring(node) is not None else first.lineno - 1
        return "\n".join(lines[:end]).rstrip()


def plain(qualname: str) -> str:
    """As a person writes it: `outer.inner`."""
    return qualname.replace(".<locals>.", ".")


def find(root: Path, target: str) -> Meant:
    """The function that `target` names; its file may be typed from the current folder, or from the root.

    Raises BadInput with one sentence when there is none.
    """
    file, colons, name = target.partition("::")
    if not (file and colons and name):
        raise BadInput(f"{target} names no function; write FILE::NAME, as in cart.py::total or cart.py::Cart.total.")
    path = _from_root(root, file)
    if is_test_path(path):
        raise BadInput(f"{path} holds tests, which Darner never changes; name a function of the code itself.")
    try:
        if (root / path).stat().st_size > _MOST_BYTES:
            raise BadInput(f"{path} is larger than {_MOST_BYTES >> 20} MiB; Darner does not write into it.")
        source = Source.parse(path, (root / path).read_bytes())
    except OSError as error:
        raise BadInput(f"{path} cannot be read ({error.strerror}); name a file of {root}.") from error
    wanted = plain(name.replace("::", "."))
    functions = source.functions()
    defined = [one for one in functions if plain(one.qualname) == wanted]
    if defined:
        return Meant(source, _chosen(defined))
    names = list(dict.fromkeys(plain(one.qualname) for one in functions))
    near = difflib.get_close_matches(wanted, names, n=3, cutoff=0.5)
    hint = f"did you mean {', '.join(near)}?" if near else f"it has {', '.join(names[:8]) or 'none'}."
    raise BadInput(f"There is no function {wanted} in {path}; {hint}")


def _chosen(defined: Sequence[Function]) -> Function:
    """The last of a name counts, as in Python; of a property's accessors the first to be written, else the getter."""
    last = max((at for at, one in enumerate(defined) if not _is_accessor(one)), default=0)
    return next((one for one in defined[last:] if is_hole(one.node)), defined[last])


def _is_accessor(function: Function) -> bool:
    """`@total.setter`: it joins the property of its name."""
    return any(_last(mark) in ("getter", "setter", "deleter") for mark in function.node.decorator_list)


def must_be_stub(meant: Meant) -> None:
    """Raises BadInput when there is no body to write."""
    name = plain(meant.function.qualname)
    if not is_hole(meant.function.node):
        raise BadInput(
            f"{meant.place}: {name} has a body; `darner write` fills one in that is `...`, `pass`, "
            "`raise NotImplementedError` or only a docstring."
        )
    if why := _bodiless(meant):
        raise BadInput(f"{meant.place}: {name} {why}: it is meant to have no body.")


def is_stub(meant: Meant) -> bool:
    """Where nobody asked: `pass` is all of a hook and of many an `__exit__`, but not of what promises a value."""
    node = meant.function.node
    if not is_hole(node) or _bodiless(meant):
        return False
    promised = ast.unparse(node.returns) if node.returns is not None else "None"
    passes = any(isinstance(statement, ast.Pass) for statement in node.body)
    return not (passes and re.search(r"\b(None|Optional)\b", promised))


def _bodiless(meant: Meant) -> str:
    """Why it is meant to have no body; empty when it is not."""
    marks = {_last(mark) for mark in meant.function.node.decorator_list}
    if found := sorted(marks & {"abstractmethod", "overload"}):
        return f"is marked @{found[0]}"
    return "belongs to a Protocol" if _in_protocol(meant) else ""


def _from_root(root: Path, file: str) -> str:
    """Relative to the root, with `/`. Raises BadInput for a file outside."""
    here = Path(os.path.abspath(file))
    found = here if here.exists() and here.resolve().is_relative_to(root) else root / file
    real = found.resolve()
    if not real.is_relative_to(root):
        raise BadInput(f"{file} lies outside of the project {root}; name a file in it, or pass --root.")
    if not real.is_file():
        raise BadInput(f"There is no file {file} in {root}.")
    return real.relative_to(root).as_posix()


def _header_end(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """The line on which the signature ends, as far as its nodes tell."""
    parts = [*ast.walk(node.args), *([node.returns] if node.returns else [])]
    lines = [n.end_lineno or 0 for n in parts if isinstance(n, ast.arg | ast.expr)]
    return max([node.lineno, *lines])


def _with_body(node: ast.FunctionDef | ast.AsyncFunctionDef) -> ast.FunctionDef | ast.AsyncFunctionDef:
    documented = ast.get_docstring(node) is not None
    node.body = [*(node.body[:1] if documented else []), ast.Expr(ast.Constant(...))]
    return node


def _last(mark: ast.expr) -> str:
    mark = mark.func if isinstance(mark, ast.Call) else mark
    return mark.attr if isinstance(mark, ast.Attribute) else mark.id if isinstance(mark, ast.Name) else ""


def _in_protocol(meant: Meant) -> bool:
    around = [n for n in ast.walk(meant.source.tree) if isinstance(n, ast.ClassDef)]
    line = meant.function.def_line
    inside = [n for n in around if n.lineno <= line <= (n.end_lineno or n.lineno)]
    bases = (base.value if isinstance(base, ast.Subscript) else base for n in inside for base in n.bases)
    return any(_last(base) == "Protocol" for base in bases)
