"""Ending a sample early must lose nothing: what is called hopeless has no continuation that is Python."""

from __future__ import annotations

import ast
import inspect
import json
import textwrap
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from darner.engine import hopeless, mutate, source
from darner.engine.hopeless import is_hopeless
from darner.engine.llama import LlamaModel
from darner.engine.model import Ending, Message, Sampling
from darner.engine.stop import Stop
from tiny_gguf import write_tiny_gguf

MODULES = (ast, textwrap, json.decoder, inspect, mutate, source, hopeless)


def functions() -> Iterator[str]:
    for module in MODULES:
        text = inspect.getsource(module)
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.col_offset == 0:
                yield ast.get_source_segment(text, node) or ""


def test_no_beginning_of_a_real_function_is_hopeless() -> None:
    """Every line of the standard library's functions and of our own, cut wherever a line ends."""
    seen = 0
    for function in functions():
        lines = function.splitlines(keepends=True)
        for end in range(1, len(lines)):
            for text in ("".join(lines[:end]), textwrap.indent("".join(lines[:end]), "    ")):
                assert not is_hopeless(text), text
                seen += 1
    assert seen > 1000


@pytest.mark.parametrize(
    "text",
    [
        "def f(:\n",
        "def f(a):\n    return (a]\n",
        "def f(a):\n    if a:\nreturn 1\n",
        "The function adds up.\n",
        "def f(a):\n        x = 1\n    return x\n",
        "def f():\n    return '\0'\n",
    ],
)
def test_what_no_continuation_mends_is_hopeless(text: str) -> None:
    """Its remaining tokens would be paid for nothing."""
    assert is_hopeless(text)


@pytest.mark.parametrize("begun", ["", "def noise("])
def test_a_sample_that_cannot_become_python_ends_at_that_line(tmp_path: Path, begun: str) -> None:
    """The tiny model writes noise: with the flag no text goes on behind a hopeless line; without it, most do.

    What was put into its mouth is part of the line: alone, the rest of a definition's head is no Python.
    """
    mouth = f"```python\n{begun}"
    asked = (Message("user", "noise"),)
    with closing(LlamaModel(write_tiny_gguf(tmp_path / "noise.gguf", seed=6))) as model:  # whose noise has line ends
        told = model.sample(asked, Sampling(16, 1.5, top_p=1.0, max_tokens=400, prefill=mouth, python=True), Stop())
        free = model.sample(asked, Sampling(16, 1.5, top_p=1.0, max_tokens=400, prefill=mouth), Stop())

    ended = [completion.text for completion in told if completion.ending is Ending.HOPELESS]
    assert ended
    for text in ended:
        *before, last, _ = text.split("\n")
        assert not (before and is_hopeless(begun + "".join(f"{line}\n" for line in before)))
        assert is_hopeless(begun + "".join(f"{line}\n" for line in [*before, last]))
    assert sum(completion.tokens for completion in told) < sum(completion.tokens for completion in free)
