"""`make setup` end to end, on a small project with a stand-in for llama.cpp that builds at once, offline."""

from __future__ import annotations

import importlib.util
import os
import select
import shutil
import signal
import subprocess
import sys
import tarfile
import zipfile
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / ".dev" / "setup.py"

BACKEND = """
import os, time, zipfile
NAME, VERSION, MODULE = "{name}", "{version}", "{module}"
def _wheel(folder, entry_points=""):
    gate = os.environ.get("TEST_GATE")
    if gate and MODULE == "llama_cpp":
        held = open(gate, "w")
        held.write("building")
        held.flush()
        time.sleep(600)
    if os.environ.get("TEST_FAIL") and MODULE == "llama_cpp":
        raise SystemExit("error: the compiler said no")
    info = NAME + "-" + VERSION + ".dist-info"
    wheel = NAME + "-" + VERSION + "-py3-none-any.whl"
    with zipfile.ZipFile(os.path.join(folder, wheel), "w") as archive:
        flags = repr(os.environ.get("CMAKE_ARGS"))
        archive.writestr(MODULE + ".py", "flags = " + flags + "\\ndef main(): print('ready')\\n")
        archive.writestr(info + "/METADATA", "Metadata-Version: 2.1\\nName: " + NAME + "\\nVersion: " + VERSION + "\\n")
        archive.writestr(info + "/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        archive.writestr(info + "/entry_points.txt", entry_points)
        archive.writestr(info + "/RECORD", "")
    return wheel
def build_wheel(folder, config_settings=None, metadata_directory=None):
    return _wheel(folder)
def build_editable(folder, config_settings=None, metadata_directory=None):
    return _wheel(folder, "[console_scripts]\\ndarner = darner_stub:main\\n")
"""
PYPROJECT = """
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
[project]
name = "{name}"
version = "{version}"
dependencies = []
[project.optional-dependencies]
dev = []
"""


@dataclass(frozen=True)
class Tree:
    """A project folder with the real `setup.py`, an index of packages in a folder, and an empty cache."""

    root: Path
    environ: dict[str, str]

    def start(self, **extra: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, str(self.root / ".dev" / "setup.py")],
            env=self.environ | extra,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, **extra: str) -> tuple[int, str, str]:
        child = self.start(**extra)
        out, err = child.communicate(timeout=120)
        return child.returncode, out, err

    @property
    def wheels(self) -> Path:
        return Path(self.environ["XDG_CACHE_HOME"]) / "darner" / "wheels"


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    root, index = tmp_path / "project", tmp_path / "index"
    (root / ".dev").mkdir(parents=True)
    index.mkdir()
    shutil.copy(SCRIPT, root / ".dev")
    write_project(root, "darner", "0.1.0", "darner_stub")
    (root / "constraints.txt").write_text("llama-cpp-python==0.3.36\n", encoding="utf-8")
    write_project(tmp_path / "llama_cpp_python-0.3.36", "llama_cpp_python", "0.3.36", "llama_cpp")
    with tarfile.open(index / "llama_cpp_python-0.3.36.tar.gz", "w:gz") as archive:
        archive.add(tmp_path / "llama_cpp_python-0.3.36", "llama_cpp_python-0.3.36")
    with zipfile.ZipFile(index / "setuptools-99.0-py3-none-any.whl", "w") as archive:  # 3.12 puts none into a new .venv
        info = "setuptools-99.0.dist-info"
        archive.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: setuptools\nVersion: 99.0\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "PYTHON", "CMAKE_"))}
    ours = {
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": str(index),
        "CC": sys.executable,
        "CXX": sys.executable,
    }
    return Tree(root, kept | ours)


def write_project(folder: Path, name: str, version: str, module: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / "pyproject.toml").write_text(PYPROJECT.format(name=name, version=version), encoding="utf-8")
    text = BACKEND.replace("{name}", name).replace("{version}", version).replace("{module}", module)
    (folder / "backend.py").write_text(text, encoding="utf-8")


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("darner_setup_script", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.slow
def test_an_interrupted_build_leaves_nothing_half_and_the_next_run_completes(tree: Tree, tmp_path: Path) -> None:
    """Ten minutes of compiling invite a Ctrl-C; half a wheel in the cache would break every later set-up."""
    os.mkfifo(tmp_path / "gate")
    gate = os.open(tmp_path / "gate", os.O_RDONLY | os.O_NONBLOCK)
    child = tree.start(TEST_GATE=str(tmp_path / "gate"))
    assert select.select([gate], [], [], 120)[0]
    assert os.read(gate, 100) == b"building"
    child.send_signal(signal.SIGTERM)
    _, err = child.communicate(timeout=60)

    assert child.returncode == 130
    assert "interrupted" in err
    assert list(tree.wheels.iterdir()) == []
    assert select.select([gate], [], [], 60)[0]
    assert os.read(gate, 1) == b"", "whoever was building still lives"
    os.close(gate)

    code, out, err = tree.run(CMAKE_ARGS="-DGGML_CUDA=on")

    assert (code, err) == (0, "")
    assert "Set-up is complete" in out
    stub = subprocess.run([tree.root / ".venv" / "bin" / "darner"], capture_output=True, text=True, check=True)
    assert stub.stdout == "ready\n"
    ask = [tree.root / ".venv" / "bin" / "python", "-c", "import llama_cpp; print(llama_cpp.flags)"]
    flags = subprocess.run(ask, capture_output=True, text=True, check=True).stdout
    assert flags.endswith(" -DGGML_CUDA=on\n")
    assert "-DLLAMA_BUILD_TOOLS=OFF" in flags

    code, out, _ = tree.run(CMAKE_ARGS="-DGGML_CUDA=on", PIP_FIND_LINKS="/nowhere")

    assert code == 0
    assert "complete already" in out


def test_a_failing_build_shows_all_that_the_compiler_said(tree: Tree) -> None:
    """A quiet set-up must not swallow the one line that says why."""
    code, _, err = tree.run(TEST_FAIL="1")

    assert code == 3
    assert "the compiler said no" in err
    assert err.splitlines()[-1].startswith("setup: `python -m pip wheel ...` failed with exit code 1")
    assert not (tree.root / ".venv" / "darner-setup").exists()


@pytest.mark.parametrize(("variable", "language"), [("CC", "C"), ("CXX", "C++")])
def test_a_missing_compiler_is_one_sentence_before_the_long_work(tree: Tree, variable: str, language: str) -> None:
    """It would otherwise appear minutes later, inside two pages of CMake."""
    code, out, err = tree.run(**{variable: "no-such-compiler"})

    assert code == 3
    assert out == ""
    assert err.startswith(f"setup: No {language} compiler was found (looked for no-such-compiler)")
    assert err.count("\n") == 1
    assert not (tree.root / ".venv").exists()


def test_too_little_space_is_one_sentence_with_both_figures(script: ModuleType, tmp_path: Path) -> None:
    """A disk that fills up in the middle of a build gives an error that names anything but the disk."""
    with pytest.raises(script.SetupError, match=r"^The packages needs? 1000000000\.0 GB on the disk of .* are free"):
        script.require_space(tmp_path, 10**18, "the packages")


def test_the_users_flags_come_last_and_make_another_wheel(script: ModuleType) -> None:
    """CMake obeys the last of two equal options, so the user can override ours; AMX is left out on x86-64 only."""
    assert script.cmake_args({"CMAKE_ARGS": "-DGGML_CUDA=on"}, "x86_64").endswith(
        "-DLLAMA_BUILD_TOOLS=OFF -DGGML_CUDA=on"
    )
    assert "amx" in script.cmake_args({}, "x86_64")
    assert "amx" not in script.cmake_args({}, "arm64")


def test_a_count_of_the_compiler_is_read_from_the_end_of_a_log(script: ModuleType, tmp_path: Path) -> None:
    """Ten silent minutes look like a hang."""
    log = tmp_path / "log"
    log.write_bytes(b"  [1/245] Building C object\n" + b"x" * 30_000 + b"\n  [ 12/245] Building [13/245] Linking\n")

    assert script.compiled(log) == ", compiling 13 of 245"
