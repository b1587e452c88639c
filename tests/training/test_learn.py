"""`darner-train learn`: what the user did and wrote becomes records, and an adapter, that one command deletes."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from darner.engine import adopted, trace
from darner.engine.catalogue import sha256_of
from darner.engine.errors import BadInput
from darner.engine.stop import Stop
from darner.training import learn, recipe
from darner.training.kept_back import kept_back
from test_traces import CART, TEST
from tiny_net import write_tiny_net
from training_runs import SILENT, records

ONE = '''\
def shifted(number):
    """The number and one more.

    >>> shifted(4)
    5
    """
    return number + 1
'''
HELPERS = "\n\n".join(
    f'def shifted_{name}(number):\n    """The number and some more.\n\n    >>> shifted_{name}(4)\n    {4 + by}\n'
    f'    >>> shifted_{name}(0)\n    {by}\n    """\n    total = number\n{extra}    return total + {by}\n'
    for name, by, extra in (
        ("one", 1, ""),
        ("two", 2, "    total = total + 0\n"),
        ("few", 3, "    if total < 0:\n        return 3 - -total\n"),
    )
)


def darner(home: Path, module: str, *words: str) -> subprocess.CompletedProcess[str]:
    """A command in the project, with the folders of `home`."""
    places = {"XDG_STATE_HOME": str(home / "state"), "XDG_CACHE_HOME": str(home / "cache")}
    command = [sys.executable, "-P", "-c", f"from darner.{module}.cli import main; main()", *words]
    return subprocess.run(
        command,
        cwd=home / "project",
        env={**os.environ, **places, "DARNER_MODELS": str(home / "models")},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def project(home: Path, **files: str) -> Path:
    root = home / "project"
    root.mkdir()
    (root / "pyproject.toml").write_text("[tool.pytest.ini_options]\npythonpath = ['.']\n", encoding="utf-8")
    for name, text in files.items():
        (root / f"{name}.py").write_text(text, encoding="utf-8")
    return root


@pytest.fixture(scope="module")
def used(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home of somebody who took a repair."""
    home = tmp_path_factory.mktemp("home")
    project(home, cart=CART, test_cart=TEST, helpers=ONE)
    darner(home, "engine", "trace", "on")
    given = ("--no-model", "--trust", "--apply", "--python", sys.executable, "--budget", "120")
    fixed = darner(home, "engine", "fix", *given)
    if "Applied" not in fixed.stdout:
        pytest.skip(f"no sandbox of this machine makes the repair believed: {fixed.stdout}{fixed.stderr}")
    return home


@pytest.mark.slow
def test_a_taken_repair_and_the_users_own_code_are_learnt_from_and_wiped(
    used: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was made of them is theirs to read, nobody else's, and gone with one command."""
    root = at_home(used, monkeypatch)
    learn.learn(learn.Wish(root, True, True, recipe=str(few(used))), Stop(), SILENT, list[str]().append)
    folder = learn.folder_of(root)

    (lesson,) = records(folder, "traces")
    assert "return total >= 50" in lesson["messages"][-1]["content"]
    assert "shifted" in json.dumps(records(folder, "debug_data"))
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert f"is in {folder.parent}" in darner(used, "engine", "trace", "list").stdout

    wiped = darner(used, "engine", "trace", "wipe").stdout
    assert "1 traces deleted, with what was learnt from them." in wiped
    assert not folder.parent.exists()


def few(folder: Path) -> Path:
    """The bundled recipe with a planted bug or two, rows for a net that reads letters, and one answer a question."""
    text = (recipe.FOLDER / "learn.toml").read_text(encoding="utf-8")
    changed = {"planted": (8, 1), "tries": (80, 4), "tokens_per_row": (1280, 6000), "tasks": (40, 1), "samples": (4, 1)}
    for knob, (usual, now) in changed.items():
        assert f"{knob} = {usual} " in text
        text = text.replace(f"{knob} = {usual} ", f"{knob} = {now} ")
    path = folder / "few.toml"
    path.write_text(text, encoding="utf-8")
    return path


def at_home(home: Path, patch: pytest.MonkeyPatch) -> Path:
    for name, place in (("STATE_HOME", "state"), ("CACHE_HOME", "cache")):
        patch.setenv(f"XDG_{name}", str(home / place))
    patch.setenv("DARNER_MODELS", str(home / "models"))
    return home / "project"


def test_sources_that_give_nothing_are_named_and_end_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No recorded run and no doctest: the sentence says of each what it lacks."""
    root = project(tmp_path, cart="def free(total):\n    return total > 50\n")
    said: list[str] = []
    at_home(tmp_path, monkeypatch)

    with pytest.raises(BadInput, match=r"nothing to learn from: seeds kept nothing.*no docstring.*traces kept nothing"):
        learn.learn(learn.Wish(root, from_traces=True, data_only=True), Stop(), SILENT, said.append)
    assert [words.split()[1] for words in said] == ["seeds", "traces"]


def test_only_adapters_that_were_learnt_from_traces_go_with_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An adapter remembers code as well as a record does; one that came from elsewhere is not the user's secret."""
    at_home(tmp_path, monkeypatch)
    base, bought, learnt = tmp_path / "base.gguf", tmp_path / "bought.gguf", trace.learnt() / "p" / "export" / "a.gguf"
    learnt.parent.mkdir(parents=True)
    for path in (base, bought, learnt):
        path.write_bytes(path.name.encode())
    kept = [adopted.adopt(base, sha256_of(base), path, {}) for path in (bought, learnt)]

    assert adopted.forget_below(trace.learnt()) == ("base.gguf",)

    assert list(adopted.adapters_of(base).values()) == [kept[0]]
    assert not kept[1].exists()
    assert adopted.forget_below(trace.learnt()) == ()


@pytest.mark.slow
def test_the_whole_command_ends_with_an_adapter_that_was_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Over a tiny real net: from the user's functions to the report that `adopt` asks for."""
    pytest.importorskip("torch")
    root = project(tmp_path, helpers=HELPERS)
    at_home(tmp_path, monkeypatch)
    wish = learn.Wish(root, True, False, str(write_tiny_net(tmp_path / "tiny.gguf")), str(few(tmp_path)))
    said: list[str] = []

    made = learn.learn(wish, Stop(), SILENT, said.append)

    assert [each.stage for each in made] == [*learn.FACTORY, "sft", "export", "evaluate"]
    assert [words.split()[1] for words in said] == ["traces"]
    folder = learn.folder_of(root)
    report: dict[str, Any] = json.loads((folder / "evaluate" / "report.json").read_text(encoding="utf-8"))
    held = [each for each in records(folder, "mistakes") if kept_back(each["task"]["seed"])]
    assert report["tasks"] == min(1, len(held)) == 1
    assert not report["better"]
    assert (folder / "export" / "adapter.gguf").is_file()
    shutil.rmtree(folder)
