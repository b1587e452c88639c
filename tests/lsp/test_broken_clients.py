"""Clients that break the protocol, stop reading or die: every request is answered once, and nothing is left behind."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from raw_client import RawClient, Row, alive, family, until

SCRIPTED = (sys.executable, "-P", str(Path(__file__).with_name("scripted_server.py")))
SECRET = "def secret_of_the_user(): return 'qwzrtx'"


@pytest.fixture
def client(tmp_path: Path) -> Iterator[RawClient]:
    client = RawClient(SCRIPTED, tmp_path / "state")
    yield client
    client.end()


def code(answer: Row) -> int:
    return answer["error"]["code"]


def document(path: Path) -> Row:
    return {"textDocument": {"uri": path.as_uri()}}


def test_every_request_gets_one_answer_whatever_it_is(client: RawClient, project: Path) -> None:
    """An editor waits for the answer, some of them for ever, and the user with them."""
    where = document(project / "cart.py") | {"position": {"line": 0, "character": 0}}

    assert code(client.request("textDocument/hover", where)) == -32002
    client.initialize(project, trust=True)
    client.open(project / "cart.py", SECRET)
    assert code(client.request("initialize", {"capabilities": {}})) == -32600
    assert code(client.request("textDocument/hover", {"position": SECRET})) == -32602
    assert code(client.request("textDocument/hover", [SECRET])) == -32602
    assert code(client.request("shop/unknown", {"source": SECRET})) == -32601
    assert code(client.request("workspace/executeCommand", {"command": "rm"})) == -32602
    assert code(client.command("repair", nodeid=7)) == -32602
    client.send(id=[1, SECRET], method="textDocument/hover", params=where)
    assert code(client.answer(None)) == -32600
    client.send(id=1000)
    client.send(id="unknown", result=SECRET)
    client.notify("textDocument/didChange", {"textDocument": SECRET})
    client.notify("textDocument/didChange", document(project / "other.py") | {"contentChanges": SECRET})
    client.notify("$/unknown", SECRET)
    client.notify("$/cancelRequest", {"id": 12345})
    client.write(b'Content-Length: 2\r\n\r\n[]Content-Length: 9\r\n\r\n{"jsonrpcContent-Length: 0\r\n\r\n')
    client.write(b"\xff\xfe\x00 garbage\r\n\r\n")
    assert client.request("textDocument/hover", where)["result"] is None
    waiting = client.begin("workspace/executeCommand", {"command": "darner.wait", "arguments": [{"job": "x"}]})
    assert client.answer(waiting)["result"] == {"outcome": "", "cancelled": False}

    client.leave()

    answered = [row["id"] for row in client.received if "method" not in row and row["id"] is not None]
    assert len(answered) == len(set(answered))
    assert client.process.returncode == 0
    assert "qwzrtx" not in client.log.decode() + str([row for row in client.received if "error" in row])


def test_a_shutdown_is_answered_while_a_command_waits_and_nothing_is_served_after_it(
    client: RawClient, project: Path
) -> None:
    """A client that quits early must neither be kept waiting nor be told half of something."""
    client.initialize(project, trust=True)
    job = client.command("runTests", root=str(project), nodeid="waits")["result"]["job"]
    waiting = client.begin("workspace/executeCommand", {"command": "darner.wait", "arguments": [{"job": job}]})

    assert "error" not in client.request("shutdown")
    assert code(client.request("textDocument/codeLens", document(project / "cart.py"))) == -32600
    assert client.answer(waiting)["id"] == waiting
    client.notify("exit")

    assert client.process.wait(60) == 0


def test_a_client_that_reads_nothing_is_still_served_and_its_end_is_noticed(tmp_path: Path, project: Path) -> None:
    """Both pipes are full; a server that blocks on them would neither read a cancel nor see the end of its input."""
    client = RawClient(SCRIPTED, tmp_path / "state", reading=False)
    client.send(id=0, method="initialize", params={"capabilities": {}, "rootUri": project.as_uri()})
    client.notify("initialized", {})
    client.open(project / "cart.py")

    for number in range(500):  # more answers, and lines of the log, than both pipes hold
        client.send(id=number + 1, method=f"shop/{'x' * 200}", params={})
        client.notify("textDocument/didChange", {"textDocument": 1})
    processes = family(client.process.pid)
    assert client.process.stdin is not None
    client.process.stdin.close()

    until(lambda: not alive(processes), "the server to end")
    client.end()


@pytest.mark.parametrize(
    "said", [b"", b"Content-Len", b'Content-Length: 100\r\n\r\n{"jsonrpc"'], ids=["", "head", "body"]
)
def test_the_end_of_input_ends_the_server_wherever_it_comes(client: RawClient, said: bytes) -> None:
    """A client that crashes does so in the middle of a message."""
    client.write(said)
    assert client.process.stdin is not None
    client.process.stdin.close()

    assert client.process.wait(60) == 1


def test_an_idle_server_uses_no_processor_time(client: RawClient, project: Path) -> None:
    """It sits in every editor all day. Two readings while nothing happens; a poll of 50 ms would show."""
    client.initialize(project, trust=True)
    client.command("wait", **client.command("runTests", root=str(project))["result"])
    client.request("textDocument/hover", document(project / "cart.py") | {"position": {"line": 0, "character": 0}})

    def used() -> float:
        return sum(sum(process.cpu_times()[:2]) for process in family(client.process.pid))

    def idle() -> bool:
        before = used()
        time.sleep(1.0)
        return used() - before < 0.02

    until(idle, "a second without processor time")
