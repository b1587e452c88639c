"""The brief form of a repair: a function of any kind is shown, asked for, and what comes is put in its place."""

from __future__ import annotations

import ast
import statistics
import sys
import textwrap
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from darner.engine import brief, forms
from darner.engine.case import Case, open_case
from darner.engine.config import Budget
from darner.engine.evidence import gather
from darner.engine.model import Completion, Ending, Form
from darner.engine.project import Project, find_interpreter
from darner.engine.prompt import Attempt, Target
from darner.engine.sample import Sampler, candidate_from
from darner.engine.scripted import ScriptedModel
from darner.engine.shorten import USUAL, Space
from darner.engine.source import Source
from darner.engine.stop import Stop
from darner.engine.suite import run_suite
from darner.engine.trial import open_session
from darner.engine.types import Candidate, Verdict

LIBRARY = Path(statistics.__file__).parent


@dataclass(frozen=True)
class Kind:
    """A file with one mistake, a test that it fails, what a model is made to begin with, and what it goes on with."""

    code: str
    test: str
    mouth: str
    rest: str
    wrong: str = "min("
    right: str = "max("

    @property
    def answer(self) -> str:
        return f"{textwrap.dedent(self.rest)}```"


KINDS = {
    "plain, without a docstring": Kind(
        "def best(values):\n    return min(values)\n",
        "assert it.best([1, 3]) == 3",
        "def best(",
        "values):\n    return max(values)\n",
    ),
    "decorated": Kind(
        "import functools\n\n\n@functools.cache\n@functools.wraps(min)\ndef best(*values):\n    return min(values)\n",
        "assert it.best(1, 3) == 3",
        "def best(",
        "*values):\n    return max(values)\n",
    ),
    "async": Kind(
        'async def best(values):\n    """The largest."""\n    return min(values)\n',
        "import asyncio\n    assert asyncio.run(it.best([1, 3])) == 3",
        "async def best(",
        "values):\n    return max(values)\n",
    ),
    "a method": Kind(
        "class Cart(list):\n    '''Of prices.'''\n\n    kept = True\n\n"
        '    def best(self):\n        """The dearest:\n\n        one price."""\n        return min(self)\n',
        "assert it.Cart([1, 3]).best() == 3",
        "def best(",
        "self):\n    return max(self)\n",
    ),
    "a property that has a setter": Kind(
        "class Cart:\n    @property\n    def best(self):\n        return min(self._best, 0)\n\n"
        "    @best.setter\n    def best(self, value):\n        self._best = value\n",
        "cart = it.Cart()\n    cart.best = 3\n    assert cart.best == 3",
        "def best(",
        "self):\n    return max(self._best, 0)\n",
    ),
    "nested": Kind(
        "def outer(values):\n    start = 0\n\n    def best(start):\n        return min([start, *values])\n\n"
        "    return best(start)\n",
        "assert it.outer([1, 3]) == 3",
        "def best(",
        "start):\n    return max([start, *values])\n",
    ),
    "indented by tabs, with a text that is not": Kind(
        "if True:\n\tdef best(values):\n\t\ttext = '''\nmin\n'''\n\t\treturn min(values) if text else 0\n",
        "assert it.best([1, 3]) == 3",
        "def best(",
        "values):\n    text = '''\nmin\n'''\n    return max(values) if text else 0\n",
    ),
    "in Windows' line ends and Latin-1": Kind(
        "# coding: latin-1\r\ndef best(values):\r\n    '''Größte.'''\r\n    return min(values)\r\n",
        "assert it.best([1, 3]) == 3",
        "def best(",
        "values):\n    return max(values)\n",
    ),
}


@contextmanager
def opened(kind: Kind, root: Path) -> Generator[Case]:
    """Its failing test in a real sandbox."""
    (root / "it.py").write_bytes(kind.code.encode("latin-1"))
    (root / "test_it.py").write_text(f"import it\n\n\ndef test_it():\n    {kind.test}\n")
    with open_session(Project(root, find_interpreter(root, sys.executable)), trusted=True) as session:
        suite = run_suite(session, (), Stop())
        yield open_case(session, suite, gather(session, suite, suite.failing[0], Stop()))


def sampler(model: ScriptedModel, case: Case, tried: list[Candidate], samples: int = 1) -> Sampler:
    def attempt(candidate: Candidate) -> Verdict | None:
        tried.append(candidate)
        return case.trial.quick(candidate, Stop())

    return Sampler(model, case, Budget("test", 90.0, samples=samples, rounds=1), 0, attempt, Stop())


@pytest.mark.parametrize("name", KINDS)
def test_the_right_answer_to_a_brief_prompt_becomes_a_candidate_that_passes(name: str, tmp_path: Path) -> None:
    """Real functions are methods, decorated, asynchronous: what the model goes on from must suit each."""
    kind, tried = KINDS[name], list[Candidate]()
    model = ScriptedModel(kind.answer, form=Form.BRIEF)
    with opened(kind, tmp_path.resolve()) as case:
        running = sampler(model, case, tried)
        running.run()

    assert len(running.passed) == 1
    assert any(each.prefill == f"```python\n{kind.mouth}" for each in model.how)
    assert kind.wrong in next(asked[-1].content for asked in model.asked if "has a bug" in asked[-1].content)
    after = tried[-1].patch.files[0].after.decode("latin-1")
    assert after == kind.code.replace(f"return {kind.wrong}", f"return {kind.right}")


@pytest.mark.parametrize("name", KINDS)
def test_an_attempt_is_shown_in_the_functions_place_with_what_came_of_it(name: str) -> None:
    """A model that is asked again must see what it said as it was run: in a property that has a setter, too."""
    kind = KINDS[name]
    source = Source.parse("it.py", kind.code.encode("latin-1"))
    at = source.data.decode("latin-1").splitlines().index(next(row for row in rows(kind.code) if "return min(" in row))
    function = source.function_at(at + 1)
    assert function
    target = Target(source, function, "assert True", ("it is 1",))
    said = Completion(kind.rest.replace("max(", "abs("), Ending.STOP, 1)
    candidate, text = candidate_from(said, target, "scripted", forms.opening(function, Form.BRIEF))
    shown = brief.repair(target, Attempt(text, "TypeError: it takes one"))[-1].content

    after = candidate.patch.files[0].after.decode("latin-1")
    assert "return abs(" in after
    assert code_of(shown) == "\n".join(rows(after))
    assert "\nTypeError: it takes one\n" in shown
    assert "it is 1" not in shown


def rows(code: str) -> list[str]:
    return code.strip().replace("\r\n", "\n").split("\n")


def test_what_failed_is_asked_again_as_an_attempt(tmp_path: Path) -> None:
    """By the sampler that the product runs."""
    kind = KINDS["a property that has a setter"]
    model = ScriptedModel(kind.answer.replace("max(", "abs("), form=Form.BRIEF)
    with opened(kind, tmp_path.resolve()) as case:
        sampler(model, case, []).run()

    again = [asked[-1].content for asked in model.asked if "abs(" in asked[-1].content]
    assert again
    assert all("abs() takes" in text and "return min(" not in text for text in again)


@pytest.mark.parametrize("module", ["textwrap.py", "difflib.py", "fractions.py", "argparse.py"])
def test_of_a_large_module_the_function_stays_whole_in_its_class_and_the_nearest_of_the_rest(module: str) -> None:
    """Within the documented characters, and still Python: half a class would be a riddle."""
    source = Source.parse(module, (LIBRARY / module).read_bytes())
    lines = brief.briefly(source)
    for function in source.functions()[::5]:
        target = Target(source, function, "assert True", ("it failed",))
        own = "\n".join(lines[at] for at in range(function.first_line, function.end_line + 1) if at in lines)
        for space in (USUAL, Space(600), Space(0)):
            shown = code_of(brief.repair(target, space=space)[-1].content)
            tree = Source.parse(module, shown.encode())

            assert own in shown
            assert function.qualname in {each.qualname for each in tree.functions()}
            assert len(shown) <= max(brief.MOST.context * space.context // USUAL.context, least(target))
        assert "other parts of" in brief.left_out(target, Space(0))[0]


def code_of(content: str) -> str:
    return content.removeprefix("```python\n").partition("\n```\n")[0]


def least(target: Target) -> int:
    """What is shown of it when nothing else has room."""
    return len(code_of(brief.repair(target, space=Space(0))[-1].content))


def test_the_nearest_are_kept_and_what_is_left_out_is_said() -> None:
    """As in the engine's own form: an answer that misses a helper is then no riddle."""
    far = "\n\n".join(f'def part_{i}(value):\n    """{"word " * 12}"""\n    return value' for i in range(99))
    source = Source.parse("crc.py", f"{far}\n\n\ndef checksum(text):\n    return 0\n\n\nBASE = 7\n".encode())
    target = Target(source, source.functions()[-1], "assert checksum('a')" * 99, ("it raised",) * 99)
    space: Space | None = USUAL
    last, sizes = USUAL, list[int]()
    while space:
        content = brief.repair(target, space=space)[-1].content
        sizes.append(len(content))
        assert "def checksum(text):\n    return 0" in content
        assert ("BASE = 7" in content, "part_0(" in content) == (space.context > 0, False)
        last, space = space, space.less()

    assert sizes == sorted(sizes, reverse=True)
    said = ("100 of 100 other parts of crc.py", "some facts of the run", "the end of the test")
    assert brief.left_out(target, last) == said
    assert forms.left_out(target, Form.BRIEF, USUAL)[1:] == said[1:]


@pytest.mark.parametrize("module", ["statistics.py", "textwrap.py", "difflib.py", "fractions.py"])
def test_a_brief_module_is_the_same_code_with_shorter_docstrings(module: str) -> None:
    """What is shown may say less, and must do the same."""
    source = Source.parse(module, (LIBRARY / module).read_bytes())
    shown = "\n".join(brief.briefly(source).values())

    assert undocumented(shown) == undocumented(source.data.decode())
    assert len(shown) < len(source.data)


def undocumented(code: str) -> str:
    tree = ast.parse(code)
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.FunctionDef | ast.ClassDef) and ast.get_docstring(node) is not None:
            node.body = node.body[1:]
    return ast.dump(tree)


def test_an_attempt_that_is_no_function_is_shown_as_it_was_said() -> None:
    """A recorded answer may hold anything."""
    source = Source.parse("it.py", KINDS["async"].code.encode())
    target = Target(source, source.functions()[0], "assert True", ("it failed",))
    content = brief.repair(target, Attempt("async def best(:", "does not parse"))[-1].content

    assert "async def best(:" in content
    assert "does not parse" in content
