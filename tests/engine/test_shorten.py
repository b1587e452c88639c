"""A prompt that does not fit gives way in a known order, and says what it left out."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from darner.engine.config import Budget
from darner.engine.events import Phase
from darner.engine.llama import LlamaModel
from darner.engine.loop import repair
from darner.engine.outlines import context_of
from darner.engine.project import Project, find_interpreter
from darner.engine.prompt import Target, left_out
from darner.engine.prompt import repair as ask
from darner.engine.shorten import USUAL, Space
from darner.engine.source import Source
from darner.engine.stop import Stop
from darner.engine.suite import run_suite
from darner.engine.trial import open_session
from tiny_gguf import CONTEXT

FAR = "\n\n".join(f'def part_{i}(value):\n    """{"word " * 12}"""\n    return value' for i in range(40))
FAULTY = f'''{FAR}


def checksum(text):
    """The CRC-32 of the text's UTF-8 bytes."""
    raise NotImplementedError


def neighbour():
    return 1
'''
TEST = "from crc import checksum\n\n\ndef test_checksum():\n    assert checksum('abc') == 891568578\n"


def target() -> Target:
    source = Source.parse("crc.py", FAULTY.encode())
    return Target(source, next(f for f in source.functions() if f.qualname == "checksum"), TEST, ("it raised",) * 200)


def test_the_farthest_parts_of_the_file_give_way_first() -> None:
    """What stands beside the function is likelier to matter to it."""
    one = target()
    near = context_of(one.source, one.function, Space(context=300))

    assert "def neighbour" in near
    assert "def part_39" in near
    assert "def part_0(" not in near


def test_each_step_is_shorter_and_keeps_the_function_and_the_last_step_ends() -> None:
    """A loop that shortens must end, and a model that does not see the function cannot repair it."""
    one, sizes = target(), list[int]()
    space: Space | None = USUAL
    last = USUAL
    while space:
        (_, user) = ask(one, None, space)
        assert "raise NotImplementedError" in user.content
        sizes.append(len(user.content))
        last, space = space, space.less()

    assert sizes == sorted(sizes, reverse=True)
    assert last.context == 0
    assert left_out(one, last) == ("41 of 41 other parts of crc.py", "some facts of the run")


@pytest.mark.slow
def test_a_small_context_gets_a_shorter_prompt_and_the_user_hears_of_it(tiny: LlamaModel, tmp_path: Path) -> None:
    """Never in silence: an answer that misses a helper is then no riddle."""
    root = tmp_path.resolve()
    (root / "crc.py").write_text(FAULTY)
    (root / "test_crc.py").write_text(TEST)
    assert len(ask(target())[1].content) > CONTEXT, "a token of the tiny model is a byte"
    with open_session(Project(root, find_interpreter(root, sys.executable)), trusted=True) as session:
        suite = run_suite(session, (), Stop())
        budget = Budget("test", 90.0, samples=1, rounds=0, prose=False)
        events = repair(session, suite, suite.failing[0], tiny, budget, Stop())
        said = (event.text for event in events if isinstance(event, Phase) and event.name == "model")

        assert any(
            "left out of the prompt for lack of space: " in text and "other parts of crc.py" in text for text in said
        )
