"""LiveCodeBench's code generation (arXiv 2403.07974), as `code_generation` and `code_generation_lite` publish it.

    starter_code with a class   ─▶ a method to write; arguments and result are JSON
    no starter_code             ─▶ a function `main` to write, that reads standard input and prints

Outputs are compared as LiveCodeBench does: JSON with tuples as lists; text line by line, numbers by value.
"""

from __future__ import annotations

import ast
import base64
import io
import json
import pickle
import zlib
from collections.abc import Mapping, Sequence
from typing import Any, cast

Case = Mapping[str, str]
_MODULES = (
    "bisect, collections, copy, datetime, functools, heapq, itertools, json, math, operator, random, re, string, sys"
)
_HEAD = (
    "import " + _MODULES + "\nfrom bisect import *\nfrom collections import *\nfrom functools import *\n"
    "from heapq import *\nfrom itertools import *\nfrom math import *\nfrom typing import *\n"
)
"""What LiveCodeBench imports before an answer runs, as far as answers use it."""
MAIN = "main"
_MOST_BYTES = 256 << 20
"""Of a task's tests unpacked: some megabytes are usual, and a few kilobytes can unpack to more than memory holds."""
_READ = "Read everything from standard input and print the answer to standard output."
_CALLED = """\
import json

import solution

CASES = {cases!r}


def plain(value):
    return list(value) if isinstance(value, tuple) else value

"""
_CALL = """
def test_{number}():
    given, expected = CASES[{index}]
    arguments = [json.loads(line) for line in given.split("\\n")]
    assert plain(solution.{called}(*arguments)) == json.loads(expected)

"""
_PRINTED = """\
import builtins
import io
import sys
from decimal import Decimal, InvalidOperation

import solution

CASES = {cases!r}


def same(one, other):
    try:
        return one == other or [Decimal(w) for w in one.split()] == [Decimal(w) for w in other.split()]
    except InvalidOperation:
        return False


def agree(text, other):
    lines, others = ([line.strip() for line in each.strip().split("\\n")] for each in (text, other))
    return len(lines) == len(others) and all(same(*pair) for pair in zip(lines, others))


def printed(given, patch, capsys):
    real = open
    patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(given.encode()), "utf-8"))
    patch.setattr(builtins, "open", lambda path, *more, **named: (
        io.StringIO(given) if path in (0, "/dev/stdin") else real(path, *more, **named)
    ))
    try:
        solution.main()
    except SystemExit:
        pass
    return capsys.readouterr().out

"""
_PRINT = """
def test_{number}(monkeypatch, capsys):
    given, expected = CASES[{index}]
    output = printed(given, monkeypatch, capsys)
    assert agree(output, expected), output

"""


def name_of(row: Mapping[str, Any]) -> str:
    """The qualified name of what is to be written."""
    called = json.loads(row["metadata"] or "{}").get("func_name", "")
    return f"Solution.{called}" if called and "class Solution" in row["starter_code"] else called or MAIN


def source_of(row: Mapping[str, Any]) -> str:
    """A module with the function, described and without a body. Raises ValueError or SyntaxError without one."""
    name, said = name_of(row), str(row["question_content"])
    head = row["starter_code"].rstrip() if name != MAIN else "def main():"
    tree = ast.parse(f"{_HEAD}\n\n{head}\n{_indent(head)}pass\n")
    node = next(n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef) and n.name == name.split(".")[-1])
    node.body = [ast.Expr(ast.Constant(f"{said}\n\n{_READ}" if name == MAIN else said)), ast.Pass()]
    return f"{ast.unparse(tree)}\n"


def tests_of(row: Mapping[str, Any]) -> str:
    """All its tests, public and private, one function each. Raises ValueError for what is none."""
    cases = [*_cases(row["public_test_cases"]), *_cases(row["private_test_cases"])]
    name = name_of(row)
    if not cases or len({case["testtype"] for case in cases}) != 1:
        raise ValueError("its tests are none, or of several kinds")
    if (cases[0]["testtype"] == "stdin") != (name == MAIN):
        raise ValueError(f"its tests are {cases[0]['testtype']}, which {name} is not")
    head, each = (_PRINTED, _PRINT) if name == MAIN else (_CALLED, _CALL)
    called = name.replace("Solution.", "Solution().")
    body = "".join(each.format(number=i + 1, index=i, called=called) for i in range(len(cases)))
    return head.format(cases=[(case["input"], case["output"]) for case in cases]) + body


def _indent(head: str) -> str:
    last = head.splitlines()[-1]
    return last[: len(last) - len(last.lstrip())] + "    "


def _cases(text: str) -> Sequence[Case]:
    """JSON; the lite version packs its private tests: a pickled text, compressed, in base64."""
    try:
        return json.loads(text)
    except ValueError:
        unpacking = zlib.decompressobj()
        packed = unpacking.decompress(base64.b64decode(text), _MOST_BYTES)
    if unpacking.unconsumed_tail:
        raise ValueError(f"its packed tests have more than {_MOST_BYTES >> 20} MB")
    return json.loads(cast("str", _Plain(io.BytesIO(packed)).load()))


class _Plain(pickle.Unpickler):
    """For a text alone: a file of tasks must not run code."""

    def find_class(self, module_name: str, global_name: str, /) -> Any:  # noqa: ANN401 - as the base class
        raise ValueError(f"its packed tests name {module_name}.{global_name}")
