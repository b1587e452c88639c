"""What the sampler does with a model's answers: each is tried once, and revised on what really happened."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest
from darner.engine.case import Case, open_case
from darner.engine.config import Budget
from darner.engine.evidence import gather
from darner.engine.project import Project, find_interpreter
from darner.engine.sample import Sampler
from darner.engine.scripted import ScriptedModel
from darner.engine.stop import Stop
from darner.engine.suite import run_suite
from darner.engine.trial import open_session
from darner.engine.types import Candidate, FileChange, Origin, Patch, Repair, Verdict
from darner.engine.work import Work

SAID = "def largest(values):\n    return sorted(values)[1]\n```"
LAID_OUT_OTHERWISE = f"{SAID.removesuffix('```')}\n\n```"


BEST = "def largest(values):\n    return min(values)\n"
TESTS = "from best import largest\n\ndef test_it():\n    assert largest([1, 2, 3]) == 3\n"


def said(body: str) -> str:
    return f"def largest(values):\n    {body}\n```"


@pytest.fixture
def case(tmp_path: Path) -> Generator[Case]:
    with opened(tmp_path, TESTS) as case:
        yield case


@contextmanager
def opened(folder: Path, tests: str) -> Generator[Case]:
    """A real failing test in a real sandbox."""
    root = folder.resolve()
    (root / "best.py").write_text(BEST)
    (root / "test_best.py").write_text(tests)
    with open_session(Project(root, find_interpreter(root, sys.executable)), trusted=True) as session:
        suite = run_suite(session, (), Stop())
        yield open_case(session, suite, gather(session, suite, suite.failing[0], Stop()))


def test_an_answer_that_was_given_before_is_not_tried_again(case: Case) -> None:
    """A small model repeats itself, and a sequence that ends as another did must cost no run."""
    tried: list[Candidate] = []
    model = ScriptedModel(SAID, LAID_OUT_OTHERWISE, SAID)
    Sampler(model, case, Budget("test", 90.0, samples=8, rounds=1), 0, tried.append, Stop()).run()

    assert len(model.asked) >= 2
    assert len(tried) == 1


def test_a_failed_answer_is_revised_twice_in_a_row_each_time_on_its_last_round_alone(case: Case) -> None:
    """What a run showed escalates from message and values to the blocks that ran; what came before is forgotten."""
    first, second, third = "return values[0]", "wanted = 0\n    return values[wanted + 1]", "return sum(values)"
    model = ScriptedModel(*[said(first)] * 7, said(second), said(second), said(third))  # greedy, six samples, revisions
    trial = case.trial
    Sampler(
        model, case, Budget("test", 90.0, samples=6, rounds=2), 0, lambda c: trial.quick(c, Stop()), Stop()
    ).run()  # fmt: skip

    revisions = [asked[-1].content for asked in model.asked if "A repair was tried" in asked[-1].content]
    on_first = [text for text in revisions if first in text.partition("A repair was tried")[2]]
    on_second = [text for text in revisions if second in text.partition("A repair was tried")[2]]
    assert on_first
    assert on_second
    assert all("assert 1 == 3" in text and "It ran so" not in text for text in on_first)
    assert all(second not in text for text in on_first)
    assert all(first not in text and "It ran so" in text and "wanted = 0" in text for text in on_second)


def test_with_history_a_revision_is_shown_every_round_that_led_to_it_oldest_first(case: Case) -> None:
    """What a larger model may make of more context is the user's to try."""
    first, second = "return values[0]", "wanted = 0\n    return values[wanted + 1]"
    model = ScriptedModel(*[said(first)] * 7, *[said(second)] * 2, said("return sum(values)"))
    budget = Budget("test", 90.0, samples=6, rounds=2, history=True)
    Sampler(model, case, budget, 0, lambda c: case.trial.quick(c, Stop()), Stop()).run()

    shown = [asked[-1].content for asked in model.asked if second in asked[-1].content]
    assert shown
    assert all(text.index(first) < text.index("assert 1 == 3") < text.index(second) for text in shown)


def test_a_second_revision_is_told_where_its_way_parts_from_a_call_that_is_right(tmp_path: Path) -> None:
    """The values of the failing call say more beside those of a passing one."""
    tests = f"{TESTS}\ndef test_one():\n    assert largest([3]) == 3\n"
    wrong = "if len(values) > 2:\n        return values[0]\n    return max(values)"
    with opened(tmp_path, tests) as case:
        model = ScriptedModel(*[said("return values[0]")] * 7, *[said(wrong)] * 2, said("return sum(values)"))
        budget = Budget("test", 90.0, samples=6, rounds=2)
        Sampler(model, case, budget, 0, lambda c: case.trial.quick(c, Stop()), Stop()).run()

    told = [asked[-1].content.partition("Beside a call that is right:")[2] for asked in model.asked]
    told = [text.partition("Answer with")[0] for text in told if text]
    assert told
    assert all("len(values) > 2" in text and "[1, 2, 3]" in text and "[3]" in text for text in told)


def test_an_answer_that_cures_one_of_two_failing_tests_is_revised_on_the_other(tmp_path: Path) -> None:
    """It was taken for an end, and what it leaves failing was not told to the model."""
    tests = f"{TESTS}\ndef test_turned():\n    assert largest([4, 2]) == 4\n"
    last, best = "return values[-1]", "return max(values)"
    with opened(tmp_path, tests) as case:
        model = ScriptedModel(*[said(last)] * 7, said(best))
        work = Work(case, Stop(60.0), 0.0)
        sampler = Sampler(model, case, Budget("test", 90.0, samples=6, rounds=2), 0, work.attempt, Stop())
        sampler.run()

    assert [each.patch.files[0].after.decode() for each in sampler.passed] == [BEST.replace("return min(values)", best)]
    assert work.plausible == sampler.passed
    told = [asked[-1].content.partition("A repair was tried")[2] for asked in model.asked]
    told = [text for text in told if text]
    assert told
    assert all(last in text and "test_turned, which failed too" in text and "assert 2 == 4" in text for text in told)


def test_a_wider_search_begins_with_what_was_verified_and_how_the_test_fails_that_it_leaves(tmp_path: Path) -> None:
    """Time is short then, and the model need not find again what is known."""
    tests = f"{TESTS}\ndef test_turned():\n    assert largest([4, 2]) == 4\n"
    with opened(tmp_path, tests) as case:
        work = Work(case, Stop(60.0), 0.0)
        last = edited("return values[-1]")
        verdict = work.attempt(last)
        assert verdict is not None
        model = ScriptedModel(said("return max(values)"))
        budget = Budget("test", 90.0, samples=6, rounds=2)
        Sampler(model, case, budget, 0, work.attempt, Stop(), Repair(last, verdict)).run()

    asked = model.asked[0][-1].content
    assert "return values[-1]" in asked.partition("A repair was tried")[2]
    assert "test_turned, which failed too" in asked
    assert model.how[0].n == budget.samples
    assert len(model.asked) == 1


def edited(body: str) -> Candidate:
    patch = Patch((FileChange("best.py", BEST.encode(), BEST.replace("return min(values)", body).encode()),))
    return Candidate(patch, Origin.MUTATION, body, path="best.py", line=2)


def test_a_batch_ends_when_two_different_answers_that_pass_do_the_same(case: Case) -> None:
    """A third that agrees would cost its tokens and change nothing; two that differ settle nothing."""
    other, one, same = "return sorted(values)[-1]", "return max(values)", "best = max(values)\n    return best"
    late = "return max(list(values))"
    model = ScriptedModel(*map(said, ("return values[0]", other, one, same, late)))
    tried: list[Candidate] = []

    def attempt(candidate: Candidate) -> Verdict:
        tried.append(candidate)
        return case.trial.quick(candidate, Stop())

    sampler = Sampler(model, case, Budget("test", 90.0, samples=8, rounds=1), 0, attempt, Stop())
    sampler.run()

    assert [each.patch.files[0].after.decode() for each in sampler.passed] == [
        BEST.replace("return min(values)", text) for text in (other, one, same)
    ]
    assert tried[1:] == sampler.passed


def test_no_branch_is_revised_more_often_than_allowed_and_then_it_starts_afresh(case: Case) -> None:
    """Between hopeless revisions and new samples the rounds are shared out, and end."""
    rounds = 2
    model = ScriptedModel(*(said(f"return values[0] - {number}") for number in range(60)))
    trial = case.trial
    Sampler(
        model, case, Budget("test", 90.0, samples=4, rounds=rounds), 0, lambda c: trial.quick(c, Stop()), Stop()
    ).run()  # fmt: skip

    tails = [asked[-1].content.partition("A repair was tried:")[2] for asked in model.asked]
    counts = Counter(text.partition("It still fails")[0] for text in tails if text)
    assert counts
    assert max(counts.values()) <= rounds
