"""The same evidence is explained once: the words are on disk, in folders that `darner forget --prompts` deletes."""

from __future__ import annotations

from pathlib import Path

import pytest
from darner.engine.explain import write_prose
from darner.engine.model import Message, Sampling
from darner.engine.prompt import Target
from darner.engine.resident import forget_prompts, prompts_folder
from darner.engine.scripted import ScriptedModel
from darner.engine.source import Source
from darner.engine.stop import Stop
from darner.engine.told import Remembering, file_identity, remembering

SOURCE = Source.parse("ages.py", b"def oldest(ages):\n    return min(ages)\n")


class Named(ScriptedModel):
    """Recites, as a model that can be told from others."""

    def __init__(self, identity: str, *texts: str) -> None:
        super().__init__(*texts)
        self.identity = identity


def asked_for(model: Named, folder: Path, fact: str = "the test expects 9, and got 3", most: int = 9) -> str:
    target = Target(SOURCE, SOURCE.functions()[0], "assert oldest([3, 9]) == 9", (fact,))
    return write_prose(Remembering(model, folder, most), target, None, Stop())


def test_a_second_explanation_of_the_same_evidence_asks_no_model(tmp_path: Path) -> None:
    """Also in another process and after the first model was closed: only the request and the model's file count."""
    first, second = Named("a", "It takes `min`."), Named("a", "It lies.")

    assert asked_for(first, tmp_path) == "It takes `min`."
    assert asked_for(second, tmp_path) == "It takes `min`."
    assert not second.asked


def test_nothing_is_kept_for_those_who_keep_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`keep-explanations = false`: the words name the user's code."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    model = Named("a", "It takes `min`.")
    target = Target(SOURCE, SOURCE.functions()[0], "assert oldest([3, 9]) == 9", ())

    for keep in (False, False, True, True):
        write_prose(remembering(model, keep), target, None, Stop())

    assert len(model.asked) == 3
    assert len(list((prompts_folder() / "prose").iterdir())) == 1


@pytest.mark.parametrize(("identity", "fact"), [("b", "the test expects 9, and got 3"), ("a", "`oldest` returned 3")])
def test_other_evidence_or_another_model_is_asked(tmp_path: Path, identity: str, fact: str) -> None:
    """Words about other values would be wrong, and another model's are not this one's."""
    asked_for(Named("a", "It takes `min`."), tmp_path)
    other = Named(identity, "It returns 3.")

    assert asked_for(other, tmp_path, fact) == "It returns 3."
    assert other.asked


def test_no_more_files_are_kept_than_the_bound(tmp_path: Path) -> None:
    """Years of failures must not fill a disk."""
    for number in range(5):
        asked_for(Named("a", "It takes `min`."), tmp_path, f"it returned {number}", most=3)

    assert len(list(tmp_path.iterdir())) == 3


def test_what_was_kept_is_wiped_with_the_computed_prompts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One command takes away all that names the user's code; only their owner could read the files."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    folder = prompts_folder() / "prose"
    asked_for(Named("a", "It takes `min`."), folder)
    assert [file.stat().st_mode & 0o777 for file in folder.iterdir()] == [0o600]

    assert forget_prompts()

    again = Named("a", "It takes `min`.")
    asked_for(again, folder)
    assert again.asked


def test_a_folder_that_cannot_be_written_costs_only_the_memory(tmp_path: Path) -> None:
    """An explanation is not worth an error."""
    (tmp_path / "file").write_text("")

    assert asked_for(Named("a", "It takes `min`."), tmp_path / "file" / "prose") == "It takes `min`."


def test_repairs_are_never_looked_up(tmp_path: Path) -> None:
    """Samples must differ, and a greedy repair is asked for again with other feedback."""
    model = Named("a", "one", "two")
    kept = Remembering(model, tmp_path)

    said = [kept.sample((Message("user", "x"),), Sampling(), Stop())[0].text for _ in range(2)]

    assert said == ["one", "two"]


def test_a_model_file_that_changed_is_another_model(tmp_path: Path) -> None:
    """A new quantisation under the old name may say something else."""
    file = tmp_path / "model.gguf"
    file.write_bytes(b"one")
    before = file_identity(file)
    file.write_bytes(b"other")

    assert file_identity(file) != before
