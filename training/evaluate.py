"""Stage `evaluate`: what the engine serves now and the export, on mistakes of seeds that were never learnt.

    held-out mistakes ─▶ repair: greedy chain with feedback + N samples ┐
                      ─▶ writing from the docstring: N samples          ┼▶ paired difference, interval ─▶ report.json
    benchmarks        ─▶ one greedy answer, and samples where wished    ┤
    some of both      ─▶ the engine's own loop, as in use (product.py)  ┘

`before` is the base with the adapter that was adopted over it, if one was: a new one must beat that. Both answer with
the same seeds, quantised as they are, and are graded by the same sandbox. Each is asked for a repair in the form in
which the product asks it: `before` now, `new` once adopted. Where both are one form, so are all prompts.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from ..engine import adopted
from ..engine.errors import BadInput
from ..engine.model import Form, Model
from . import bench, benchmark, card, forms, product, product_compared, served
from .bench import Bench
from .benchmark import Answered, Standing
from .decontamination import looked_at
from .examiner import Effort, Examiner, Score, examined
from .forms import Item
from .job import sha256
from .kept_back import kept_back
from .ledger import Ledger
from .paired import Difference, difference, pass_at
from .practice import Case, case_of
from .shape import Count, Heat, Size, Some
from .stages import WORKER, Context, FileStage
from .store import Progress, read_records
from .types import Mistake

_WRITING_MAY_FALL = 0.01


@dataclass(frozen=True, slots=True)
class Settings:
    """Section [evaluate]."""

    tasks: Some = 0
    """Most held-out mistakes; 0: all."""
    samples: Count = 4
    """Of each task, for pass@1 and pass@N."""
    turns: Count = 2
    """Of the greedy chain, with real feedback between."""
    temperature: Heat = 0.7
    form: Form = Form.ENGINE
    """In which `new` is asked for repairs, by the product too once adopted: `engine`, or `brief`, for small models
    (engine/forms.py)."""
    benchmarks: tuple[str, ...] = ()
    """Tasks of others, to repair or to write, as JSON lines; forms.py knows their forms. They
    are held out of what is learnt, as those of [run] held_out."""
    drawn: Some = 0
    """Most tasks of each benchmark, drawn by the run's seed; 0: all."""
    tries: Some = 0
    """Answers sampled to each task of a benchmark beside the greedy one, for pass@1 and pass@tries; 0: none."""
    matched: Some = 0
    """Answers to each held-out mistake, as many wide (one prompt) as deep (in turn), each with the tests and by a vote
    over outputs without them: p5@t1, m5@t1, p1@t5, m1@t5 for 5; 0: none."""
    explained: Some = 0
    """Repairs sampled after the greedy explanation of each held-out mistake: the share that passes is what it is
    worth; 0: no explanation is asked for."""
    product: Some = 0
    """Of the held-out mistakes, and of each benchmark's tasks that are drawn, so many are also worked on as in use, by
    the engine's loop with the model alone; 0: none."""
    product_seconds: Size = 20.0
    """Most of each, by the clock."""
    product_search: bool = False
    """And once more with the search before and behind the model, as a user has it."""
    adopt: bool = False
    """Let the engine use the adapter from now on, if it is better (`darner-train rollback` takes it back)."""


@dataclass(frozen=True, slots=True)
class Report:
    tasks: int
    figures: Mapping[str, float]
    """Share by `before_greedy`, `new_greedy` and the like; `refined` is of those that failed at first."""
    repair: Difference
    """pass@1 of the samples."""
    greedy: Difference
    writing: Difference

    @property
    def better(self) -> bool:
        """Repairs gained, with a loss outside the interval, and writing did not fall by more than one point."""
        return self.repair.better and self.writing.mean >= -_WRITING_MAY_FALL


def make(context: Context, settings: Settings, inputs: Mapping[str, Path], folder: Path) -> Mapping[str, float]:
    """Answer and grade what is not answered yet; compare; adopt if that was wished and earned."""
    cases, tasks = _cases(inputs["mistakes"], settings), _tasks(settings, context.seed)
    new, how = replace(served.of(inputs["export"]), form=settings.form), settings
    effort = Effort(how.samples, how.turns, how.temperature, how.matched, how.explained)
    wishes = product_compared.wishes(cases, tasks, settings.product, context.seed)
    ways = tuple(product.Way)[: 1 + settings.product_search]
    kept = Kept(*(Ledger(folder / name) for name in ("answers.jsonl", "benchmarks.jsonl", "product.jsonl")))

    def tell() -> None:
        context.tell(_progress(len(cases) + len(tasks), len(wishes), len(ways), kept))

    kept.scores.heard = kept.answers.heard = kept.in_use.heard = tell
    with ExitStack() as opened:
        models = {"before": served.before(new).open("before"), "new": new.open("new")}
        for model in models.values():
            opened.enter_context(closing(model))
        place = opened.enter_context(bench.opened(context.stop, trusted=context.trusted))
        exam = Exam(models, place, context.seed)
        exam.practise(cases, effort, kept.scores)
        exam.sit(tasks, replace(effort, samples=settings.tries), kept.answers)
        hows = [product.How(way, settings.product_seconds, context.seed, context.trusted) for way in ways]
        found = product_compared.sit(wishes, models, hows, place, kept.in_use)
    report = compared([Score(**row) for row in kept.scores.rows], effort, context.seed)
    standings = benchmark.compared([Answered(**row) for row in kept.answers.rows], context.seed, settings.tries)
    figures = _reported(report, standings, found, new, settings, context, folder)
    card.write_measured(inputs["export"], folder)
    return figures


@dataclass(frozen=True, slots=True)
class Kept:
    """What was answered, a line at a time."""

    scores: Ledger
    """Held-out mistakes."""
    answers: Ledger
    """Benchmarks."""
    in_use: Ledger


def _progress(cases: int, used: int, ways: int, kept: Kept) -> Progress:
    """Of the answers of both models to so many cases and to so many tasks of use, each done in so many ways.

    A task that cannot be judged is asked of neither. The note counts answers alone: in use the search may help.
    """
    models = ("before", "new")
    right = {
        model: [row["greedy"] for row in kept.scores.rows if row["model"] == model]
        + [row["correct"] for row in kept.answers.rows if row["model"] == model]
        for model in models
    }
    worked_on = sum(row["model"] in models for row in kept.in_use.rows)
    unsound = [
        asked * sum(not row["correct"] for row in ledger.rows if row["model"] not in models)
        for asked, ledger in ((1, kept.answers), (ways, kept.in_use))
    ]
    note = f"{sum(right['before'])} right before, {sum(right['new'])} now"
    return Progress(2 * (cases + ways * used), sum(map(len, right.values())) + worked_on + 2 * sum(unsound), note=note)


@dataclass(frozen=True, slots=True)
class Exam:
    """The two models, by name, and what they are asked. What is in a ledger is not asked again."""

    models: Mapping[str, Model]
    place: Bench
    seed: int

    def practise(self, cases: Sequence[Case], effort: Effort, ledger: Ledger) -> None:
        done = {(row["mistake"], row["model"]) for row in ledger.rows}
        for index, case in enumerate(cases):
            for name, model in self.models.items():
                if (case.mistake.id, name) not in done:
                    examiner = Examiner(model, self.place, effort, self.seed + 1_000 * index)
                    self._keep(ledger, examined(case, name, examiner))

    def sit(self, tasks: Sequence[tuple[str, Item]], effort: Effort, ledger: Ledger) -> None:
        """Benchmarks, each task with its benchmark's name; `effort.samples` may be none."""
        done = {(row["benchmark"], row["task"], row["model"]) for row in ledger.rows}
        for of, item in tasks:
            for name, model in self.models.items() if self._sound(of, item, ledger) else ():
                if (of, item.id, name) not in done:
                    examiner = Examiner(model, self.place, effort, self.seed)
                    self._keep(ledger, benchmark.answered(of, item, name, examiner))

    def _sound(self, of: str, item: Item, ledger: Ledger) -> bool:
        """Whether the task can be judged here; looked at once."""
        for row in ledger.rows:
            if (row["benchmark"], row["task"], row["model"]) == (of, item.id, "known"):
                return bool(row["correct"])
        found = benchmark.known(of, item, self.place)
        self._keep(ledger, found)
        return found.correct

    def _keep(self, ledger: Ledger, found: Score | Answered) -> None:
        if self.place.stop:
            raise KeyboardInterrupt  # what a cancelled run gave means nothing
        ledger.add(asdict(found))


def _outside(context: Context, settings: Settings) -> Mapping[str, str]:
    """What has to be beaten, and on what."""
    files = {f"benchmark {path}": sha256(_bytes(path)) for path in settings.benchmarks}
    return files | {"adopted": served.rival(served.of(context.path("export")))}


def _bytes(path: str) -> bytes:
    try:
        return Path(path).expanduser().read_bytes()
    except OSError as error:
        raise BadInput(f"{path} cannot be read ({error.strerror}); name JSON lines in [evaluate] benchmarks.") from None


STAGE = FileStage("evaluate", Settings, inputs=("mistakes", "export"), make=make, outside=_outside, libraries=WORKER)


def _tasks(settings: Settings, seed: int) -> list[tuple[str, Item]]:
    paths = [Path(path).expanduser() for path in settings.benchmarks]
    return [(path.stem, item) for path in paths for item in _sample(forms.read(path), settings.drawn, seed)]


def _sample(items: Sequence[Item], most: int, seed: int) -> Sequence[Item]:
    """A larger number only adds."""
    order = random.Random(seed).sample(items, len(items))
    return order[: most or None]


def _cases(mistakes: Path, settings: Settings) -> list[Case]:
    """Raises BadInput when none is held out."""
    held = [each for each in read_records(mistakes, Mistake) if kept_back(each.task.seed)]
    cases = [case for each in held if (case := case_of(each))]
    if not cases:
        raise BadInput(
            "No mistake is held out, so nothing can be measured: mine more seeds (one in five is kept back)."
        )
    return cases[: settings.tasks or None]


def compared(scores: Sequence[Score], effort: Effort, seed: int) -> Report:
    """The two models on the mistakes that both answered."""
    by_model = {name: {each.mistake: each for each in scores if each.model == name} for name in ("before", "new")}
    both = sorted(by_model["before"].keys() & by_model["new"].keys())
    pairs = [(by_model["before"][key], by_model["new"][key]) for key in both]
    families = [before.seed for before, _ in pairs]

    def between(kind: str) -> Difference:
        before = [_share(each, kind, effort.samples) for each, _ in pairs]
        return difference(before, [_share(each, kind, effort.samples) for _, each in pairs], families, seed)

    found = {name: [rows[key] for key in both] for name, rows in by_model.items()}
    figures = {f"{name}_{kind}": value for name, rows in found.items() for kind, value in _means(rows, effort)}
    return Report(len(pairs), figures, between("repaired"), between("greedy"), between("written"))


def _means(scores: Sequence[Score], effort: Effort) -> Iterator[tuple[str, float]]:
    def mean(kind: str) -> float:
        return sum(getattr(each, kind) for each in scores) / len(scores)

    n, samples = effort.matched, effort.samples
    greedy, chain = mean("greedy"), mean("chain")
    yield "greedy", greedy
    yield "chain", chain
    yield "refined", (chain - greedy) / (1.0 - greedy) if greedy < 1.0 else 0.0
    for k in sorted({1, samples}):
        yield f"pass_at_{k}", sum(pass_at(k, samples, each.repaired) for each in scores) / len(scores)
    yield "writing_pass_at_1", sum(pass_at(1, samples, each.written) for each in scores) / len(scores)
    yield "tokens", mean("tokens")
    yield "seconds", mean("seconds")
    if n:
        named = {"wide": f"p{n}@t1", "wide_voted": f"m{n}@t1", "deep": f"p1@t{n}", "deep_voted": f"m1@t{n}"}
        named |= {"wide_tokens": f"t1_tokens_of_{n}", "deep_tokens": f"t{n}_tokens_of_1"}
        yield from ((name, mean(kind)) for kind, name in named.items())
    if effort.explained:
        yield "explanation_cures", mean("cured") / effort.explained


def _share(score: Score, kind: str, samples: int) -> float:
    found = {"repaired": score.repaired / samples, "written": score.written / samples, "greedy": float(score.greedy)}
    return found[kind]


def _reported(
    report: Report,
    standings: Mapping[str, Standing],
    used: Sequence[product.Used],
    new: served.Served,
    settings: Settings,
    context: Context,
    folder: Path,
) -> Mapping[str, float]:
    against, was = served.rival(new), served.before(new)
    in_use = product_compared.compared(used, context.seed)
    better = report.better and not product_compared.worse(in_use)
    verdict = "better" if better else "not better"
    if better and settings.adopt and new.adapter:
        figures = asdict(report.repair)
        adopted.adopt(new.model, new.base_sha256, new.adapter, figures, explains=new.explains, form=new.form)
        verdict = "better, and adopted"
    benchmarks = {name: asdict(each) for name, each in standings.items()}
    written = {
        "verdict": verdict,
        "better": better,
        "against": f"the adapter {against[:12]}…" if against else "the bare model",
        "form": new.form,
        "form_before": was.form,
        **asdict(report),
        "decontamination": asdict(looked_at(context)),
    }
    written |= {"benchmarks": benchmarks, "product": product_compared.as_json(used, in_use)}
    text = json.dumps(written, indent=2)
    (folder / "report.json").write_text(text + "\n", encoding="utf-8")
    differences = {"repair": report.repair, "greedy": report.greedy, "writing": report.writing}
    differences |= {name: each.gain for name, each in standings.items()}
    spread = {f"{name}_{key}": value for name, each in differences.items() for key, value in asdict(each).items()}
    shares = {f"{name}_before": each.before for name, each in standings.items()}
    shares |= {f"{name}_new": each.new for name, each in standings.items()}
    shares |= {f"{name}_{kind}": value for name, each in standings.items() for kind, value in each.more.items()}
    found = {"tasks": report.tasks, "better": float(better), **report.figures, **shares, **spread}
    return found | dict(product_compared.figures(in_use))
