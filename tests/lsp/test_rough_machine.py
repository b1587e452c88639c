"""A wall clock that jumps, a slow disk, a second server; with the real engine and a library preloaded into it."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from raw_client import RawClient, Row

SERVER = (sys.executable, "-P", "-m", "darner.lsp")
CAPABILITIES: Row = {"workspace": {"applyEdit": True}, "window": {"workDoneProgress": True}}
CART = "def total(a, b):\n    return a + b if a < b else 0\n"
TESTS = "from cart import total\n\n\ndef test_total():\n    assert total(2, 2) == 4\n"
OTHERS = "from cart import total\n\n\ndef test_others():\n    assert (total(3, 2), total(2, 3)) == (0, 5)\n"
"""So that one behaviour is left."""
NODEID = "test_cart.py::test_total"
DAY_S = 86_400

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="preloading a library is done so on Linux only"),
    pytest.mark.skipif(shutil.which("cc") is None, reason="needs a C compiler"),
]
Start = Callable[[], RawClient]


@pytest.fixture(scope="module")
def rough(tmp_path_factory: pytest.TempPathFactory) -> Path:
    library = tmp_path_factory.mktemp("rough") / "rough_machine.so"
    source = Path(__file__).with_name("rough_machine.c")
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", library, source, "-ldl"], check=True)
    return library


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    root.mkdir()
    for name, text in (("pyproject.toml", ""), ("cart.py", CART), ("test_cart.py", TESTS), ("test_order.py", OTHERS)):
        (root / name).write_text(text)
    return root


@pytest.fixture
def start(tmp_path: Path, project: Path) -> Iterator[Start]:
    clients: list[RawClient] = []

    def begin() -> RawClient:
        client = RawClient(SERVER, tmp_path / "state")
        clients.append(client)
        client.initialize(project, CAPABILITIES, trust=True, model="none", budget="deep")
        return client

    yield begin
    for client in clients:
        client.end()


def repair(client: RawClient, project: Path) -> str:
    return str(client.command("repair", root=str(project), nodeid=NODEID, apply=False)["result"]["job"])


def says(client: RawClient, job: str, text: str) -> Row:
    """The job's progress with this text, in a message of it or at its end."""
    return client.notification("$/progress", lambda p: p["token"] == job and text in str(p["value"].get("message")))


@pytest.mark.parametrize("jumps", [(DAY_S, 2 * DAY_S), (-DAY_S, -2 * DAY_S), (3 * DAY_S, -3 * DAY_S)])
def test_a_clock_that_jumps_ends_nothing_early_and_nothing_late(
    start: Start, project: Path, rough: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, jumps: tuple[int, int]
) -> None:
    """After suspend, or when the network sets the time: waits and budgets go by a clock that never jumps."""
    clock = tmp_path / "clock"
    monkeypatch.setenv("LD_PRELOAD", str(rough))
    monkeypatch.setenv("ROUGH_CLOCK", str(clock))
    said = subprocess.run([sys.executable, "-c", "import time; print(time.time())"], capture_output=True, check=True)
    assert abs(float(said.stdout) - time.time()) < DAY_S / 2
    client = start()
    job = repair(client, project)
    says(client, job, "Preparing")

    clock.write_text(str(jumps[0]))
    said = subprocess.run([sys.executable, "-c", "import time; print(time.time())"], capture_output=True, check=True)
    assert abs(float(said.stdout) - time.time() - jumps[0]) < DAY_S / 2  # the library works
    says(client, job, "under the probe")
    clock.write_text(str(jumps[1]))

    says(client, job, "passes test_total")
    assert client.command("wait", job=job)["result"]["cancelled"] is False
    (project / "cart.py").write_text(CART.replace("<", "<="))
    ran = client.command("runTests", root=str(project))["result"]
    assert client.command("wait", **ran)["result"]["outcome"] == "2 run, 0 failed"
    client.leave()
    assert client.process.returncode == 0


def test_a_slow_disk_holds_up_neither_a_hover_nor_a_cancel(
    start: Start, project: Path, rough: Path, monkeypatch: pytest.MonkeyPatch, figures: list[str]
) -> None:
    """A network drive, a cold disk: copying the project takes long, and all else goes on."""
    for number in range(40):
        (project / f"part_{number}.py").write_text("")
    monkeypatch.setenv("LD_PRELOAD", str(rough))
    monkeypatch.setenv("ROUGH_DISK", "part_")
    monkeypatch.setenv("ROUGH_MS", "500")
    client = start()
    client.open(project / "cart.py")
    job = repair(client, project)
    says(client, job, "Preparing")

    where = {"textDocument": {"uri": (project / "cart.py").as_uri()}, "position": {"line": 1, "character": 4}}
    begun = time.monotonic()
    assert "error" not in client.request("textDocument/hover", where)
    figures.append(f"hover in {(time.monotonic() - begun) * 1000:.0f} ms while the copy is made from a slow disk")
    begun = time.monotonic()
    client.command("cancel", job=job)
    says(client, job, "Cancelled; nothing was changed.")
    figures.append(f"stopped in {time.monotonic() - begun:.2f} s while the copy is made from a slow disk")
    assert not [r for r in client.received if r.get("method") == "$/progress" and "probe" in str(r["params"]["value"])]
    figures.append(f"left in {client.leave():.2f} s while the copy is made from a slow disk")


def test_two_servers_repair_one_workspace_at_the_same_time(start: Start, project: Path) -> None:
    """Two editors: they share the project, what is remembered about it, and nothing that could be lost."""
    first, second = start(), start()

    jobs = [(client, repair(client, project)) for client in (first, second)]

    for client, job in jobs:
        says(client, job, "passes test_total")
        client.leave()
        assert client.process.returncode == 0
    assert (project / "cart.py").read_text() == CART
