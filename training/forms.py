"""Tasks of others as they are published, one JSON object a line: which form a line has, and what it asks.

    form            known by             asks to
    Darner's own    source               repair      id, entry_point, source (wrong), visible_tests, hidden_tests; fixed
    HumanEvalFix    buggy_solution       repair      task_id, entry_point, prompt, test, example_test (may be shown)
    MBPP            test_list, code      write       task_id, text or prompt
    HumanEval       test with `check`    write       task_id, entry_point, prompt

A line of another form, or one that lacks a field of its own, is refused by number: what is scored as something else
gives a wrong figure without an error.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from ..engine.errors import BadInput
from .bench import statements_as_tests

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Item:
    """One task."""

    id: str
    name: str
    """The function's."""
    source: str
    """A module in which it is wrong, or has no body yet."""
    repairs: bool
    """The body is wrong and to be repaired; else it is missing and to be written."""
    visible: str
    """Tests that may be shown; empty where a description alone is given."""
    hidden: str
    known: str = ""
    """A module that is right, where the task has one."""


def read(path: Path) -> tuple[Item, ...]:
    """Raises BadInput for a file that cannot be read, or a line that is no task of a known form."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{path} cannot be read ({error}); name tasks as JSON lines in [evaluate].") from error
    return tuple(_item(path, number, line) for number, line in enumerate(lines, 1) if line.strip())


def _item(path: Path, number: int, line: str) -> Item:
    try:
        row: object = json.loads(line)
    except ValueError as error:
        raise BadInput(f"{path}:{number}: this line is not JSON ({error}); take it out.") from None
    fields = cast("dict[str, Any]", row) if isinstance(row, dict) else {}
    form = next((name for name, (mark, _) in _FORMS.items() if mark in fields), "")
    if not form:
        has = ", ".join(list(fields)[:8]) or "no fields"
        raise BadInput(
            f"{path}:{number}: this line is no task in a form known here ({', '.join(_FORMS)}): it has {has}; "
            "take it out, or see docs/training.md for the fields."
        )
    try:
        return _sound(_FORMS[form][1](fields))
    except KeyError as error:
        raise BadInput(f"{path}:{number}: this {form} task has no field {error}; take it out.") from None
    except (SyntaxError, ValueError, TypeError, AttributeError, StopIteration) as error:
        raise BadInput(f"{path}:{number}: this is no {form} task in Python ({error}); take it out.") from None


def _sound(item: Item) -> Item:
    """Raises ValueError where the module does not define its function."""
    names = {node.name for node in ast.walk(ast.parse(item.source)) if isinstance(node, ast.FunctionDef)}
    if item.name.split(".")[-1] not in names:
        raise ValueError(f"its code does not define {item.name}")
    return item


def _own(row: Row) -> Item:
    visible, hidden = row["visible_tests"], row["hidden_tests"]
    return Item(row["id"], row["entry_point"], row["source"], True, visible, hidden, row.get("fixed", ""))


def _humanevalfix(row: Row) -> Item:
    """HumanEvalPack of OctoPack (arXiv 2308.07124): its doc tests may be shown, its unit tests judge."""
    name, prompt = str(row["entry_point"]), str(row["prompt"])
    hidden = _checks(name, "\n".join((row.get("import", ""), row.get("test_setup", ""), row["test"])))
    wrong, known = (f"{prompt.rstrip()}\n{row[key]}" for key in ("buggy_solution", "canonical_solution"))
    return Item(str(row["task_id"]), name, wrong, True, _shown(known, name, row["example_test"]), hidden, known)


def _humaneval(row: Row) -> Item:
    name, prompt = str(row["entry_point"]), str(row["prompt"]).rstrip()
    known = f"{prompt}\n{row['canonical_solution']}" if "canonical_solution" in row else ""
    return Item(str(row["task_id"]), name, f"{prompt}\n    pass\n", False, "", _checks(name, row["test"]), known)


def _mbpp(row: Row) -> Item:
    tests = [str(test) for test in row["test_list"]]
    called = {node.id for node in ast.walk(ast.parse("\n".join(tests))) if isinstance(node, ast.Name)}
    defined = [node for node in ast.parse(row["code"]).body if isinstance(node, ast.FunctionDef)]
    node = next(node for node in reversed(defined) if node.name in called)
    node.body = [ast.Expr(ast.Constant(str(row.get("text") or row["prompt"]))), ast.Pass()]
    body = "\n".join(f"    {line}" for test in tests for line in test.splitlines())
    hidden = f"from solution import *\nfrom solution import {node.name}\n\n\ndef test_it():\n{body}\n"
    return Item(str(row["task_id"]), node.name, f"{ast.unparse(node)}\n", False, "", hidden, row["code"])


def _checks(name: str, test: str) -> str:
    """A test that calls `check`, which `test` defines; where `test` calls it too, that call goes."""
    tree = ast.parse(test)
    if not any(isinstance(node, ast.FunctionDef) and node.name == "check" for node in tree.body):
        raise ValueError("its test does not define check")
    lines = test.splitlines()
    for node in tree.body:
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            lines[node.lineno - 1 : node.end_lineno] = [""] * ((node.end_lineno or node.lineno) - node.lineno + 1)
    text = "\n".join(lines).strip()
    return f"from solution import *\nfrom solution import {name}\n\n\n{text}\n\n\ndef test_it():\n    check({name})\n"


def _shown(known: str, name: str, test: str) -> str:
    """Each assert of `check` as a test, as a user has them; nothing where there is none."""
    check = next((node for node in ast.parse(test).body if isinstance(node, ast.FunctionDef)), None)
    if check is None:
        return ""
    for node in ast.walk(check):
        if isinstance(node, ast.Name) and node.id == check.args.args[0].arg:
            node.id = name
    try:
        return statements_as_tests(known, "\n".join(ast.unparse(node) for node in check.body))
    except ValueError:
        return ""


_FORMS: Mapping[str, tuple[str, Callable[[Row], Item]]] = {
    "own": ("source", _own),
    "HumanEvalFix": ("buggy_solution", _humanevalfix),
    "MBPP": ("test_list", _mbpp),
    "HumanEval": ("test", _humaneval),
}
"""By the field that tells one from those behind it."""
