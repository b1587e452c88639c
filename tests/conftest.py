"""For every test: properties are judged by what holds, never by how long an example took."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("darner", deadline=None)
settings.load_profile("darner")

LayOut = Callable[[Mapping[str, str]], Path]


@pytest.fixture
def lay_out(tmp_path: Path) -> LayOut:
    """Makes a project of these files, with an empty pyproject.toml, and gives its folder."""

    def made(files: Mapping[str, str]) -> Path:
        root = tmp_path / "project"
        for name, text in {"pyproject.toml": "", **files}.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text)
        return root

    return made


@pytest.fixture
def project(lay_out: LayOut) -> Path:
    """One failing test, which one edit of one comparison repairs; tests that need another project say so."""
    return lay_out(
        {
            "cart.py": "def total(a, b):\n    return a + b if a < b else 0\n",
            "test_cart.py": "from cart import total\n\n\ndef test_total():\n    assert total(2, 2) == 4\n",
        }
    )


@pytest.fixture(scope="module")
def llama_server() -> Iterator[Callable[[Path], str]]:
    """Serves a GGUF file as the model `tiny` by llama.cpp's own server, and gives the endpoint."""
    with contextlib.ExitStack() as running:

        def served(model: Path) -> str:
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", 0))
                port = probe.getsockname()[1]
            words = ("--model", str(model), "--model_alias", "tiny", "--host", "127.0.0.1", "--port", str(port))
            command = (sys.executable, "-m", "llama_cpp.server", *words, "--n_ctx", "1024", "--logits_all", "true")
            process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            running.enter_context(process)
            running.callback(process.terminate)
            _wait_until_it_answers(f"http://127.0.0.1:{port}/v1", process)
            return f"http://127.0.0.1:{port}/v1"

        yield served


def _wait_until_it_answers(endpoint: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 120
    while True:
        try:
            with urllib.request.urlopen(f"{endpoint}/models", timeout=5):
                return
        except (urllib.error.URLError, OSError):
            assert process.poll() is None, "the llama.cpp server ended"
            assert time.monotonic() < deadline, "the llama.cpp server does not answer"
            time.sleep(0.1)
