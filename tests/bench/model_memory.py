"""`make bench-model-memory`: the model worker's peak of resident memory, by samples and the context they reserve.

Each row is a fresh worker that is stopped at its first token: memory for all cells is taken before that. The prompt is
that of a repair.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from darner.engine import catalogue
from darner.engine.llama_batch import CELLS, MOST_CELLS, URGENT_CELLS
from darner.engine.llama_native import Weights
from darner.engine.model import Sampling
from darner.engine.stop import Stop
from model_asked import FENCE, chat_text, opened, prompts
from model_many import peak_bytes
from repair import TASKS, commit, machine

_ROWS = ((1, 512), (8, 512), (16, 512), (16, 1024), (16, 1900))
_BAR = 150


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="qwen2.5-coder-1.5b")
    parser.add_argument("--tasks", type=Path, default=TASKS)
    options = parser.parse_args()
    file = catalogue.pull(options.model)
    weights = Weights(str(file), 0)
    (asked,) = prompts(options.tasks, 1)
    length = len(weights.tokenise(chat_text(weights.chat_template, asked), special=True))
    print(f"{machine()}; commit {commit()}; {file.name}; MB are millions of bytes", flush=True)
    print(f"| N | tokens an answer | cells | peak MB | model | KV | rest (bar: {_BAR}) |\n{'|---' * 7}|", flush=True)
    for n, tokens in _ROWS:
        with opened(file) as model:
            stop = Stop()
            sampling = Sampling(n, 0.7, max_tokens=tokens, prefill=FENCE)
            model.sample(asked, sampling, stop, lambda _, piece, stop=stop: stop.cancel())
            cells = max(CELLS, min(MOST_CELLS, -(-(n * tokens + length) // 1024) * 1024)) + URGENT_CELLS
            parts = (peak_bytes() / 1e6, file.stat().st_size / 1e6, cells * weights.kv_bytes_per_token / 1e6)
        rest = parts[0] - parts[1] - parts[2]
        print(
            f"| {n} | {tokens} | {cells} | {parts[0]:.0f} | {parts[1]:.0f} | {parts[2]:.0f} | {rest:.0f} |", flush=True
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
