"""`python run_to_kill.py data|weights FOLDER`: a run whose every answer is a rule, for a test that kills it."""

from __future__ import annotations

import json
import re
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from darner.engine.stop import Stop
from darner.training import line
from darner.training.kept_back import kept_back
from darner.training.recipe import read_recipe
from darner.training.run import chosen, opened, run_recipe
from darner.training.tasks import of_seed
from darner.training.trajectories import Rated
from darner.training.types import Mistake, Seed, Turn
from test_self_alignment import CORPUS, RECIPE, answers
from tiny_net import conversations, write_tiny_net
from training_runs import SILENT, RulingModel

BEGUN = "begun"
"""What the process prints when the first stage may begin."""
DATA = """\
[tasks]
from_instructions = false
[mistakes]
planted = 2
tries = 6
samples = 3
[repairs]
samples = 2
[debug_data]
"""
WEIGHTS = """\
[run]
seed = 7
report = "{report}"
[model]
name = "{base}"
[seeds]
[tasks]
[mistakes]
[debug_data]
[sft]
epochs = 12
learning_rate = 0.01
rank = 8
tokens_per_row = 300
rows_per_step = 1
save_every = 2
dtype = "float32"
[rollouts]
[rewards]
[rl]
method = "ledex"
rounds = 2
epochs = 6
learning_rate = 0.003
tokens_per_row = 300
rows_per_step = 1
save_every = 2
dtype = "float32"
[export]
[evaluate]
samples = 2
turns = 2
"""
SEED = '''def half(number):
    """Half of it.

    >>> half(4)
    2
    """
    return number // 2
'''


def ruled(prompt: str, seed: int) -> str:
    """The line's own answers; a solution of a seed, right or wrong by the sample's seed; an explained repair."""
    if prompt.startswith("This code is wrong"):
        wrong = "number" if seed % 2 else "number + 1"
        code = f"def writes(number):\n    return {wrong}"
        return f"It returns another value than the tests want it to.\n\n```python\n{code}\n```"
    if asked := re.search(r"Write the Python function `(\w+)`", prompt):
        return f"```python\ndef {asked[1]}(*values):\n    return values[{seed % 3} :]\n```"
    return answers(prompt, seed)


def data(folder: Path) -> None:
    corpus = folder.parent.parent / "corpus"
    corpus.mkdir(exist_ok=True)
    (corpus / "module.py").write_text(CORPUS, encoding="utf-8")
    text = RECIPE.format(seed=7, held_out="[]", folder=json.dumps(str(corpus))) + DATA
    _run(_recipe(folder, text), folder, None, None)


def weights(folder: Path, report: str = "none", last: str = "evaluate") -> None:
    """From records that stand already: what comes before is not what is killed here."""
    base = folder.parent.parent / "tiny.gguf"
    if not base.exists():
        write_tiny_net(base)
    folder.mkdir(exist_ok=True)
    _write(folder / "debug_data.jsonl", conversations(30))
    _write(folder / "mistakes.jsonl", _mistakes())
    _write(folder / "rewards.jsonl", [_rated(number) for number in range(8)])
    path = _recipe(folder, WEIGHTS.format(base=base, report=report))
    _run(path, folder, "sft", "sft")
    _run(path, folder, "rl", last)


def _mistakes() -> list[Mistake]:
    """Two of seeds that are held out: what is measured."""
    names = [name for name in (f"seed{number}" for number in range(40)) if kept_back(name)][:2]
    seeds = [Seed(name, "half", SEED, "Half of it.\n\n>>> half(4)\n2", 1, "m.py", 1, "MIT") for name in names]
    wrong = SEED.replace("// 2", "* 2")
    return [Mistake(f"m-{each.id}", of_seed(each), wrong, "operator", "`//` to `*`", "got 8") for each in seeds]


def _rated(number: int) -> Rated:
    passed = float(number % 2)
    said = f"It adds.\n\n```python\nreturn x + {number}\n```"
    messages = (Turn("user", f"repair f{number}"), Turn("assistant", said))
    return Rated(f"r{number}", "m", "t", 0, messages, 9, passed, True, 1.0, 10 * passed - 5, 1.0, passed - 0.5)


def _recipe(folder: Path, text: str) -> Path:
    path = folder.parent.parent / "mine.toml"
    path.write_text(text, encoding="utf-8")
    return path


def _run(path: Path, folder: Path, first: str | None, last: str | None) -> None:
    read = read_recipe(str(path), line.ALL)
    with opened(read, folder, Stop(), trusted=True, model=RulingModel(ruled)) as context:
        print(BEGUN, flush=True)
        run_recipe(read, chosen(read, line.ALL, first, last), context, SILENT)


def _write(path: Path, records: list[Any]) -> None:
    if not path.exists():
        path.write_text("".join(json.dumps(asdict(each)) + "\n" for each in records), encoding="utf-8")


if __name__ == "__main__":
    {"data": data, "weights": weights}[sys.argv[1]](Path(sys.argv[2]))
