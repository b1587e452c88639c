"""Who judges the bodies of a stub: the project's tests that call it, else its doctests, else tests that a model wrote.

The latter two are real test files that exist in the sandbox only.
"""

from __future__ import annotations

import ast
import doctest
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Literal

from ..sandbox.types import Outcome, TestResult
from .errors import BadInput
from .examination import examination
from .source import Function, FunctionNode, Source
from .stub import Meant
from .suite import Suite, kind_of
from .written import Judge

FILE = "test_darner_judges_this.py"
AT_ONCE = 40
"""Tests of one run: a body that fails the first of them is not tried on the rest."""
_MOST_TEXT = 6_000


@dataclass(frozen=True, slots=True)
class Jury:
    judge: Judge
    nodeids: tuple[str, ...]
    """Tests that fail now and have to pass; a file stands for its tests."""
    text: str
    """Their source, as a model is shown it."""
    files: Mapping[str, bytes] = field(default_factory=dict[str, bytes])
    """Test files that exist only in the sandbox."""
    keeping: tuple[str, ...] = ()
    """Some tests that call the function and pass already; the court asks for all."""
    named: tuple[str, ...] = ()
    """What a person is told of them."""


def of_tests(root: Path, suite: Suite, meant: Meant) -> Jury | None:
    """The project's tests that run into the stub and fail; None when there are none. The suite was run for coverage."""
    touching = [test for test in suite.results if touches(test, meant)]
    failing = tuple(t.nodeid for t in touching if t.nodeid in suite.failing and kind_of(t) == "test")
    if not failing:
        return None
    passing = tuple(test.nodeid for test in touching if test.nodeid in suite.passed)[:AT_ONCE]
    return Jury(Judge.TESTS, failing, sources(root, failing[:AT_ONCE]), keeping=passing, named=failing)


def of_items(suite: Suite, meant: Meant) -> Jury | None:
    """Doctests of the project's that run into the stub and fail: examples of its class, of its module, of others."""
    touching = [test for test in suite.results if kind_of(test) == "doctest" and touches(test, meant)]
    failing = tuple(test.nodeid for test in touching if test.nodeid in suite.failing)
    passing = tuple(test.nodeid for test in touching if test.nodeid in suite.passed)[:AT_ONCE]
    text = examples_in(meant.source.tree)[:_MOST_TEXT]
    return Jury(Judge.TESTS, failing, text, keeping=passing, named=failing) if failing else None


def touches(test: TestResult, meant: Meant) -> bool:
    """It executed the body, or ended in it."""
    span = lines_of_body(meant.function)
    if any(path == meant.path and not span.isdisjoint(lines) for path, lines in test.lines):
        return True
    frames = test.failure.frames if test.failure is not None else ()
    return any(frame.path == meant.path and frame.line in span for frame in frames)


def lines_of_body(function: Function) -> frozenset[int]:
    """Every call executes one of them. Python counts a body that is only a docstring as the line of the `def`."""
    documented = len(function.node.body) == 1 and ast.get_docstring(function.node) is not None
    return frozenset(range(function.def_line if documented else function.body_line, function.end_line + 1))


def of_doctests(root: Path, meant: Meant) -> Jury | None:
    """The examples of the docstring, each a test where none needs another. None when there are none."""
    examples, _ = apart(meant.docstring)
    if not any(example.want or example.exc_msg for example in examples):
        return None
    alone = all(_parses(example.source, "eval") for example in examples)
    texts = [_text(example) for example in examples]
    groups = texts if alone else ["".join(texts)]
    body = "\n\n".join(f"def test_example_{i}():\n    _judge({text!r})" for i, text in enumerate(groups, 1))
    code = f"{import_by_path(root, meant.path)}{_JUDGE}\n\n{body}\n"
    named = tuple(text.strip().replace("\n", " ") for text in groups)
    return Jury(Judge.DOCTESTS, (FILE,), "".join(texts), {FILE: code.encode()}, named=named)


def apart(docstring: str) -> tuple[list[doctest.Example], str]:
    """The examples that are run, and the words around them."""
    try:
        parts = doctest.DocTestParser().parse(docstring)
    except ValueError:
        return [], docstring
    examples = [part for part in parts if isinstance(part, doctest.Example)]
    words = "".join(part for part in parts if isinstance(part, str))
    return [one for one in examples if not one.options.get(doctest.SKIP)], words


def examples_in(tree: ast.Module) -> str:
    """What every docstring of a file asks and expects, as Python."""
    owners = (n for n in ast.walk(tree) if isinstance(n, ast.Module | ast.ClassDef | FunctionNode))
    examples = [one for owner in owners for one in apart(ast.get_docstring(owner) or "")[0]]
    texts = [text.strip() for one in examples for text in (one.source, one.want)]
    return "\n".join(text for text in texts if _parses(text))


def of_asserts(root: Path, meant: Meant, asserts: Sequence[str]) -> Jury:
    """Assert statements of the model's, each a test."""
    tests = "\n\n".join(f"def test_vote_{i}():\n    {text}" for i, text in enumerate(asserts, 1))
    names = "globals().update((k, v) for k, v in vars(module).items() if k[:2] != '__')"
    code = f"{import_by_path(root, meant.path)}\n{names}\n\n{tests}\n"
    return Jury(Judge.AGREEMENT, (FILE,), "\n".join(asserts), {FILE: code.encode()}, named=tuple(asserts))


_JUDGE = """
import doctest


def _judge(text):
    examples = doctest.DocTestParser().get_doctest(text, dict(vars(module)), "example", None, 0)
    flags = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
    said = []
    failed = doctest.DocTestRunner(verbose=False, optionflags=flags).run(examples, out=said.append).failed
    assert failed == 0, "".join(said)
"""


def import_by_path(root: Path, path: str) -> str:
    """Statements that bind `module` to the module at `path`, however the project lays out its packages."""
    base, dotted = module_name(root, path)
    where = (
        f"os.path.join(os.path.dirname(os.path.abspath(__file__)), {base!r})" if base else "os.path.dirname(__file__)"
    )
    lines = ("import importlib", "import os", "import sys", "", f"sys.path.insert(0, {where})")
    return "\n".join((*lines, f"module = importlib.import_module({dotted!r})", ""))


def module_name(root: Path, path: str) -> tuple[str, str]:
    """The folder, relative to the root, from which a file is imported, and its dotted name from there."""
    pure = PurePosixPath(path)
    parts = [] if pure.name == "__init__.py" else [pure.stem]
    folder = pure.parent
    while folder != PurePosixPath(".") and (root / folder / "__init__.py").exists():
        parts.insert(0, folder.name)
        folder = folder.parent
    base = "" if folder == PurePosixPath(".") else folder.as_posix()
    return base, ".".join(parts)


def _parses(source: str, mode: Literal["exec", "eval"] = "exec") -> bool:
    try:
        ast.parse(source.strip(), mode=mode)
    except (SyntaxError, ValueError):
        return False
    return True


def _text(example: doctest.Example) -> str:
    lines = example.source.rstrip("\n").split("\n")
    asked = "\n".join((">>> " if i == 0 else "... ") + line for i, line in enumerate(lines))
    return f"{asked}\n{example.want}"


def sources(root: Path, nodeids: Sequence[str]) -> str:
    """The text of the tests; where there is one only, also what it draws on."""
    texts = list(dict.fromkeys(_source(root, nodeid.split("[")[0]) for nodeid in nodeids))
    whole = "\n\n\n".join(text for text in texts if text)
    more = examination(root, nodeids[0]) if len(texts) == 1 else ""
    return (more if len(more) > len(whole) else whole)[:_MOST_TEXT]


def _source(root: Path, nodeid: str) -> str:
    path, *names = nodeid.split("::")
    try:
        source = Source.parse(path, (root / path).read_bytes())
    except (OSError, BadInput):
        return ""
    wanted = ".".join(names)
    return next((source.text_of(f) for f in source.functions() if f.qualname == wanted), "")


def outcomes(tests: Sequence[TestResult], nodeids: Sequence[str]) -> Iterator[tuple[TestResult, bool]]:
    """Of the tests that these node ids stand for: each, and whether it passed."""
    for test in tests:
        if any(test.nodeid == n or test.nodeid.startswith((f"{n}::", f"{n}[")) for n in nodeids):
            yield test, test.outcome is Outcome.PASSED
