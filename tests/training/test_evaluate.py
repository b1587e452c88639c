"""The whole stage `evaluate`, with models that answer by rule: what it compares, what it adopts, how it goes on."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from darner.engine import adopted
from darner.engine.catalogue import sha256_of
from darner.engine.model import Form
from darner.engine.stop import Stop
from darner.training import bench, card, evaluate, served, vote
from darner.training.evaluate import Settings, compared
from darner.training.examiner import Effort, Examiner, examined
from darner.training.kept_back import kept_back
from darner.training.practice import Case, Graded, case_of, grade
from darner.training.stages import Context
from darner.training.store import Progress
from darner.training.tasks import of_seed
from darner.training.types import Mistake, Seed
from training_runs import Rule, RulingModel

RIGHT = '''def half(number):
    """Half of it.

    >>> half(4)
    2
    >>> half(10)
    5
    """
    return number // 2
'''
TASK = {
    "id": "set/1",
    "entry_point": "third",
    "source": "def third(number):\n    return number * 3\n",
    "visible_tests": "from solution import third\n\n\ndef test_it():\n    assert third(9) == 3\n",
    "hidden_tests": "from solution import third\n\n\ndef test_more():\n    assert third(30) == 10\n",
    "fixed": "def third(number):\n    return number // 3\n",
}
HELD = [name for name in (f"task{n}" for n in range(100)) if kept_back(name)]


def mistake(name: str) -> Mistake:
    seed = Seed(name, "half", RIGHT, RIGHT.split('"""')[1].strip(), 2, "m.py", 1, "MIT")
    return Mistake(f"m-{name}", of_seed(seed), RIGHT.replace("// 2", "* 2"), "operator", "", "half(4) gave 8")


def code(body: str) -> str:
    return f"```python\ndef half(number):\n    return {body}\n```"


def able(prompt: str, seed: int) -> str:
    return "```python\ndef third(number):\n    return number // 3\n```" if "third" in prompt else code("number // 2")


def unable(prompt: str, seed: int) -> str:
    """Writes, but does not repair."""
    return code("number // 2") if "* 2" not in prompt and "third" not in prompt else code("number - 2")


@dataclass
class Setting:
    context: Context
    base: Path
    tasks: Path
    models: dict[str, RulingModel]
    told: list[Progress]

    def make(self, **settings: Any) -> dict[str, Any]:  # noqa: ANN401 - of [evaluate]
        folder = self.context.folder / "evaluate"
        folder.mkdir(exist_ok=True)
        inputs = {name: self.context.path(name) for name in ("mistakes", "export")}
        how = Settings(samples=2, benchmarks=(str(self.tasks),))
        evaluate.STAGE.make(self.context, replace(how, **settings), inputs, folder)
        return json.loads((folder / "report.json").read_text(encoding="utf-8"))


@pytest.fixture
def setting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Setting:
    """A run folder as `export` leaves it, with six held-out mistakes; the files of the models are stand-ins."""
    monkeypatch.setenv("DARNER_MODELS", str(tmp_path / "models"))
    base = tmp_path / "base.gguf"
    base.write_bytes(b"GGUF base")
    (tmp_path / "export").mkdir()
    (tmp_path / "export" / "adapter.gguf").write_bytes(b"GGUF adapter")
    (tmp_path / "export" / "card.md").write_text(f"# A card\n{card.UNMEASURED}\n")
    about = {"base": str(base), "base_sha256": sha256_of(base), "lora": True}
    (tmp_path / "export" / "served.json").write_text(json.dumps(about))
    lines = [json.dumps(asdict(mistake(name))) for name in HELD[:6]]
    (tmp_path / "mistakes.jsonl").write_text("".join(f"{line}\n" for line in lines))
    tasks = tmp_path / "mine.jsonl"
    tasks.write_text(json.dumps(TASK) + "\n")
    models = {"before": RulingModel(unable), "new": RulingModel(able)}

    def opened(made: served.Served, name: str) -> RulingModel:
        models[name].form = made.form
        return models[name]

    monkeypatch.setattr(served.Served, "open", opened)

    def nobody() -> Any:  # noqa: ANN401 - never returns
        raise AssertionError("nobody writes here")

    told = list[Progress]()
    shared = tmp_path, Stop(), 7, frozenset[str](), str(base), nobody, (str(tasks),)
    return Setting(Context(*shared, trusted=True, tell=told.append), base, tasks, models, told)


@pytest.mark.slow
def test_a_better_adapter_is_adopted_with_the_figures_that_say_so(setting: Setting) -> None:
    """From held-out mistakes and a benchmark to what the engine loads next."""
    report = setting.make(adopt=True, tries=2, product=1, product_seconds=3_600.0)

    assert report["verdict"] == "better, and adopted"
    assert adopted.adapters_of(setting.base)
    assert (report["form"], report["tasks"]) == ("engine", 6)
    assert report["repair"] == {"mean": 1.0, "low": 1.0, "high": 1.0}
    assert report["writing"]["mean"] == 0.0
    standing = report["benchmarks"]["mine"]
    assert (standing["before"], standing["new"]) == (0.0, 1.0)
    assert standing["more"]["new_pass_at_2"] == 1.0
    assert report["decontamination"]["benchmarks"] == {"mine.jsonl": 1}
    assert report["figures"]["new_tokens"] == 5.0  # a greedy answer, two repairs, two from the description
    assert [(each.done, each.units) for each in setting.told if each.done in (7, 18)] == [(7, 18), (18, 18)]
    assert setting.told[-1].note == "0 right before, 7 now"
    in_use = report["product"]["tasks"]["mine"]["model"]
    assert (in_use["before"]["correct"], in_use["new"]["correct"], in_use["new"]["calls"]) == (0.0, 1.0, 2.0)
    text = (setting.context.folder / "evaluate" / "card.md").read_text(encoding="utf-8")
    assert "1 of mine in the engine's loop, the model alone: 0.0% correct before, 100.0% correct after" in text


@pytest.mark.slow
def test_an_interrupted_evaluation_asks_nothing_twice_and_ends_with_the_same_report(setting: Setting) -> None:
    """Hours of answers must outlive the lid of a laptop."""
    whole = setting.make(product=1, product_seconds=3_600.0)
    asked = {name: model.asked for name, model in setting.models.items()}
    for name in ("answers.jsonl", "benchmarks.jsonl", "product.jsonl"):
        path = setting.context.folder / "evaluate" / name
        lines = path.read_bytes().splitlines(keepends=True)
        path.write_bytes(b"".join(lines[:-1]) + lines[-1][:20])  # killed in the middle of the last answer

    again = setting.make(product=1, product_seconds=3_600.0)

    for report in (whole, again):
        for model in ("before", "new"):
            for of in report["product"]["tasks"].values():
                of["model"][model] = {k: value for k, value in of["model"][model].items() if "seconds" not in k}
        report["figures"] = {name: value for name, value in report["figures"].items() if "seconds" not in name}
        more = report["benchmarks"]["mine"]["more"]
        report["benchmarks"]["mine"]["more"] = {name: value for name, value in more.items() if "seconds" not in name}
    assert again == whole
    assert setting.models["before"].asked == asked["before"]
    assert setting.models["new"].asked == asked["new"] + 3 + 1 + 2  # the last mistake's, the last task's, and its prose


@pytest.mark.slow
def test_an_adapter_is_adopted_with_the_form_that_it_was_measured_in(setting: Setting) -> None:
    """The product asks it as the figures were made."""
    report = setting.make(adopt=True, form=Form.BRIEF, tasks=5, samples=1, turns=1, benchmarks=())

    assert (report["form"], report["verdict"]) == ("brief", "better, and adopted")
    assert adopted.form_of(setting.base) is Form.BRIEF
    another = served.Served(setting.base, None, setting.base, "")
    assert served.before(another).form is Form.BRIEF  # what the next one has to beat is asked so too
    assert served.before(served.of(setting.context.path("export"))).form is Form.ENGINE  # it has no rival yet


@pytest.mark.slow
def test_what_is_there_now_is_asked_in_its_own_form_whatever_that_of_the_new_one_is(setting: Setting) -> None:
    """A new adapter has to beat what the user has, not that in words in which the product never asks it."""
    earlier = setting.context.folder / "earlier.gguf"
    earlier.write_bytes(b"GGUF earlier adapter")
    adopted.adopt(setting.base, sha256_of(setting.base), earlier, {}, form=Form.BRIEF)
    brief = brief_prompts(setting)

    report = setting.make(tasks=2, samples=1, turns=1)

    assert (report["form_before"], report["form"]) == ("brief", "engine")
    assert brief == {"before": 2 + 2 + 1, "new": 0}  # greedy and sampled to each mistake, and to the benchmark's task


def brief_prompts(setting: Setting) -> dict[str, int]:
    """Counts, from now on, how often each model is asked in the brief form."""
    counts = dict.fromkeys(setting.models, 0)

    def counting(name: str, rule: Rule) -> Rule:
        def ruled(prompt: str, seed: int) -> str:
            counts[name] += "has a bug. Find it" in prompt
            return rule(prompt, seed)

        return ruled

    for name, rule in (("before", unable), ("new", able)):
        setting.models[name] = RulingModel(counting(name, rule))
    return counts


@pytest.fixture(scope="module")
def place() -> Any:  # noqa: ANN401 - a generator
    with bench.opened(Stop(), trusted=True) as opened:
        yield opened


def half() -> Case:
    found = case_of(mistake(HELD[0]))
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("bodies", "chosen"),
    [
        (("number - 2", "number // 2", "int(number / 2)"), 1),  # equal outputs, other code
        (("number // 2", "number - 2", "number + -2"), 1),  # the many are wrong: nobody looks at the tests
        (("number - 2", "number // 2"), 0),
        (("no code",), None),
    ],
)
def test_a_vote_goes_to_the_first_of_the_largest_group_of_equal_outputs(
    place: bench.Bench, bodies: tuple[str, ...], chosen: int | None
) -> None:
    """Inference without an oracle: what most answers do."""
    case = half()
    answers = [grade(place, case, code(body) if body != "no code" else body) for body in bodies]
    found: Graded | None = vote.voted(place, case, answers)
    assert found is (None if chosen is None else answers[chosen])


def figures(place: bench.Bench, rule: Callable[[str, int], str], **effort: Any) -> dict[str, float]:  # noqa: ANN401
    how = Effort(samples=1, turns=1, temperature=0.7, **effort)
    scores = [examined(half(), name, Examiner(RulingModel(rule), place, how, 0)) for name in ("before", "new")]
    return dict(compared(scores, how, 0).figures)


def test_wide_and_deep_are_compared_at_as_many_answers_with_the_tests_and_without(place: bench.Bench) -> None:
    """A model that is right once told that it was wrong, and in one answer of three else."""

    def rule(prompt: str, seed: int) -> str:
        return code("number // 2" if "still wrong" in prompt or seed % 3 == 2 else "number - 2")

    found = figures(place, rule, matched=3)

    assert (found["new_p3@t1"], found["new_m3@t1"]) == (1.0, 0.0)  # one of three is right, and outvoted
    assert (found["new_p1@t3"], found["new_m1@t3"]) == (0.0, 1.0)  # the tests' words do not help it; a no does
    assert (found["new_t1_tokens_of_3"], found["new_t3_tokens_of_1"]) == (3.0, 3.0)


def test_an_explanation_is_worth_what_repairs_after_it_pass(place: bench.Bench) -> None:
    """Not how it sounds."""

    def rule(prompt: str, seed: int) -> str:
        right = "It doubles.\n\n" + code("number // 2")
        return right if seed % 2 else "It doubles.\n\n" + code("number - 2")

    assert figures(place, rule, explained=4)["new_explanation_cures"] == 0.5
