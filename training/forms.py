"""Tasks of others as they are published, one JSON object a line: which form a line has, and what it asks.

    form            known by             asks to
    Darner's own    source               repair      id, entry_point, source (wrong), visible_tests, hidden_tests; fixed
    HumanEvalFix    buggy_solution       repair      task_id, entry_point, prompt, test, example_test (may be shown)
    EvalPlus        plus_input           write       task_id, entry_point, prompt, canonical_solution, base_input, atol
    MBPP(+)         test_list            write       task_id, text or prompt, code; `test` of MBPP+, which judges too
    LiveCodeBench   public_test_cases    write       question_id, question_content, starter_code, private_…, metadata
    HumanEval(+)    test (with `check`)  write       task_id, entry_point, prompt

A line of another form, or one that lacks a field of its own, is refused by number: what is scored as something else
gives a wrong figure without an error.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

from ..engine.errors import BadInput
from ..sandbox.types import Limits
from . import contest, plus
from .bench import EACH, statements_as_tests

Row = Mapping[str, Any]
_LONG = replace(EACH, wall_s=150.0, cpu_s=90.0, test_wall_s=120.0, test_cpu_s=60.0)
"""For hundreds of inputs of one task, beside its known solution."""


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
    limits: Limits = EACH
    """Of a run of its tests."""
    gated: bool = True
    """An answer may do no more than the engine allows a repair; else it may read standard input."""


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
    return Item(str(row["task_id"]), name, f"{prompt}\n    pass\n", False, "", _checks(name, row["test"]), known, _LONG)


def _evalplus(row: Row) -> Item:
    """HumanEval+, whose prompt is the function's head, or MBPP+, whose prompt is a text."""
    name, prompt, code = str(row["entry_point"]), str(row["prompt"]).rstrip(), str(row["canonical_solution"])
    continued = f"def {name}" in prompt
    known = f"{prompt}\n{code}" if continued else code
    source = f"{prompt}\n    pass\n" if continued else _bodiless(code, name, prompt.strip("\"' \n"))
    return Item(str(row["task_id"]), name, source, False, "", plus.tests(row, known), known, _LONG)


def _mbpp(row: Row) -> Item:
    """MBPP, or MBPP+ as one of its rows with `test`, whose plain statements judge all inputs."""
    tests = "\n".join((*row.get("test_imports", ()), *map(str, row["test_list"])))
    called = {node.id for node in ast.walk(ast.parse(tests)) if isinstance(node, ast.Name)}
    defined = [node.name for node in ast.parse(row["code"]).body if isinstance(node, ast.FunctionDef)]
    name = next(name for name in reversed(defined) if name in called)
    parts = [("base", tests), *([("plus", row["test"])] if "test" in row else [])]
    hidden = "import solution\n" + "".join(_ALL_AT_ONCE.format(kind=kind, text=text) for kind, text in parts)
    source = _bodiless(row["code"], name, str(row.get("text") or row["prompt"]))
    return Item(str(row["task_id"]), name, source, False, "", hidden, row["code"], _LONG)


_ALL_AT_ONCE = """

def test_{kind}():
    exec(compile({text!r}, {kind!r}, "exec"), dict(vars(solution)))
"""


def _bodiless(code: str, name: str, description: str) -> str:
    """The head of a known solution's function, and what it is to do."""
    nodes = [node for node in ast.parse(code).body if isinstance(node, ast.FunctionDef)]
    node = next(node for node in reversed(nodes) if node.name == name)
    node.body = [ast.Expr(ast.Constant(description)), ast.Pass()]
    return f"{ast.unparse(node)}\n"


def _contest(row: Row) -> Item:
    source, hidden = contest.source_of(row), contest.tests_of(row)
    name = contest.name_of(row)
    return Item(str(row["question_id"]), name, source, False, "", hidden, limits=_LONG, gated=name != contest.MAIN)


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
    "EvalPlus": ("plus_input", _evalplus),
    "MBPP": ("test_list", _mbpp),
    "LiveCodeBench": ("public_test_cases", _contest),
    "HumanEval": ("test", _humaneval),
}
"""By the field that tells one from those behind it."""
