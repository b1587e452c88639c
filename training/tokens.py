"""Messages to the tokens that the engine would feed the model, and many records to rows without padding.

    messages ─▶ context (no loss) + answer (loss) ─▶ rows of at most N tokens, several records in one

The prompt is cut into the template's text and the messages' by the engine's own code, so that training and serving see
the same tokens and a record that contains `<|im_end|>` cannot end its turn. Loss falls on the last assistant message
and the token that ends it, and nowhere else: an earlier attempt in the conversation was wrong, and is only read.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from ..engine.errors import BadInput
from ..engine.llama_chat import TemplateError, segments
from ..engine.model import Message

_OPEN_ROWS = 64
"""Rows that are still being filled: enough for a good fit, few enough to look through for every record."""


class Tokens(Protocol):
    """A tokenizer with the model's chat template."""

    template: str | None
    bos: str
    eos: str
    end: int
    """The token that ends a turn."""

    def plain(self, text: str) -> list[int]:
        """Tokens of `text` in which nothing is a control token."""
        ...

    def special(self, text: str) -> list[int]:
        """Tokens of `text` in which control tokens are recognised."""
        ...


@dataclass(frozen=True, slots=True)
class Encoded:
    """One record in tokens."""

    tokens: tuple[int, ...]
    start: int
    """Index of the first learnt token."""
    weight: float = 1.0
    columns: Mapping[str, tuple[float, ...]] = field(default_factory=dict[str, tuple[float, ...]])
    """Named numbers, one for each learnt token."""

    @property
    def learnt(self) -> int:
        return len(self.tokens) - self.start


@dataclass(slots=True)
class Row:
    """Records one behind the other; `positions` begin anew with each, by which the model keeps them apart."""

    tokens: list[int] = field(default_factory=list[int])
    positions: list[int] = field(default_factory=list[int])
    keep: list[int] = field(default_factory=list[int])
    """Indices of the tokens that predict a learnt one."""
    targets: list[int] = field(default_factory=list[int])
    """The learnt tokens, in the order of `keep`."""
    columns: dict[str, list[float]] = field(default_factory=dict[str, list[float]])
    """Named numbers in the order of `keep`; `share` is what each learnt token counts."""

    def add(self, record: Encoded, records_per_row: float = 1.0) -> None:
        begin = len(self.tokens)
        self.tokens += record.tokens
        self.positions += range(len(record.tokens))
        self.keep += range(begin + record.start - 1, begin + len(record.tokens) - 1)
        self.targets += record.tokens[record.start :]
        share = record.weight / record.learnt / records_per_row
        for name, numbers in (("share", (share,) * record.learnt), *record.columns.items()):
            self.columns.setdefault(name, []).extend(numbers)


def prompt_tokens(tokens: Tokens, messages: Sequence[Message]) -> list[int]:
    """The conversation up to where the assistant answers, as the engine's worker makes it.

    A base without a template gets the one that llama.cpp gives it. Raises BadInput for a template that fails.
    """
    try:
        parts = segments(tokens.template, messages, tokens.bos, tokens.eos)
    except TemplateError as error:
        raise BadInput(
            f"The chat template of the base cannot be rendered ({error}), nor by the engine; take another base."
        ) from error
    found: list[int] = []
    for text, is_template in parts:
        found += tokens.special(text) if is_template else tokens.plain(text)
    first = tokens.special(tokens.bos) if tokens.bos else []
    return found if found[: len(first)] == first else [*first, *found]


def encode(tokens: Tokens, messages: Sequence[Message], weight: float = 1.0) -> Encoded:
    """A conversation that ends with the assistant's message; that message, ended, is what is learnt."""
    prompt = prompt_tokens(tokens, messages[:-1])
    return Encoded((*prompt, *tokens.plain(messages[-1].content), tokens.end), len(prompt), weight)


def pack(records: Sequence[Encoded], longest: int, seed: int, epochs: int) -> list[Row]:
    """Every record once an epoch, shuffled by `seed` and the epoch, into rows of at most `longest` tokens.

    First fit among the rows still open. Every record must fit. A record's weight is divided among its tokens and by the
    records of a mean row, so that the mean loss of all rows is the weighted mean over records of means over tokens.
    """
    bins = [each for epoch in range(epochs) for each in _bins(records, longest, random.Random(f"{seed} {epoch}"))]
    rows: list[Row] = []
    for each in bins:
        row = Row()
        for record in each:
            row.add(record, len(records) * epochs / len(bins))
        rows.append(row)
    return rows


def _bins(records: Sequence[Encoded], longest: int, chance: random.Random) -> Iterator[list[Encoded]]:
    order = list(records)
    chance.shuffle(order)
    open_rows: list[tuple[int, list[Encoded]]] = []
    for record in order:
        size = len(record.tokens)
        at = next((i for i, (used, _) in enumerate(open_rows) if used + size <= longest), None)
        if at is not None:
            used, row = open_rows[at]
            row.append(record)
            open_rows[at] = (used + size, row)
        else:
            if len(open_rows) == _OPEN_ROWS:
                yield open_rows.pop(0)[1]
            open_rows.append((size, [record]))
    yield from (row for _, row in open_rows)
