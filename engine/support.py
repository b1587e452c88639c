"""Is what a sentence names in the evidence? By whole tokens: `15` is no `5`, `oldest` no `old`, `'abc'` no `'ab'`.

Checked are names, quoted or not, values and lines, never what is said of them. A word that might be code and
might be English (`total`, `list`) is English unless it is written as code: in quotes, before a bracket, by an operator.
"""

from __future__ import annotations

import builtins
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

_TOKEN = re.compile(
    r"(?<![\w)\]])-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?(?!\w)|\d+(?:\.\d+)?(?:[eE][+-]?\d+)?(?!\w)|\w+|[^\w\s]"
)
"""A number with its sign, unless the minus has a left side; a word; any other sign."""
_BREAK = ""
"""Between two texts of the evidence: no token of a sentence."""
_TRIPLE = re.compile("\"\"\"|'''")
_PLACE = re.compile(r"(?<=\.py):(\d+)")
_LINE = re.compile(
    r"\blines?\s+(?:number\s+)?(\d+(?:\s*(?:,\s*and\b|,|-|\u2013|to\b|and\b)\s*\d+)*)(?!\w)", re.IGNORECASE
)
_CODE = re.compile(r"`+([^`]+)`+")
_QUOTED = re.compile(r"""(?<!\w)(["'])(.+?)\1(?!\w)|“([^”]+)”""")
_SHORTENED = re.compile(r"(?<=\w)['\u2019](?:s|t|re|ve|ll|d|m)\b")
_NAME = re.compile(
    r"(?P<dotted>[^\W\d]\w*(?:\.[^\W\d]\w*)+)|(?P<before>[^\W\d]\w*)(?=[(\[]|\s*(?:[=<>+]|!=))"
    r"|(?<=[=<>+])\s*(?P<after>[^\W\d]\w*)|(?P<plain>[^\W\d]\w*)"
)
_ABBREVIATED = frozenset({"e.g", "i.e", "a.k.a"})
_BEGINS = re.compile(r"(?:^|[.:;!?(\"*-])\s*$")
"""What a capital follows that is only a capital."""
_NUMBERS = {
    word: str(number)
    for number, word in enumerate(("zero", "", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"))
}
"""Without one, which is a pronoun as well."""
_ENGLISH = frozenset(
    re.findall(
        r"\w+",
        "all any bool bytes callable compile copyright credits dict exit filter float format hash help id input int"
        " license list map next object open print property quit range reversed round set slice sorted str sum super"
        " tuple type",
    )
)
_BUILTIN = frozenset(name for name in dir(builtins) if name.islower()) - _ENGLISH
_VALUES = frozenset({"None", "True", "False"})
_ALLOWED = frozenset({"I", "Python", "a"})


@dataclass(frozen=True, slots=True)
class Seen:
    """The evidence as tokens, and the lines that it names."""

    tokens: tuple[str, ...]
    known: frozenset[str]
    names: frozenset[str]
    """Tokens outside of strings, and strings of one word."""
    lines: frozenset[int]

    @staticmethod
    def of(texts: Iterable[str], lines: Iterable[int] = ()) -> Seen:
        """`path.py:7` and `line 7` name a line, and are no value 7."""
        named, tokens, names = set(lines), list[str](), set[str]()
        for text in texts:
            named |= set(_lines(text))
            bare = _LINE.sub(" ", _PLACE.sub("", _TRIPLE.sub(" ", text)))
            tokens += [*_tokens(bare), _BREAK]
            names |= set(_tokens(_QUOTED.sub(" ", bare))) | {one for one in _quoted(bare) if one.isidentifier()}
        return Seen(tuple(tokens), frozenset(tokens), frozenset(names), frozenset(named))

    def names_it(self, name: str) -> bool:
        """A name or a string of one word, or names with points between them."""
        return name in self.names if name.isidentifier() else self.holds(name)

    def holds(self, piece: str, *, whole: bool = False) -> bool:
        """The tokens of `piece` follow each other somewhere; `whole`: and no other word goes on before or behind."""
        wanted = tuple(_tokens(piece))
        starts = (i for i, token in enumerate(self.tokens) if wanted and token == wanted[0])
        return any(self.tokens[i : i + len(wanted)] == wanted and (not whole or self._alone(i, wanted)) for i in starts)

    def _alone(self, start: int, wanted: tuple[str, ...]) -> bool:
        around = (self.tokens[start - 1 : start], self.tokens[start + len(wanted) : start + len(wanted) + 1])
        return not any(token and (token[0].isalnum() or token[0] == "_") for side in around for token in side)


def supported(sentence: str, seen: Seen) -> bool:
    """Every name, value and line of the sentence is in the evidence."""
    return not list(unsupported(sentence, seen))


def unsupported(sentence: str, seen: Seen) -> Iterator[str]:
    """What the sentence names and the evidence does not."""
    yield from (f"line {line}" for line in _lines(sentence) if line not in seen.lines)
    rest = _LINE.sub(" ", _PLACE.sub("", sentence))
    yield from (code for code in _CODE.findall(rest) if not seen.names_it(_uncalled(code)))
    rest = _SHORTENED.sub("", _CODE.sub(" ` ", rest))
    yield from (text for text in _quoted(rest) if not _is_quoted(text, seen))
    rest = _QUOTED.sub(" ` ", rest)
    yield from (number for number in _values(rest) if number not in seen.known)
    yield from (name for name in _names(rest) if not seen.names_it(name))


def _tokens(text: str) -> Iterator[str]:
    """Both signs of quotation are one: a model writes "abc" for 'abc'."""
    return (token.replace('"', "'") for token in _TOKEN.findall(text))


def _lines(text: str) -> Iterator[int]:
    found = (*_PLACE.findall(text), *_LINE.findall(text))
    return (int(number) for each in found for number in re.findall(r"\d+", each))


def _uncalled(code: str) -> str:
    return code.strip().removesuffix("()")


def _quoted(text: str) -> Iterator[str]:
    return (plain or curled for _, plain, curled in _QUOTED.findall(text))


def _is_quoted(text: str, seen: Seen) -> bool:
    """A name or word, a string, or a whole message."""
    bare = _uncalled(text)
    return seen.names_it(bare) if bare.replace(".", "").isidentifier() else seen.holds(bare, whole=True)


def _values(text: str) -> Iterator[str]:
    for token in _tokens(text):
        if token[0].isdigit() or (token[0] == "-" and len(token) > 1):
            yield token
        elif (number := _NUMBERS.get(token.lower())) is not None:
            yield number


def _names(text: str) -> Iterator[str]:
    for found in _NAME.finditer(text):
        name, begins = found[0].strip(), _BEGINS.search(text[: found.start()]) is not None
        if name in _ALLOWED or name.lower() in _ABBREVIATED:
            continue
        if not found["plain"] or _looks_like_code(name, begins):
            yield name


def _looks_like_code(word: str, begins: bool) -> bool:
    if word in _VALUES or word in _BUILTIN or len(word) == 1 or "_" in word or any(c.isdigit() for c in word):
        return not (begins and word == "A")
    return any(c.isupper() for c in (word[1:] if begins else word))
