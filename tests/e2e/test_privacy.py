"""Nothing leaves the machine: no process of a session talks to another one, and no log holds the user's source.

strace writes down the addresses of all sockets in the whole process tree: server, engine, sandbox, tests and model.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from editor import SERVER, Editor, until

STRACE = shutil.which("strace")
LOOPBACK = frozenset({"127.0.0.1", "::1"})
"""The sandbox's self-test tries to reach a listener of its own there, to see that it cannot."""
NODEID = "test_cart.py::test_total"
CART = "def total(first, second):\n    qwzrtx = first + second\n    return qwzrtx if first < second else 0\n"
TESTS = (
    "from cart import total\n\n\ndef test_total():\n    assert total(2, 2) == 4\n\n\n"
    "def test_order():\n    assert total(3, 2) == 0\n"
)

pytestmark = [
    pytest.mark.asyncio,
    pytest.mark.skipif(STRACE is None, reason="strace is not installed"),
]


def traced(command: tuple[str, ...], record: Path) -> tuple[str, ...]:
    """The same command, with its sockets and those of all that it starts written to `record`."""
    return (str(STRACE), "-f", "-qq", "--seccomp-bpf", "-e", "trace=connect,bind,sendto", "-o", str(record), *command)


def addresses(record: Path) -> set[str]:
    """Internet addresses that any process connected or bound a socket to, or tried to."""
    text = record.read_text()
    return set(re.findall(r'inet_addr\("([^"]*)"\)', text) + re.findall(r'AF_INET6, "([^"]*)"', text))


@pytest.fixture
def project(lay_out: Callable[[dict[str, str]], Path]) -> Path:
    return lay_out({"cart.py": CART, "test_cart.py": TESTS})


async def test_the_trace_would_show_an_address(tmp_path: Path) -> None:
    """A proof that finds nothing is worth as much as its eyes: also in a grandchild that failed to connect."""
    script = (
        "import socket\n"
        "for family, place in ((socket.AF_INET, '192.0.2.1'), (socket.AF_INET6, '2001:db8::1')):\n"
        "    with socket.socket(family, socket.SOCK_DGRAM) as sock: sock.connect_ex((place, 9))\n"
    )
    inner = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {script!r}])"
    record = tmp_path / "sockets"

    subprocess.run(traced((sys.executable, "-c", inner), record), check=True)

    assert addresses(record) == {"192.0.2.1", "2001:db8::1"}


@pytest.mark.slow
@pytest.mark.parametrize("model", ["none", pytest.param("qwen2.5-coder-0.5b", marks=pytest.mark.model)])
async def test_a_whole_session_reaches_no_other_machine_and_logs_no_source(
    project: Path, model: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """Run, explain, repair, apply: with the real engine, in the sandbox, and once with a real model."""
    record = project.parent / "sockets"
    server = traced(SERVER, record)
    options = {"trust": True, "model": model, "budget": "normal"}
    editor = await Editor.start(project, "vscode", server=server, options=options)
    editor.open("cart.py")

    for command in ("explain", "repair"):
        job = await editor.command(command, nodeid=NODEID, root=str(project))
        ended = await editor.command("wait", **job)
        assert ended["outcome"], command
    await until(lambda: editor.edits or editor.client.messages, "the repair, or a question")
    await editor.client.shutdown_async(None)
    editor.client.exit(None)
    tracer = editor.client._server  # pyright: ignore[reportPrivateUsage]
    assert tracer is not None
    await tracer.wait()
    await editor.client.stop()

    assert addresses(record) <= LOOPBACK
    log = capfd.readouterr().err
    assert not [line for line in (CART + TESTS).splitlines() if line.strip() and line.strip() in log]
    assert "qwzrtx" not in log
