"""The runner: each stage once, from where it was, and never over what was made otherwise."""

from __future__ import annotations

import resource
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import get_type_hints

import pytest
from darner.engine.errors import BadEnvironment, BadInput
from darner.engine.stop import Stop
from darner.training import line
from darner.training.recipe import bundled, read_recipe
from darner.training.run import State, Watch, chosen, opened, standings
from darner.training.shape import Count, Size
from darner.training.stages import Context, FileStage, RecordStage
from darner.training.store import Progress, Work
from darner.training.types import Dropped
from training_runs import SILENT, records, run


@dataclass(frozen=True, slots=True)
class Number:
    id: str
    value: int


@dataclass(frozen=True, slots=True)
class Counting:
    upto: Count = 6
    odd: bool = False


@dataclass(frozen=True, slots=True)
class Adding:
    rate: Size = 1.0


@contextmanager
def _counting(context: Context, settings: Counting, units: Sequence[int]) -> Generator[Work]:
    def work(unit: int, index: int) -> Iterable[object]:
        if unit % 2 == settings.odd:
            return [Number(str(unit), unit + context.seed)]
        return [Dropped("of the other kind")]

    yield work


def _sum(context: Context, settings: Adding, inputs: Mapping[str, Path], folder: Path) -> Mapping[str, float]:
    total = settings.rate * sum(number.value for number in context.read("numbers", Number))
    (folder / "sum.txt").write_text(f"{total}\n", encoding="utf-8")
    return {"sum": total}


NUMBERS = RecordStage("numbers", Counting, (), units=lambda context, settings: range(settings.upto), opened=_counting)
SUM = FileStage("sum", Adding, ("numbers",), make=_sum)
STAGES = (NUMBERS, SUM)


@pytest.fixture
def recipe(tmp_path: Path) -> Callable[..., Path]:
    def write(text: str = "[run]\nseed = 10\n[numbers]\n[sum]\nrate = 2\n") -> Path:
        path = tmp_path / "mine.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def begins(log: list[str]) -> Watch:
    """Notes the stages that are really worked on."""
    return Watch(
        lambda stage, manifest: None if manifest else log.append(stage.name), SILENT.unit, lambda stage, manifest: None
    )


def test_a_recipe_runs_its_stages_in_order_once(tmp_path: Path, recipe: Callable[..., Path]) -> None:
    """The second run reads what the first one wrote, and says so in the same manifests."""
    first, second = list[str](), list[str]()

    made = run(recipe(), tmp_path / "run", stages=STAGES, watch=begins(first))
    again = run(recipe(), tmp_path / "run", stages=STAGES, watch=begins(second))

    assert (first, second) == (["numbers", "sum"], [])
    assert made == again
    assert records(tmp_path / "run", "numbers") == [{"id": str(n), "value": n + 10} for n in (0, 2, 4)]
    assert dict(made[0].dropped) == {"of the other kind": 3}
    assert (tmp_path / "run" / "sum" / "sum.txt").read_text() == "72.0\n"
    assert dict(made[1].figures) == {"sum": 72.0}
    assert {path.name for path in (tmp_path / "run").glob("*.json")} == {"numbers.manifest.json", "sum.manifest.json"}


def test_what_was_made_by_another_recipe_is_never_overwritten_unasked(
    tmp_path: Path, recipe: Callable[..., Path]
) -> None:
    """Hours of work must not go because of a slip; the sentence names the knobs that differ."""
    run(recipe(), tmp_path / "run", stages=STAGES)
    changed = recipe("[run]\nseed = 10\n[numbers]\nodd = true\n[sum]\nrate = 2\n")

    with pytest.raises(BadInput, match=r"numbers .* was made otherwise: numbers\.odd was False, is True\. Pass --redo"):
        run(changed, tmp_path / "run", stages=STAGES)
    assert records(tmp_path / "run", "numbers")[0]["id"] == "0"
    run(changed, tmp_path / "run", stages=STAGES, redo=True)

    assert [row["id"] for row in records(tmp_path / "run", "numbers")] == ["1", "3", "5"]
    assert (tmp_path / "run" / "sum" / "sum.txt").read_text() == "78.0\n"


def test_an_output_that_was_altered_by_hand_is_named_and_never_overwritten_unasked(
    tmp_path: Path, recipe: Callable[..., Path]
) -> None:
    """Somebody took a record out on purpose: making it again would bring it back."""
    run(recipe(), tmp_path / "run", stages=STAGES)
    output = tmp_path / "run" / "numbers.jsonl"
    altered = output.read_text().split("\n", 1)[1]
    output.write_text(altered)

    with pytest.raises(
        BadInput, match=r"numbers .* was made otherwise: numbers\.jsonl was altered by hand\. Pass --redo"
    ):
        run(recipe(), tmp_path / "run", stages=STAGES)
    assert output.read_text() == altered
    run(recipe(), tmp_path / "run", stages=STAGES, redo=True)
    assert [row["id"] for row in records(tmp_path / "run", "numbers")] == ["0", "2", "4"]


def test_an_interrupted_folder_stage_finds_what_it_left(tmp_path: Path, recipe: Callable[..., Path]) -> None:
    """Training goes on from its last checkpoint, not from the beginning."""
    found: list[bool] = []

    def make(context: Context, settings: Adding, inputs: Mapping[str, Path], folder: Path) -> Mapping[str, float]:
        found.append((folder / "checkpoints" / "1").exists())
        (folder / "checkpoints").mkdir(exist_ok=True)
        (folder / "checkpoints" / "1").write_text("1", encoding="utf-8")
        (folder / "made").write_text("1", encoding="utf-8")
        if len(found) == 1:
            raise KeyboardInterrupt
        return {}

    stages = (NUMBERS, FileStage("sum", Adding, ("numbers",), make=make))
    with pytest.raises(KeyboardInterrupt):
        run(recipe(), tmp_path / "run", stages=stages)
    for _ in range(2):  # the second time it is complete: its checkpoints, which are gone, are no part of it
        run(recipe(), tmp_path / "run", stages=stages)

    assert found == [False, True]
    assert {path.name for path in (tmp_path / "run" / "sum").iterdir()} == {"begun.json", "made"}


def test_a_full_disk_is_one_sentence_and_what_was_made_stays(tmp_path: Path, recipe: Callable[..., Path]) -> None:
    """In the middle of an export: free some room, and the same command goes on."""

    def make(context: Context, settings: Adding, inputs: Mapping[str, Path], folder: Path) -> Mapping[str, float]:
        (folder / "small").write_text("1", encoding="utf-8")
        (folder / "large").write_bytes(bytes(1 << 20))
        return {}

    stages = (NUMBERS, FileStage("sum", Adding, ("numbers",), make=make))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, before[1]))
    try:
        with pytest.raises(BadEnvironment, match=r"no room for .*sum\.partial .*; free some, and run it again"):
            run(recipe(), tmp_path / "run", stages=stages)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert (tmp_path / "run" / "sum.partial" / "small").exists()
    run(recipe(), tmp_path / "run", stages=stages)
    assert (tmp_path / "run" / "sum" / "large").stat().st_size == 1 << 20


def test_a_stage_that_keeps_nothing_ends_the_run_with_its_reasons(tmp_path: Path, recipe: Callable[..., Path]) -> None:
    """An empty file handed on would fail somewhere else, for a reason that nobody sees."""
    with pytest.raises(BadInput, match=r"numbers kept nothing of 1 units of work: 1 x of the other kind; give it"):
        run(recipe("[numbers]\nupto = 1\nodd = true\n"), tmp_path / "run", stages=STAGES)


def test_the_standing_of_each_stage_is_told(tmp_path: Path, recipe: Callable[..., Path]) -> None:
    """`status` and `--dry-run` rest on it."""

    def told(path: Path) -> list[State]:
        read = read_recipe(str(path), STAGES)
        with opened(read, tmp_path / "run", Stop(), trusted=True) as context:
            return [each.state for each in standings(read, STAGES, context)]

    before = told(recipe())
    run(recipe("[run]\nseed = 10\n[numbers]\n"), tmp_path / "run", stages=STAGES)
    half = told(recipe())
    run(recipe(), tmp_path / "run", stages=STAGES)
    whole = told(recipe())
    other = told(recipe("[run]\nseed = 11\n[numbers]\n[sum]\nrate = 2\n"))

    assert before == [State.READY, State.WAITING]
    assert half == [State.DONE, State.READY]
    assert whole == [State.DONE, State.DONE]
    assert other == [State.CHANGED, State.CHANGED]


def test_two_runs_never_share_a_folder(tmp_path: Path, recipe: Callable[..., Path]) -> None:
    """Two writers of one file would leave a third file that neither wrote."""
    read = read_recipe(str(recipe()), STAGES)

    with opened(read, tmp_path / "run", Stop(), trusted=True), pytest.raises(BadEnvironment, match="Another darner-"):
        run(recipe(), tmp_path / "run", stages=STAGES)


def test_stages_can_be_chosen_by_name(recipe: Callable[..., Path]) -> None:
    """--from and --to."""
    read = read_recipe(str(recipe()), STAGES)

    assert chosen(read, STAGES) == STAGES
    assert chosen(read, STAGES, first="sum") == (SUM,)
    assert chosen(read, STAGES, last="numbers") == (NUMBERS,)
    with pytest.raises(BadInput, match="sums is no stage of the recipe mine; its stages are numbers, sum"):
        chosen(read, STAGES, first="sums")
    with pytest.raises(BadInput, match="sum comes after numbers"):
        chosen(read, STAGES, first="sum", last="numbers")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[numbers]\nupot = 3\n", r"section \[numbers\]: upot is not a key; did you mean upto\?"),
        ("[numbers]\nupto = '3'\n", r"section \[numbers\]: upto must be a whole number, not '3'"),
        ("[numbers]\nupto = true\n", r"upto must be a whole number, not True"),
        ("[numbers]\nupto = 0\n", r"section \[numbers\]: upto must be at least 1, not 0"),
        ("[sum]\nrate = nan\n", r"section \[sum\]: rate must be more than 0, not nan"),
        ("[number]\n", r"\[number\] is no stage; did you mean \[numbers\]\?"),
        ("[sum]\n", r"\[sum\] needs the records of \[numbers\], which has no section"),
        ("[run]\nseed = 1\n", r"names no stage"),
        ("numbers = 3\n", r"section \[numbers\]: it is 3, not a table"),
        ("[numbers", r"cannot be read as a recipe"),
    ],
)
def test_a_recipe_with_a_slip_is_refused_with_what_is_near(
    recipe: Callable[..., Path], text: str, sentence: str
) -> None:
    """A knob that is silently passed over costs a night."""
    with pytest.raises(BadInput, match=sentence):
        read_recipe(str(recipe(text)), STAGES)


def test_a_recipe_that_is_not_there_is_named_with_those_that_are() -> None:
    """`darner-train run tyni`."""
    with pytest.raises(BadInput, match="no recipe tyni; did you mean tiny"):
        read_recipe("tyni", line.ALL)
    with pytest.raises(BadInput, match="cannot be read as a recipe"):
        read_recipe("missing.toml", line.ALL)


@pytest.mark.parametrize("name", bundled())
def test_every_bundled_recipe_is_read_and_names_every_knob(name: str) -> None:
    """A knob that the file does not show is a knob that nobody finds."""
    read = read_recipe(name, line.ALL)
    text = Path(line.__file__).with_name("recipes").joinpath(f"{name}.toml").read_text(encoding="utf-8")
    missing = [
        key for stage in read.sections for key in read.settings_of(stage) if f"\n{key.split('.')[1]} =" not in text
    ]

    assert missing == []


@pytest.mark.parametrize("name", bundled())
def test_every_number_of_every_recipe_has_a_bound(name: str) -> None:
    """`samples = 0` would end hours later in a division by zero."""
    read = read_recipe(name, line.ALL)
    kinds = [(stage.name, stage.settings) for stage in line.ALL if stage.name in read.sections] + [
        ("run", type(read.run))
    ]
    free = [
        f"{section}.{key}"
        for section, kind in kinds
        for key, hint in get_type_hints(kind, include_extras=True).items()
        if hint in (int, float)
    ]

    assert free == []


def test_progress_counts_what_an_earlier_run_did(tmp_path: Path, recipe: Callable[..., Path]) -> None:
    """The time left is told from it."""
    stop, seen = Stop(), list[tuple[int, int, int]]()

    def unit(stage: object, progress: Progress) -> None:
        seen.append((progress.done, progress.kept, progress.units))
        if progress.done == 3:
            stop.cancel()

    with pytest.raises(KeyboardInterrupt):
        run(recipe(), tmp_path / "run", stages=STAGES, stop=stop, watch=Watch(SILENT.stage, unit, SILENT.done))
    seen.clear()
    run(recipe(), tmp_path / "run", stages=STAGES, watch=Watch(SILENT.stage, unit, SILENT.done))

    assert seen[0] == (3, 2, 6)
    assert seen[-1] == (6, 3, 6)
