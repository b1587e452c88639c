"""What measures was never learnt: everything that comes of one seed is on one side."""

from __future__ import annotations

from collections.abc import Mapping

from darner.training import sft
from darner.training.kept_back import kept_back
from darner.training.types import Conversation, Turn
from tiny_net import ByteTokens


def conversation(number: int, meta: Mapping[str, str]) -> Conversation:
    return Conversation(f"c{number}", (Turn("user", "repair it"), Turn("assistant", "done")), float(number), meta)


def test_no_relative_of_a_record_that_measures_is_learnt() -> None:
    """A task made from a seed, its solution, and a bug planted in that solution: knowing one is knowing the others."""
    families = [
        [
            {"stage": "sft_data", "task": f"instruction-{n}", "seed": f"seed-{n}"},
            {"stage": "debug_data", "task": f"seed-{n}", "seed": f"seed-{n}"},
            {"stage": "debug_data", "task": f"instruction-{n}", "seed": f"seed-{n}"},
        ]
        for n in range(40)
    ]
    families += [[{"stage": "traces", "trace": f"{n}.jsonl"}] * 3 for n in range(40)]
    metas = [(number, meta) for number, family in enumerate(families, 1) for meta in family]
    records = sft.prepared(ByteTokens(), [conversation(number, meta) for number, meta in metas], 1000)
    learnt, measured = ({record.weight for record in side} for side in (records.learnt, records.held_out))

    assert not learnt & measured
    assert len(learnt | measured) == 80
    assert measured >= {float(n + 1) for n in range(40) if kept_back(f"seed-{n}")}  # as rollouts and evaluate draw them
