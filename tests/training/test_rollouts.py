"""How the trained model plays: the states are its own, whatever better answers were sampled beside."""

from __future__ import annotations

import inspect

from darner.engine.stop import Stop
from darner.training import bench
from darner.training.practice import case_of
from darner.training.rollouts import Player, Settings
from darner.training.tasks import of_seed
from darner.training.types import Mistake, Seed
from training_runs import RulingModel

RIGHT = '''def half(number):
    """Half of it.

    >>> half(4)
    2
    """
    return number // 2
'''


def test_the_next_state_is_what_the_first_answer_led_to_and_the_best_one_is_kept_beside_it() -> None:
    """Best-of-N that also chose the way would train on states that the model alone never comes to (RISE)."""
    seed = Seed("s", "half", RIGHT, inspect.cleandoc(RIGHT.split('"""')[1]), 1, "m.py", 1, "MIT")
    case = case_of(Mistake("m", of_seed(seed), RIGHT.replace("// 2", "* 2"), "operator", "`//` to `*`", "got 8"))
    assert case is not None
    model = RulingModel(lambda _, seed: f"```python\n{RIGHT.replace('// 2', '// 2' if seed % 2 else '// 3')}```")

    with bench.opened(Stop(), trusted=True) as place:
        player = Player(model, place, Settings(chains=1, turns=2, best_of=2, explain=False), Stop(), 0)
        ((first, second),) = player.chains(case)

    assert ("// 3" in first.answer, first.passed) == (True, 0.0)
    assert ("// 2" in first.best, first.best_passed) == (True, 1.0)
    asked = second.messages[-1].content
    assert "// 3" in asked
    assert "// 2" not in asked
