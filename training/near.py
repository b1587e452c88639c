"""Near-copies by Jaccard similarity of shingles: exact, by prefix filtering, so that no near pair is missed by chance.

Two sets can only share `threshold` of their union if they share one of their rarest shingles: only texts that do are
compared. Code is shingled with its own names replaced, because a copy is most often a renamed one.
"""

from __future__ import annotations

import io
import keyword
import math
import re
import token
import tokenize
from collections import Counter, defaultdict
from collections.abc import Sequence
from hashlib import blake2b

_SHINGLE = 5
_LAYOUT = frozenset((token.NEWLINE, token.INDENT, token.DEDENT, token.ENDMARKER, tokenize.NL, tokenize.COMMENT))
_WORD = re.compile(r"\w+")


def words_of_text(text: str) -> list[str]:
    return [word.lower() for word in _WORD.findall(text)]


def words_of_code(code: str) -> list[str]:
    """Tokens without layout and comments; names become NAME, strings and numbers STRING and NUMBER.

    Keywords and the names behind a dot stay: they say what the code does. Text that is no Python is taken as words.
    """
    found: list[str] = []
    try:
        for each in tokenize.generate_tokens(io.StringIO(code).readline):
            if each.type not in _LAYOUT:
                found.append(_normal(each, found[-1] if found else ""))
    except (tokenize.TokenError, SyntaxError):
        return words_of_text(code)
    return found


def _normal(each: tokenize.TokenInfo, before: str) -> str:
    if each.type == token.NAME:
        return each.string if keyword.iskeyword(each.string) or before == "." else "NAME"
    return {token.STRING: "STRING", token.NUMBER: "NUMBER"}.get(each.type, each.string)


def grams(words: Sequence[str], length: int = _SHINGLE) -> frozenset[int]:
    """Hashes of the word n-grams, of the whole where it is shorter. The same in every run."""
    if not words:
        return frozenset()
    pieces = range(max(1, len(words) - length + 1))
    return frozenset(_hash("\x1f".join(words[i : i + length])) for i in pieces)


def near_copies(sets: Sequence[frozenset[int]], threshold: float) -> dict[int, int]:
    """For each set that is near an earlier one which stays, the index of that one. Empty sets are near none."""
    counts = Counter(gram for each in sets for gram in each)
    index: defaultdict[int, list[int]] = defaultdict(list)
    found: dict[int, int] = {}
    for i, each in enumerate(sets):
        rarest = sorted(each, key=lambda gram: (counts[gram], gram))
        prefix = rarest[: len(each) - math.ceil(threshold * len(each)) + 1]
        candidates = sorted({j for gram in prefix for j in index[gram]})
        near = next((j for j in candidates if _jaccard(each, sets[j]) >= threshold), None)
        if near is not None:
            found[i] = near
            continue
        for gram in prefix:
            index[gram].append(i)
    return found


def _jaccard(first: frozenset[int], second: frozenset[int]) -> float:
    shared = len(first & second)
    return shared / (len(first) + len(second) - shared)


def _hash(text: str) -> int:
    return int.from_bytes(blake2b(text.encode("utf-8", "replace"), digest_size=8).digest(), "big")
