"""A repair asked for in few words: what is left out, and that it is asked as it was learnt."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

from darner.engine.forms import opening
from darner.engine.model import Form
from darner.engine.parse import patch_from
from darner.engine.prompt import Attempt
from darner.engine.scripted import ScriptedModel
from darner.engine.stop import Stop
from darner.training import debug_data, dialogue, doctests
from darner.training.practice import ask, case_of
from darner.training.stages import Context
from darner.training.types import Conversation, Mistake, Task

LONG = " ".join(["Words that say much about this."] * 10)
CODE = f'''
def last(items, default=None):
    """Give the last of the items.

    {LONG}

    {LONG}
    """
    return items[-1] if items else default
'''
TESTS = "from solution import *\nfrom solution import last\n\n\ndef test_1():\n    assert last([]) is None\n"


def mistake(tests: str = TESTS) -> Mistake:
    task = Task("t", "last", "", CODE, tests, "seed", "MIT", "s")
    wrong = CODE.replace("items[-1] if items else default", "items[-1]")
    return Mistake("m", task, wrong, "dropped-guard", "a guard was dropped", "IndexError: list index out of range")


LEARNT = '''\
```python
def last(items, default=None):
    """Give the last of the items.

    ..."""
    return items[-1]
```

This test fails:
```python
def test_1():
    assert last([]) is None
```
IndexError: list index out of range

The function `last` has a bug. Find it and answer with the corrected function in one Python code block.'''


def test_a_brief_prompt_is_to_the_letter_what_adapters_learnt_so_far() -> None:
    """The figures of an adapter are those of the prompt that it was measured with."""
    case = case_of(mistake())
    assert case
    system, user = ask(case, None, explain=False, form=Form.BRIEF)

    assert system.content == "You are a helpful Python programmer."
    assert user.content == LEARNT
    assert opening(case.function, Form.BRIEF) == "```python\ndef last("


def test_a_brief_prompt_is_asked_as_it_was_learnt(tmp_path: Path) -> None:
    """Another word in the prompt, and the model is examined in what it never saw."""
    (tmp_path / "mistakes.jsonl").write_text(json.dumps(asdict(mistake())) + "\n", encoding="utf-8")
    context = Context(tmp_path, Stop(), 7, frozenset(("mistakes", "debug_data")), "", ScriptedModel)
    settings = debug_data.Settings(form=Form.BRIEF, explain=False, solve=False)
    (unit,) = units = debug_data.STAGE.units(context, settings)
    with debug_data.STAGE.opened(context, settings, units) as work:
        (record,) = (each for each in work(unit, 0) if isinstance(each, Conversation))
    *asked, answer = (turn.content for turn in record.messages)
    case = case_of(mistake())

    assert case
    assert [message.content for message in ask(case, None, explain=False, form=Form.BRIEF)] == asked
    assert answer.startswith(opening(case.function, Form.BRIEF))


def test_an_answer_without_its_docstring_leaves_the_users_in_place() -> None:
    """Half of an answer's tokens, and none of the user's words."""
    case = case_of(mistake())
    assert case
    answer = dialogue.fenced(debug_data.undocumented(CODE.strip()))
    patch, _ = patch_from(answer, case.source, case.function)

    assert LONG not in answer
    assert patch.files[0].after.decode() == CODE


def test_examples_that_the_docstring_holds_are_not_shown_twice() -> None:
    """A prompt for a small model has no room for the machinery of doctest."""
    shown = [
        ask(case, None, explain=False, form=Form.BRIEF)[-1].content
        for tests in (TESTS, doctests.as_one("last", ">>> last([1])\n1\n"))
        if (case := case_of(mistake(tests)))
    ]

    assert "assert last([]) is None" in shown[0]
    assert "import" not in shown[0]
    assert "doctest" not in shown[1]
    assert "IndexError" in shown[1]


def test_a_failed_attempt_is_the_next_function_to_repair() -> None:
    """Only the last round is shown, and what came of it."""
    case = case_of(mistake())
    assert case
    tried = CODE.replace("items[-1] if items else default", "items[0]")
    shown = dialogue.repair(case.target, Form.BRIEF, Attempt(tried, "IndexError again"))[-1].content

    assert "items[0]" in shown
    assert "IndexError again" in shown
    assert "items[-1]" not in shown
