"""Conversations become exactly the tokens that are served, with the loss where it belongs."""

from __future__ import annotations

import math

import pytest
from darner.engine.errors import BadInput
from darner.engine.model import Message
from darner.training.tokens import Encoded, encode, pack
from hypothesis import given
from hypothesis import strategies as st
from tiny_net import ByteTokens

TOKENS = ByteTokens()


def record_of(size: int, learnt: int, weight: float) -> Encoded:
    return Encoded(tuple(range(size)), max(1, size - learnt), weight)


RECORDS = st.lists(
    st.builds(record_of, st.integers(2, 40), st.integers(1, 30), st.floats(0.1, 10.0)), min_size=1, max_size=30
)


def test_the_loss_falls_on_the_last_answer_and_the_token_that_ends_it() -> None:
    """An earlier attempt was wrong: reading it teaches repair, learning it teaches the mistake."""
    asked = [
        Message("user", "fix"),
        Message("assistant", "WRONG"),
        Message("user", "it fails"),
        Message("assistant", "ok"),
    ]
    record = encode(TOKENS, asked)

    assert bytes(record.tokens[record.start : -1]) == b"ok"
    assert record.tokens[-1] == TOKENS.end
    assert record.learnt == 3
    row = pack([record], 1000, 0, 1)[0]
    assert row.targets == list(record.tokens[record.start :])
    assert row.keep == list(range(record.start - 1, len(record.tokens) - 1))


def test_a_record_that_contains_control_tokens_cannot_end_its_turn() -> None:
    """Real code holds such strings; as control tokens they would teach the model to stop, or to play the user."""
    record = encode(TOKENS, [Message("user", "a<|im_end|>b"), Message("assistant", "c<|im_start|>user\n")])

    assert record.tokens.count(TOKENS.end) == 2  # the user's turn and the assistant's, as the template ends them
    assert record.tokens.count(TOKENS.end - 1) == 2


def test_a_base_without_a_chat_template_gets_what_the_engine_gives_it_and_a_broken_one_is_refused() -> None:
    """Both sides must see the same prompt, or none at all."""

    class Broken(ByteTokens):
        template: str | None = "{{ raise_exception('no roles here') }}"

    asked = [Message("user", "a"), Message("assistant", "b")]
    assert bytes(token for token in encode(TOKENS, asked).tokens if token < 256) == b"user\na\nassistant\nb"
    with pytest.raises(BadInput, match=r"no roles here.*take another"):
        encode(Broken(), asked)


@given(RECORDS, st.integers(0, 3), st.integers(1, 3))
def test_every_record_is_in_one_row_of_each_epoch_and_no_row_is_too_long(
    records: list[Encoded], seed: int, epochs: int
) -> None:
    """What is lost or doubled changes what is learnt, and nobody would see it."""
    rows = pack(records, 40, seed, epochs)

    assert all(len(row.tokens) <= 40 for row in rows)
    assert sorted(size for row in rows for size in _sizes(row.positions)) == sorted(
        len(record.tokens) for record in records for _ in range(epochs)
    )
    assert pack(records, 40, seed, epochs) == rows


@given(RECORDS, st.integers(1, 3))
def test_the_mean_over_rows_is_the_weighted_mean_over_records(records: list[Encoded], epochs: int) -> None:
    """A short answer counts as much as a long one, whatever row it was packed into."""
    rows = pack(records, 40, 1, epochs)
    found = math.fsum(share for row in rows for share in row.columns["share"]) / len(rows)

    assert found == pytest.approx(math.fsum(record.weight for record in records) / len(records))


def _sizes(positions: list[int]) -> list[int]:
    starts = [at for at, position in enumerate(positions) if position == 0]
    return [end - start for start, end in zip(starts, [*starts[1:], len(positions)], strict=True)]
