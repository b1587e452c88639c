"""The wheel holds every file of the four folders, and its commands run beside a user's modules of the same names."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("lsp", "engine", "sandbox", "training")
HOSTILE = ("json.py", "types.py", "typing.py", "asyncio.py", "pygls.py", "darner.py")


def sources() -> set[str]:
    """Every file of the four folders on disk, as the wheel should name it; found by walking, not from a list."""
    return {
        f"darner/{path.relative_to(ROOT).as_posix()}"
        for folder in FOLDERS
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def run(command: list[str], cwd: Path, **extra: str) -> subprocess.CompletedProcess[str]:
    environ = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")} | extra
    return subprocess.run(
        command,
        cwd=cwd,
        env=environ,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy, so that no old `build/` can lend the wheel a file, and without the network."""
    source, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for name in FOLDERS:
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    options = ["--no-deps", "--no-build-isolation", "--no-index", "--quiet", "--wheel-dir", str(out)]
    built = run([sys.executable, "-m", "pip", "wheel", *options, str(source)], cwd=out)
    assert built.returncode == 0, built.stdout + built.stderr
    return next(out.glob("darner-*.whl"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel unpacked by pip into a folder of its own, with its commands."""
    target = tmp_path_factory.mktemp("site")
    options = ["--no-deps", "--no-index", "--quiet", "--target", str(target)]
    done = run([sys.executable, "-m", "pip", "install", *options, str(wheel)], cwd=target)
    assert done.returncode == 0, done.stdout + done.stderr
    return target


@pytest.fixture
def hostile(tmp_path: Path) -> Path:
    """A user's project whose names collide with ours, with the standard library's and with our dependencies'."""
    for name in FOLDERS:
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text(f"raise ImportError('the user has a {name}')\n", encoding="utf-8")
    for name in HOSTILE:
        (tmp_path / name).write_text(f"raise ImportError('the user has a {name}')\n", encoding="utf-8")
    return tmp_path


def test_the_wheel_holds_every_file_of_the_four_folders(wheel: Path) -> None:
    """A sub-folder that is not listed in `packages` vanishes from a wheel without a word."""
    with zipfile.ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if name.startswith("darner/")}

    assert sources() - held == set()
    assert held - sources() == set()


def test_the_wheel_holds_the_licence_and_the_three_commands(wheel: Path) -> None:
    """Apache-2.0 asks that its text travels with the work; the commands are how a person meets it."""
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        entry_points = next(name for name in names if name.endswith("entry_points.txt"))
        commands = archive.read(entry_points).decode()

    assert any(name.endswith("LICENSE") for name in names)
    assert [c for c in ("darner =", "darner-lsp =", "darner-train =") if c not in commands] == []


@pytest.mark.parametrize("command", ["darner", "darner-train"])
def test_a_command_runs_in_a_hostile_folder(installed: Path, hostile: Path, command: str) -> None:
    """The working folder of a command is a user's project, whose modules must never be imported as ours."""
    done = run([str(installed / "bin" / command), "--help"], cwd=hostile, PYTHONPATH=str(installed))

    assert done.returncode == 0, done.stderr
    assert "Usage" in done.stdout


@pytest.mark.parametrize("module", ["darner.lsp.server", "darner.lsp.__main__", "darner.engine.service"])
def test_a_module_loads_from_the_wheel_in_a_hostile_folder(installed: Path, hostile: Path, module: str) -> None:
    """An editor starts `python -P -m darner.lsp` with the workspace as its working folder."""
    code = f"import importlib; print(importlib.import_module({module!r}).__file__)"
    done = run([sys.executable, "-P", "-c", code], cwd=hostile, PYTHONPATH=str(installed))

    assert done.returncode == 0, done.stderr
    assert Path(done.stdout.strip()).is_relative_to(installed)
