"""How this project writes its tests: in which file, as functions or methods, and by which names it calls the code."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path, PurePosixPath

from .errors import BadInput
from .jury import module_name, touches
from .source import Source
from .stub import Meant
from .suite import Suite, kind_of

_MOST_FILES = 40


class Form(StrEnum):
    FUNCTION = "function"
    """`def test_x():` with `assert`."""
    METHOD = "method"
    """`class TestX:` with `assert`."""
    UNITTEST = "unittest"
    """`class XTest(TestCase):` with `self.assertEqual`."""


@dataclass(frozen=True, slots=True)
class Home:
    """Where a new test belongs."""

    path: str
    source: Source | None
    """None when the file has to be made."""
    form: Form
    owner: str
    """The class that it joins; empty for a function, and for a class of its own."""
    base: str
    """What a new unittest class derives from, as the project writes it."""
    base_import: str
    """The statement that gives it to a file that lacks it."""


def home_of(root: Path, suite: Suite, meant: Meant) -> Home:
    """The file that calls the function most, else one that imports its module, else a new one beside the others."""
    files = {path: source for path in _test_files(suite) if (source := _parse(root, path)) is not None}
    calls = Counter(
        test.nodeid.split("::")[0] for test in suite.results if kind_of(test) == "test" and touches(test, meant)
    )
    called = [path for path, _ in calls.most_common() if path in files]
    _, dotted = module_name(root, meant.path)
    importing = [path for path, source in files.items() if dotted in {name for name, _ in modules(source)}]
    path = next(iter([*called, *importing]), None) or _new_path(root, files, meant)
    source = files.get(path) or _parse(root, path)
    seen = [source] if source is not None and any(_tests(source)) else list(files.values())
    forms = Counter(form for one in seen for form, _ in _tests(one))
    form = forms.most_common(1)[0][0] if forms else Form.FUNCTION
    joined = source if form is not Form.FUNCTION else None
    return Home(path, source, form, _owner(joined, form, suite, meant, path), *_base(seen, source))


def modules(source: Source) -> Iterator[tuple[str, ast.Import | ast.ImportFrom]]:
    """Dotted names of what a file imports, each with its statement."""
    for node in source.tree.body:
        if isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module, node
        elif isinstance(node, ast.Import):
            yield from ((alias.name, node) for alias in node.names)


def _test_files(suite: Suite) -> list[str]:
    return list(dict.fromkeys(t.nodeid.split("::")[0] for t in suite.results if kind_of(t) == "test"))[:_MOST_FILES]


def _parse(root: Path, path: str) -> Source | None:
    try:
        return Source.parse(path, (root / path).read_bytes())
    except (OSError, BadInput):
        return None


def _new_path(root: Path, files: Iterable[str], meant: Meant) -> str:
    """`test_<module>.py` in the folder that holds most of the tests."""
    folders = Counter(PurePosixPath(path).parent.as_posix() for path in files)
    usual = next(iter(name for name in ("tests", "test") if (root / name).is_dir()), ".")
    folder = folders.most_common(1)[0][0] if folders else usual
    stem = PurePosixPath(meant.path).stem
    name = f"test_{PurePosixPath(meant.path).parent.name if stem == '__init__' else stem}.py"
    return name if folder == "." else f"{folder}/{name}"


def _tests(source: Source) -> Iterator[tuple[Form, ast.stmt]]:
    """Every test function and method of a file, by its form."""
    for node in source.tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test"):
            yield Form.FUNCTION, node
        elif isinstance(node, ast.ClassDef):
            form = Form.UNITTEST if _is_unittest(node) else Form.METHOD
            own = (n for n in node.body if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef))
            yield from ((form, n) for n in own if n.name.startswith("test"))


def _is_unittest(node: ast.ClassDef) -> bool:
    if any(ast.unparse(base).endswith("TestCase") for base in node.bases):
        return True
    return any(isinstance(n, ast.Attribute) and n.attr in ("assertEqual", "assertTrue") for n in ast.walk(node))


def _owner(source: Source | None, form: Form, suite: Suite, meant: Meant, path: str) -> str:
    """The class of the tests that call the function already."""
    if source is None:
        return ""
    calling = Counter(
        test.nodeid.split("::")[1]
        for test in suite.results
        if test.nodeid.startswith(f"{path}::") and test.nodeid.count("::") == 2 and touches(test, meant)
    )
    classes = [node for node in source.tree.body if isinstance(node, ast.ClassDef)]
    fitting = {node.name for node in classes if _is_unittest(node) is (form is Form.UNITTEST)}
    return next((name for name, _ in calling.most_common() if name in fitting), "")


def _base(sources: Iterable[Source], home: Source | None) -> tuple[str, str]:
    """The class, and the statement that imports it: what a file defines for itself is of use there alone."""
    for source in sources:
        given = bound(source.tree)
        for node in source.tree.body:
            if isinstance(node, ast.ClassDef) and _is_unittest(node) and node.bases:
                base = ast.unparse(node.bases[0])
                statement = given.get(base.split(".")[0], "")
                if statement or source is home:
                    return base, statement
    return "unittest.TestCase", "import unittest"


def bound(tree: ast.Module) -> dict[str, str]:
    """Top-level names; for imported ones the statement that imports them again."""
    found: dict[str, str] = {}
    for node in tree.body:
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                found[node.name] = ""
            case ast.Assign(targets=targets):
                found.update((t.id, "") for t in targets if isinstance(t, ast.Name))
            case ast.AnnAssign(target=ast.Name(id=name)):
                found[name] = ""
            case ast.Import(names=names):
                found.update((a.asname or a.name.split(".")[0], f"import {_alias(a)}") for a in names)
            case ast.ImportFrom(names=names, module=module, level=level):
                again = f"from {module} import {{}}" if not level and module else ""
                found.update((a.asname or a.name, again.format(_alias(a))) for a in names)
            case _:
                pass
    return found


def _alias(name: ast.alias) -> str:
    return f"{name.name} as {name.asname}" if name.asname else name.name


def offered(tree: ast.Module) -> frozenset[str]:
    """What `import *` takes from a module: its `__all__` where that can be read, else its public names."""
    listed = (n.value for n in tree.body if isinstance(n, ast.Assign) and ast.unparse(n.targets[0]) == "__all__")
    texts = [n.value for value in listed for n in ast.walk(value) if isinstance(n, ast.Constant)]
    names = frozenset(text for text in texts if isinstance(text, str))
    return names or frozenset(name for name in bound(tree) if not name.startswith("_"))
