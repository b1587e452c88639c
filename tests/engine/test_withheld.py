"""What a test needs from outside the sandbox is named; no edit of the code is offered for it."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from cli_runner import Bench
from darner.engine.services import listening, unreached
from darner.sandbox.types import Failure

PROJECT = {
    "shop.py": """
        import os

        CURRENCY = os.getenv("DARNER_TEST_CURRENCY")


        def label(price):
            return f"{price} {CURRENCY}"


        def tags(words):
            return list({word.lower() for word in words})
        """,
    "test_shop.py": """
        import socket

        import pytest
        from shop import label, tags


        @pytest.fixture
        def database():
            with socket.create_connection(("localhost", 5432)) as connection:
                yield connection


        def test_label():
            assert label(3) == "3 EUR"


        def test_stored(database):
            assert label(4) == "4 EUR"


        def test_tags():
            words = ["delta", "Alpha", "charlie", "bravo", "echo", "foxtrot", "golf", "hotel"]
            assert tags(words) == [word.lower() for word in words]
        """,
}


def test_what_the_sandbox_keeps_away_is_said_and_never_repaired(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An edit that makes such a test pass in here would break it in the user's shell."""
    monkeypatch.setenv("DARNER_TEST_CURRENCY", "EUR")
    bench = Bench(tmp_path).write(PROJECT)

    found = bench.fix("--json", "--budget", "8").failures()

    label, stored = found["test_shop.py::test_label"], found["test_shop.py::test_stored"]
    assert (label["status"], label["patch"], label["candidates_tried"]) == ("unrepaired", None, 0)
    assert "environment variable DARNER_TEST_CURRENCY (read at shop.py:3)" in label["note"]
    assert (stored["status"], stored["patch"], stored["candidates_tried"]) == ("unrepaired", None, 0)
    assert "a database or another service (PostgreSQL, port 5432)" in stored["note"]
    assert "PYTHONHASHSEED" in " ".join(found["test_shop.py::test_tags"]["explanation"]["facts"])


@pytest.mark.parametrize(
    ("exception", "message", "said"),
    [
        ("gaierror", "[Errno -3] Temporary failure in name resolution", "the network"),
        ("OperationalError", 'connection to server at "db" (10.0.0.7), port 5432 failed: timeout', "port 5432"),
        ("ConnectionError", "Error 111 connecting to localhost:6379. Connection refused.", "Redis"),
        ("ServerSelectionTimeoutError", "localhost:27017: [Errno 111] Connection refused", "MongoDB"),
        ("OperationalError", "(2003, \"Can't connect to MySQL server on 'localhost' ([Errno 111])\")", "database"),
    ],
)
def test_drivers_own_words_are_understood(exception: str, message: str, said: str) -> None:
    """Each driver says it in its own way."""
    assert said in unreached(Failure(exception, message, "", ()))


def test_a_refused_connection_is_withheld_only_where_something_listens_outside() -> None:
    """A test that starts its own server and misses it has a fault that an edit may well repair."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        port = server.getsockname()[1]
        refused = Failure("ConnectionRefusedError", f"[Errno 111] Connect call failed ('127.0.0.1', {port})", "", ())

        assert port in listening()
        assert unreached(refused) == f"the service on port {port}"
    assert unreached(refused) == ""


def test_an_ordinary_failure_says_nothing() -> None:
    """Numbers that look like ports are everywhere."""
    assert unreached(Failure("AssertionError", "assert 5432 == 6379", "assert 5432 == 6379", ())) == ""
