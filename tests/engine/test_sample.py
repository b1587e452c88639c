"""What the sampler does with a model's answers before any of them runs."""

from __future__ import annotations

import sys
from pathlib import Path

from darner.engine.case import open_case
from darner.engine.config import Budget
from darner.engine.evidence import gather
from darner.engine.project import Project, find_interpreter
from darner.engine.sample import Sampler
from darner.engine.scripted import ScriptedModel
from darner.engine.stop import Stop
from darner.engine.suite import run_suite
from darner.engine.trial import open_session
from darner.engine.types import Candidate

SAID = "def largest(values):\n    return sorted(values)[1]\n```"
LAID_OUT_OTHERWISE = f"{SAID.removesuffix('```')}\n\n```"


def test_an_answer_that_was_given_before_is_not_tried_again(tmp_path: Path) -> None:
    """A small model repeats itself, and a sequence that ends as another did must cost no run."""
    root = tmp_path.resolve()
    (root / "best.py").write_text("def largest(values):\n    return min(values)\n")
    (root / "test_best.py").write_text(
        "from best import largest\n\ndef test_it():\n    assert largest([1, 2, 3]) == 3\n"
    )
    tried: list[Candidate] = []
    with open_session(Project(root, find_interpreter(root, sys.executable)), trusted=True) as session:
        suite = run_suite(session, (), Stop())
        case = open_case(session, suite, gather(session, suite, suite.failing[0], Stop()))
        model = ScriptedModel(SAID, LAID_OUT_OTHERWISE, SAID)
        Sampler(model, case, Budget("test", 90.0, samples=8, rounds=1), 0, tried.append, Stop()).run()

    assert len(model.asked) >= 2
    assert len(tried) == 1
