"""`darner model`, `darner doctor`, and what a repair does without the model it would like to have."""

from __future__ import annotations

import re
import signal
from pathlib import Path

import psutil
import pytest
from cli_runner import CART, Bench
from darner.engine import adopted, catalogue, doctor_build
from darner.engine.model import Form

TEST = "test_cart.py::test_at_the_limit"
SMALL = "qwen2.5-coder-0.5b"


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path).write(CART)


@pytest.mark.slow
def test_without_a_model_search_goes_on_and_says_so(bench: Bench) -> None:
    """The first run on a new machine should repair what it can; stdout stays pure JSON."""
    ended = bench.darner("fix", "--json", "--trust", "--budget", "90")

    assert ended.code == 0, ended.err
    assert ended.json()["model"] is None
    assert "darner model pull qwen2.5-coder-1.5b" in ended.err
    assert ended.failures()[TEST]["status"] == "repaired"


def test_a_model_that_was_named_and_is_missing_is_an_error(bench: Bench) -> None:
    """Who names a model wants that model, not something else in silence."""
    ended = bench.darner("fix", "--json", "--trust", "--model", SMALL)

    assert ended.code == 3
    assert f"darner model pull {SMALL}" in ended.json()["error"]["message"]


def test_a_text_file_named_gguf_is_refused(bench: Bench) -> None:
    """The mistake is named before anything is loaded."""
    fake = bench.home / "notes.gguf"
    fake.write_text("not a model")

    ended = bench.darner("fix", "--trust", "--model", str(fake))

    assert ended.code == 3
    assert f"{fake} is not a GGUF file" in ended.err


@pytest.mark.slow
def test_a_truncated_gguf_is_named_and_search_still_repairs(bench: Bench) -> None:
    """It starts like a model; only loading finds out. The doctor says the same, with what to do."""
    cut = bench.home / "cut.gguf"
    cut.write_bytes(b"GGUF\x03\x00\x00\x00" + bytes(64))

    fixed = bench.darner("fix", "--json", "--trust", "--model", str(cut), "--budget", "90")
    examined = bench.darner("doctor", "--model", str(cut))

    assert fixed.code == 0, fixed.err
    assert fixed.failures()[TEST]["status"] == "repaired"
    assert examined.code == 3
    assert "✗ device" in examined.out
    assert "cut.gguf" in examined.out


def test_a_truncated_download_is_refused_with_its_size(bench: Bench) -> None:
    """A file of the catalogue has a known size; less is a broken copy."""
    entry = catalogue.CATALOGUE[SMALL]
    folder = bench.home / "models"
    folder.mkdir()
    (folder / entry.file).write_bytes(b"GGUF" + bytes(996))

    ended = bench.darner("fix", "--trust", "--model", SMALL)

    assert ended.code == 3
    assert "1,000 of 491,400,064 bytes" in ended.err


def test_model_commands_without_a_network(bench: Bench) -> None:
    """`list`, `where`, `verify`, `rm` and `pull --offline` open no connection and tell what is here."""
    listed = bench.darner("model", "list", "--json")
    assert [(m["name"], m["installed"]) for m in listed.json()["models"]] == [(n, False) for n in catalogue.CATALOGUE]
    assert {m["adapter"] for m in listed.json()["models"]} == {""}
    assert bench.darner("model", "where", "--json").json()["folder"] == str(bench.home / "models")
    assert bench.darner("model", "verify").code == 0
    assert "was not here" in bench.darner("model", "rm", SMALL).out
    pulled = bench.darner("model", "pull", SMALL, "--offline", "--json")
    assert (pulled.code, pulled.json()["error"]["code"]) == (3, 3)
    assert "--offline" in pulled.err


def test_the_list_says_which_model_answers_through_an_adopted_adapter(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What runs on one's machine should not be a secret of a JSON file."""
    monkeypatch.setenv("DARNER_MODELS", str(bench.home / "models"))
    path = catalogue.path_of(catalogue.CATALOGUE[SMALL])
    path.parent.mkdir(parents=True)
    path.write_bytes(b"GGUF base")
    adapter = bench.home / "adapter.gguf"
    adapter.write_bytes(b"GGUF adapter")
    adopted.adopt(path, catalogue.sha256_of(path), adapter, {}, form=Form.BRIEF)

    rows = {m["name"]: m for m in bench.darner("model", "list", "--json").json()["models"]}

    assert (rows[SMALL]["adapter"], rows[SMALL]["form"]) == (catalogue.sha256_of(adapter), "brief")
    assert {m["adapter"] for name, m in rows.items() if name != SMALL} == {""}
    assert catalogue.sha256_of(adapter)[:12] in bench.darner("model", "list").out


def test_doctor_gives_a_fix_for_each_thing_that_is_wrong(bench: Bench) -> None:
    """A diagnosis without a next step is half of one."""
    ended = bench.darner("doctor", "--python", "/nowhere/python", "--json")

    assert ended.code == 3
    checks = {check["name"]: check for check in ended.json()["checks"]}
    assert not checks["interpreter"]["ok"]
    assert "--python" in checks["interpreter"]["fix"]
    assert not checks["model"]["ok"]
    assert "darner model pull" in checks["model"]["fix"]
    assert all(check["fix"] for check in checks.values() if not check["ok"])


def test_doctor_measures_how_fast_the_model_writes(bench: Bench, tiny_file: Path) -> None:
    """Whether a model is worth waiting for depends on this machine: a figure, not a guess."""
    ended = bench.darner("doctor", "--model", str(tiny_file), "--json")

    checks = {check["name"]: check for check in ended.json()["checks"]}
    assert checks["device"]["text"].startswith("CPU")
    assert re.match(r"llama-cpp-python [\d.]+, built for [\w, ]*CPU$", checks["device"]["details"][0])
    assert re.match(r"[\d.]+ tokens/s of one answer \(\d+ tokens in [\d.]+ s\)", checks["speed"]["text"])


@pytest.mark.parametrize("kind", ["CUDA", "Metal", "Vulkan"])
def test_the_command_for_a_better_build_holds_its_flag(kind: str) -> None:
    """It is copied as it stands."""
    assert f"GGML_{kind.upper()}=on" in doctor_build.command(kind)
    assert doctor_build.better("CUDA0: a GPU, 29 of 29 layers") == ()


def test_what_a_build_is_for_is_told_by_its_libraries(tmp_path: Path) -> None:
    """A build without the GPU's backend is the usual reason why a GPU is idle."""
    for name in ("libggml-base.so", "libggml-cpu.so", "libggml-cuda.so.0.25.3", "ggml-vulkan.dll"):
        (tmp_path / name).touch()

    assert doctor_build.built_for(tmp_path) == ("CUDA", "Vulkan")
    assert doctor_build.built_for(tmp_path / "nowhere") == ()


UNWRITTEN = {
    "pyproject.toml": CART["pyproject.toml"],
    "names.py": '''
        def initials(name):
            """The first letter of each word of a name in upper case: `AL` for `Ada lovelace`."""
            raise NotImplementedError
        ''',
    "test_names.py": """
        from names import initials


        def test_initials():
            assert initials("Ada Lovelace") == "AL"
            assert initials("grace brewster hopper") == "GBH"
        """,
}


@pytest.mark.model
@pytest.mark.slow
def test_ctrl_c_while_the_model_works_leaves_no_worker(tmp_path: Path) -> None:
    """Loading and sampling happen in a child process; it must not outlive the command."""
    bench = Bench(tmp_path).write(UNWRITTEN)
    model = catalogue.path_of(catalogue.CATALOGUE[SMALL])
    if not model.exists():
        pytest.skip(f"{model} is not here; run `darner model pull {SMALL}`")
    before = bench.snapshot()

    with bench.start("fix", "--trust", "--model", str(model)) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if "sampling repairs" in line:
                break
        family = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)

    assert process.returncode == 130, err
    assert psutil.wait_procs(family, timeout=60)[1] == []
    assert bench.snapshot() == before
    assert bench.leftovers() == []
