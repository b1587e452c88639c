"""Past-generation masking (CYCLE): words of the wrong code in a prompt are hidden while its repair is learnt.

A small model that always sees all of the wrong code learns to copy it. What names the function that is asked for stays
readable, as do the tests, what they said, and the answer.
"""

from __future__ import annotations

import random
import re
from collections.abc import Set
from dataclasses import replace

from .types import Conversation

HIDDEN = "_"
"""What stands for a hidden word: nearly one token in every vocabulary, and a name in Python."""
_BLOCK = re.compile(r"(?<=```python\n).*?(?=\n```)", re.DOTALL)
_DEFINED = re.compile(r"^\s*(?:async\s+)?def\s+(\w+)", re.MULTILINE)
_WORD = re.compile(r"[^\W\d]\w*|\d[\w.]*|[^\w\s]+")


def masked(conversation: Conversation, share: float, seed: int) -> Conversation:
    """`share` of the words hidden in every block of the prompt that defines a function which the answer defines."""
    *before, answer = conversation.messages
    names = frozenset(_DEFINED.findall(answer.content))
    if not share or not names:
        return conversation
    chance = random.Random(f"hidden {seed} {conversation.id}")
    turns = tuple(replace(turn, content=_hidden(turn.content, names, share, chance)) for turn in before)
    return replace(conversation, messages=(*turns, answer))


def _hidden(text: str, names: Set[str], share: float, chance: random.Random) -> str:
    def word(found: re.Match[str]) -> str:
        stays = found[0] == "def" or found[0] in names
        return found[0] if stays or chance.random() >= share else HIDDEN

    def block(found: re.Match[str]) -> str:
        return _WORD.sub(word, found[0]) if names & set(_DEFINED.findall(found[0])) else found[0]

    return _BLOCK.sub(block, text)
