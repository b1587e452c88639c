"""Past-generation masking hides words of the wrong code, and of nothing else."""

from __future__ import annotations

from darner.training.masking import HIDDEN, masked
from darner.training.types import Conversation, Turn

WRONG = "```python\ndef area(width, height):\n    total = width + height\n    return total\n```"
TEST = "```python\nfrom solution import area\n\ndef test_it():\n    assert area(2, 3) == 6\n```"
ANSWER = "It adds.\n\n```python\ndef area(width, height):\n    return width * height\n```"


def explained() -> Conversation:
    turns = (
        Turn("user", f"Write area.\n{TEST}"),
        Turn("assistant", WRONG),
        Turn("user", "assert 5 == 6, where width = 2"),
        Turn("assistant", ANSWER),
    )
    return Conversation("c1", turns, 1.0, {"seed": "s"})


def refined() -> Conversation:
    """The engine's own prompt holds wrong code and test in one message."""
    turns = (Turn("user", f"The faulty function:\n{WRONG}\n\nThe failing test:\n{TEST}\n"), Turn("assistant", ANSWER))
    return Conversation("c2", turns, 1.0, {"seed": "s"})


def test_everything_but_the_wrong_code_stays_readable() -> None:
    """The answer is what is learnt, and the evidence is what it must be learnt from."""
    hidden = masked(explained(), 1.0, 1)
    code = hidden.messages[1].content

    assert [turn for turn in hidden.messages if turn.content != code] == [
        turn for turn in explained().messages if turn.content != WRONG
    ]
    assert code == "```python\ndef area___ __\n    _ _ _ _ _\n    _ _\n```"


def test_in_one_message_only_the_block_that_is_answered_is_hidden() -> None:
    """The test calls the function, and does not define it."""
    [asked, _] = masked(refined(), 1.0, 1).messages

    assert TEST in asked.content
    assert WRONG not in asked.content
    assert "def area" in asked.content


def test_the_share_holds_and_the_draw_is_the_seeds() -> None:
    """The same recipe gives the same rows; none hidden is the record itself."""
    long = "\n".join(f"    total = total + value_{n} * {n}" for n in range(200))
    wrong = f"```python\ndef area(total):\n{long}\n    return total\n```"
    conversation = Conversation("c3", (Turn("user", wrong), Turn("assistant", ANSWER)), 1.0, {})
    once, again, other = (masked(conversation, 0.3, seed) for seed in (1, 1, 2))
    words = 200 * 7 + 6

    assert once == again != other
    assert 0.25 < once.messages[0].content.split().count(HIDDEN) / words < 0.35
    assert masked(conversation, 0.0, 1) is conversation
