"""What a test of one function may ask: a call and what it gives, as a person, a docstring, a model or the code says."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from ..sandbox.types import CallResult
from .agreement import asserted, not_run
from .jury import apart
from .literals import bare, changes_arguments, is_value, same
from .stub import Meant
from .written import Check, Teller


def from_docstring(meant: Meant) -> Iterator[Check]:
    """Its examples that need no other."""
    for example in apart(meant.docstring)[0]:
        call = _expression(example.source.strip(), meant)
        if call and example.exc_msg is not None:
            yield Check(call, example.exc_msg.split(":")[0].strip(), True, Teller.DOCSTRING)
        elif call and is_value(example.want.strip()):
            yield Check(call, example.want.strip(), False, Teller.DOCSTRING)


def _expression(source: str, meant: Meant) -> str:
    """Without parentheses, comments and what runs it around it, on one line; empty for a statement."""
    try:
        node = not_run(ast.parse(source, mode="eval").body, meant)
    except (SyntaxError, ValueError, RecursionError):
        return ""
    text = ast.get_source_segment(source, node) or ""
    return ast.unparse(node) if "\n" in text else text


def from_model(text: str, meant: Meant) -> Iterator[Check]:
    yield from (Check(call, value, False, Teller.MODEL) for call, value in asserted(text, meant))


def settled(checks: Sequence[Check], given: Sequence[CallResult], meant: Meant) -> Iterator[Check]:
    """The checks that hold for what the calls really gave; a wrong prophecy becomes a record of what came instead.

    What is not the same twice, does not end, or cannot be written as a value is left out.
    """
    for check, came in zip(checks, given, strict=True):
        if came.exception is not None:
            name = bare(came.exception)
            if check.raises and check.value.split(".")[-1] == name:
                yield check
            elif _raised_on_purpose(name, meant) and check.teller in (Teller.MODEL, Teller.CODE):
                yield Check(check.call, name, True, Teller.CODE)
        elif came.result is not None and not changes_arguments(came.result):
            value = bare(came.result)
            if not check.raises and same(check.value, value):
                yield check
            elif check.teller in (Teller.MODEL, Teller.CODE) and is_value(value):
                yield Check(check.call, value, False, Teller.CODE)


def _raised_on_purpose(exception: str, meant: Meant) -> bool:
    """The function itself raises it: a TypeError of a wrong call is no behaviour to keep."""
    raised = (n.exc for n in ast.walk(meant.function.node) if isinstance(n, ast.Raise) and n.exc is not None)
    names = (n.func if isinstance(n, ast.Call) else n for n in raised)
    return any(isinstance(n, ast.Name) and n.id == exception for n in names)
