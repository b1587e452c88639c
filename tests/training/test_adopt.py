"""What the engine uses: an adapter that was measured to be better, over its own base, until it is taken back."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from darner.engine import adopted, catalogue
from darner.engine.catalogue import sha256_of
from darner.engine.cli_model import open_model
from darner.engine.errors import BadInput
from darner.engine.model import Form, Role
from darner.training.evaluate import compared
from darner.training.examiner import Effort, Score
from darner.training.job import digest_of, manifest_of, write_manifest
from darner.training.types import Manifest
from training_runs import command


@pytest.fixture
def base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DARNER_MODELS", str(tmp_path / "models"))
    path = tmp_path / "base.gguf"
    path.write_bytes(b"GGUF base")
    return path


def adapter(path: Path) -> Path:
    path.write_bytes(b"GGUF " + path.name.encode())
    return path


def run_folder(folder: Path, base: Path, better: bool) -> Path:
    """As `export` and `evaluate` leave it."""
    for name in ("export", "evaluate"):
        (folder / name).mkdir(parents=True)
    adapter(folder / "export" / "adapter.gguf")
    served = {"base": str(base), "base_sha256": sha256_of(base), "lora": True}
    (folder / "export" / "served.json").write_text(json.dumps(served))
    gain = {"mean": 0.05, "low": 0.01, "high": 0.09}
    figures = {"repair": gain, "writing": {**gain, "mean": 0.0}}
    report = {"better": better, "against": "the bare model", "tasks": 60, "form": "engine", **figures}
    (folder / "evaluate" / "report.json").write_text(json.dumps(report))
    measured = {"export": digest_of(folder / "export"), "adopted": ""}
    made = Manifest("evaluate", measured, {}, 0, "", {}, 1, 1, {}, {}, 1.0, "evaluate", digest_of(folder / "evaluate"))
    write_manifest(folder / "evaluate", made)
    return folder


def test_what_was_adopted_is_used_over_its_base_only_and_the_one_before_comes_back(base: Path, tmp_path: Path) -> None:
    """A later one that turns out badly must not cost the earlier one."""
    first, second = adapter(tmp_path / "first.gguf"), adapter(tmp_path / "second.gguf")
    for path, form in ((first, Form.BRIEF), (second, Form.ENGINE)):
        adopted.adopt(base, sha256_of(base), path, {"mean": 0.1}, form=form)

    assert adopted.form_of(base) is Form.ENGINE
    assert adopted.adapters_of(base)[Role.REPAIRER].read_bytes() == second.read_bytes()
    assert not adopted.adapters_of(tmp_path / "other.gguf")
    back = adopted.roll_back(base)
    assert back is not None
    assert back.read_bytes() == first.read_bytes()
    assert adopted.form_of(base) is Form.BRIEF
    assert adopted.roll_back(base) is None
    assert not adopted.adapters_of(base)
    with pytest.raises(BadInput, match="nothing to take back"):
        adopted.roll_back(base)


def test_a_damaged_list_or_a_lost_file_leaves_the_bare_model(base: Path, tmp_path: Path) -> None:
    """A repair must not fail because of an experiment of last month."""
    kept = adopted.adopt(base, sha256_of(base), adapter(tmp_path / "a.gguf"), {})
    kept.unlink()
    assert not adopted.adapters_of(base)
    for damaged in ('{"torn', '{"base.gguf 9": [1]}', '{"base.gguf 9": 1}', "[]"):
        (kept.parent / "adopted.json").write_text(damaged)
        assert not adopted.adapters_of(base)
    (kept.parent / "adopted.json").write_text('{"torn')
    adopted.adopt(base, sha256_of(base), adapter(tmp_path / "b.gguf"), {})
    assert (kept.parent / "adopted.damaged.json").read_text() == '{"torn'


def test_an_adapter_is_adopted_over_the_file_that_it_was_trained_on_and_once(base: Path, tmp_path: Path) -> None:
    """Over any other the worker would refuse every request; twice, taking it back would change nothing."""
    path = adapter(tmp_path / "a.gguf")
    adopted.adopt(base, sha256_of(base), path, {})
    adopted.adopt(base, sha256_of(base), path, {})
    assert adopted.roll_back(base) is None
    with pytest.raises(BadInput, match="not the file that the adapter was trained on"):
        adopted.adopt(base, "0" * 64, path, {})


def test_an_export_that_was_made_again_is_not_adopted_by_the_old_figures(base: Path, tmp_path: Path) -> None:
    """What is used must be what was measured."""
    run = run_folder(tmp_path / "run", base, better=True)
    (run / "export" / "adapter.gguf").write_bytes(b"GGUF another")

    assert "not the one that was measured" in command("adopt", run).stderr
    assert not adopted.adapters_of(base)


def test_the_command_adopts_what_is_better_and_the_engine_opens_the_model_with_it(base: Path, tmp_path: Path) -> None:
    """From the figures of a run to the model that repairs."""
    run = run_folder(tmp_path / "run", base, better=True)
    done = command("adopt", run)

    assert done.returncode == 0, done.stderr
    assert "repairs +5.0 points (95 %: +1.0, +9.0) on 60 held-out mistakes" in done.stdout
    model = open_model(str(base), wanted=True)
    assert model is not None
    assert adopted.adapters_of(base)
    assert "by itself again" in command("rollback", base).stdout
    assert not adopted.adapters_of(base)


def test_what_is_not_better_is_not_adopted_and_the_figures_are_said(base: Path, tmp_path: Path) -> None:
    """Nobody should have to look for the reason."""
    done = command("adopt", run_folder(tmp_path / "run", base, better=False))

    assert done.returncode == 2
    assert "not better than the bare model: repairs +5.0 points" in done.stderr
    assert not adopted.adapters_of(base)
    (tmp_path / "run" / "evaluate" / "report.json").unlink()
    assert "run the stage `evaluate` first" in command("adopt", tmp_path / "run").stderr
    assert "holds no trained weights" in command("adopt", tmp_path).stderr


def measured_in(run: Path, form: str | None) -> Path:
    """The same run, asked for repairs in another form; None: a report of an earlier Darner."""
    path = run / "evaluate" / "report.json"
    report = json.loads(path.read_text()) | {"form": form}
    path.write_text(json.dumps({name: value for name, value in report.items() if value is not None}))
    return run


def test_an_adapter_is_asked_in_the_form_that_it_was_measured_in_until_it_is_taken_back(
    base: Path, tmp_path: Path
) -> None:
    """An adapter that is better at one question may be worse at another."""
    done = command("adopt", measured_in(run_folder(tmp_path / "run", base, better=True), "brief"))
    model = open_model(str(base), wanted=True)

    assert done.returncode == 0, done.stderr
    assert model is not None
    assert model.form is adopted.form_of(base) is Form.BRIEF
    assert command("rollback", base).returncode == 0
    assert adopted.form_of(base) is Form.ENGINE


def test_an_adapters_form_goes_before_its_models_own_which_comes_back_with_the_bare_model(
    base: Path, tmp_path: Path
) -> None:
    """What a catalogue model answers best is not what an adapter over it learnt."""
    known = base.rename(tmp_path / catalogue.CATALOGUE["qwen2.5-coder-0.5b"].file)
    before = adopted.form_of(known)
    adopted.adopt(known, sha256_of(known), adapter(tmp_path / "a.gguf"), {}, form=Form.ENGINE)

    assert before is Form.BRIEF
    assert adopted.form_of(known) is Form.ENGINE
    assert adopted.roll_back(known) is None
    assert adopted.form_of(known) is Form.BRIEF


@pytest.mark.parametrize("form", ["of next year", None])
def test_figures_that_do_not_say_in_which_form_they_were_made_adopt_nothing(
    base: Path, tmp_path: Path, form: str | None
) -> None:
    """Nobody knows how to ask such an adapter."""
    done = command("adopt", measured_in(run_folder(tmp_path / "run", base, better=True), form))

    assert done.returncode == 2
    assert "do not say in which form repairs were asked" in done.stderr
    assert not adopted.adapters_of(base)


def test_an_adapter_that_was_adopted_is_replaced_only_by_one_that_was_measured_against_it(
    base: Path, tmp_path: Path
) -> None:
    """Better than the bare model is not better than what is used."""
    first = run_folder(tmp_path / "first", base, better=True)
    second = run_folder(tmp_path / "second", base, better=True)
    (second / "export" / "adapter.gguf").write_bytes(b"GGUF second")
    second = measured_anew(second, against="")
    assert command("adopt", first).returncode == 0
    done = command("adopt", second)
    assert done.returncode == 2
    assert "measured against the bare model" in done.stderr
    assert "--from evaluate --redo" in done.stderr

    used = sha256_of(first / "export" / "adapter.gguf")
    assert command("adopt", measured_anew(second, against=used)).returncode == 0
    assert adopted.rival(base, second / "export" / "adapter.gguf") == used  # as before: its own figures stay true
    assert adopted.rival(base, first / "export" / "adapter.gguf") == sha256_of(second / "export" / "adapter.gguf")


def measured_anew(run: Path, against: str) -> Path:
    made = manifest_of(run / "evaluate")
    assert made is not None
    measured = {"export": digest_of(run / "export"), "adopted": against}
    write_manifest(run / "evaluate", replace(made, inputs=measured))
    return run


EFFORT = Effort(samples=4, turns=2, temperature=0.7)


def score(number: int, model: str, repaired: int, written: int = 2) -> Score:
    return Score(f"m{number}", f"t{number}", model, repaired > 0, repaired > 0, repaired, written)


def test_repairs_decide_and_writing_must_not_suffer() -> None:
    """Weights that only repair, and have forgotten how to write, are not better."""
    before = [score(n, "before", 1) for n in range(20)]
    after = [score(n, "new", 3) for n in range(20)]
    forgetful = [score(n, "new", 3, written=1) for n in range(20)]

    assert compared([*before, *after], EFFORT, 0).better
    assert not compared([*before, *forgetful], EFFORT, 0).better
    report = compared([*before, *after], EFFORT, 0)
    assert report.figures["before_pass_at_1"] == pytest.approx(0.25)
    assert report.figures["new_pass_at_1"] == pytest.approx(0.75)
    assert report.repair.mean == pytest.approx(0.5)


def test_what_refining_adds_is_told_of_those_that_failed_at_first() -> None:
    """Two of eight first answers pass, three of the other six in a later turn."""
    chains = [(True, True)] * 2 + [(False, True)] * 3 + [(False, False)] * 3
    scores = [
        Score(f"m{n}", f"t{n}", model, *chain, 0, 0) for n, chain in enumerate(chains) for model in ("before", "new")
    ]
    figures = compared(scores, EFFORT, 0).figures

    assert (figures["new_greedy"], figures["new_chain"]) == (0.25, 0.625)
    assert figures["new_refined"] == pytest.approx(0.5)
