"""Samples that have drawn the same tokens are one row of each decode, until they differ."""

from __future__ import annotations

from pathlib import Path

import pytest
from darner.engine.llama_batch import Engine
from darner.engine.llama_lane import Told
from darner.engine.llama_native import AbortFlag, Entry, Weights
from darner.engine.llama_sample import Sample
from darner.engine.llama_work import Place, Urgency
from darner.engine.model import Completion, Sampling


class Counted(Sample):
    """Tells how many rows each of its decodes had."""

    def follow(self, place: Place, room: int, share: int) -> list[Entry]:
        entries = super().follow(place, room, share)
        self.rows = [*getattr(self, "rows", []), len(entries)]
        return entries


def computed(file: Path, n: int, temperature: float, seed: int) -> tuple[list[str], list[int]]:
    """The texts of n samples of 24 tokens, drawn without guesses, and the rows of each decode."""
    weights, texts = Weights(str(file), 0), dict[int, str]()

    def ended(index: int, completion: Completion) -> None:
        texts[index] = completion.text

    def grown(_index: int, _piece: str) -> None:
        pass

    engine = Engine(weights, AbortFlag())
    sampling = Sampling(n, temperature, max_tokens=24, seed=seed)
    prompt = weights.tokenise("abcabc", special=False)
    work = Counted(1, prompt, Urgency.REPAIR, None, sampling, Told(grown, ended), weights, guessing=False)
    engine.add(work)
    while engine.busy:
        engine.step()
    engine.lose()
    return [texts[i] for i in range(n)], work.rows


@pytest.mark.parametrize("temperature", [0.02, 0.3, 1.0])
def test_rows_are_as_many_as_there_are_different_beginnings(tiny_file: Path, temperature: float) -> None:
    """Nothing is computed twice, and nothing less than what was drawn: one row a token and a beginning of it."""
    texts, rows = computed(tiny_file, 16, temperature, seed=3)
    one, alone = computed(tiny_file, 1, temperature, seed=3)

    assert rows == sorted(rows), "what parted does not meet again"
    assert rows[-1] >= len(set(texts)) - 1, "the last token that is drawn is not decoded"
    assert len(rows) == len(alone)
    assert rows[0] <= 16
    assert one[0][:4] == texts[0][:4]
    if temperature < 0.1:
        assert sum(rows) < 16 * len(rows) / 2
