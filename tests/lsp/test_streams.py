"""Whatever bytes a client sends, the server reads the next good message, and nothing that it says is lost or mixed."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import threading

import pytest
from darner.lsp.streams import Output, Unreadable, read_message
from hypothesis import given
from hypothesis import strategies as st

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)
messages = st.dictionaries(st.text(max_size=6), values, max_size=4)
noise = st.binary(max_size=60).filter(lambda data: b"ontent" not in data.lower() and b"\n" not in data[-1:])


def framed(message: object, name: bytes = b"Content-Length") -> bytes:
    body = json.dumps(message).encode()
    return b"%b: %d\r\n\r\n%b" % (name, len(body), body)


@given(st.lists(messages, max_size=5), st.sampled_from([b"Content-Length", b"content-length", b"CONTENT-LENGTH"]))
def test_every_message_is_read_whole_and_in_order(sent: list[object], name: bytes) -> None:
    """Header names have no case in the protocol that this one borrows them from."""
    stream = io.BytesIO(b"".join(framed(message, name) for message in sent))

    read = list(iter(lambda: read_message(stream), None))

    assert read == sent


@given(noise, messages)
def test_the_message_after_garbage_is_read(garbage: bytes, message: object) -> None:
    """A line of a shell profile, a print of a wrapper script: the session need not end for it."""
    stream = io.BytesIO(garbage + b"\r\n" + framed(message))

    assert read_message(stream) == message


@given(messages, messages, st.integers(1, 20))
def test_a_length_that_is_too_short_costs_one_message_only(cut: object, good: object, missing: int) -> None:
    """The rest of the body stands before the next header, on its line."""
    body = json.dumps([cut] * 20).encode()
    stream = io.BytesIO(b"Content-Length: %d\r\n\r\n%b" % (len(body) - missing, body) + framed(good))

    assert isinstance(read_message(stream), Unreadable)
    assert read_message(stream) == good


@pytest.mark.parametrize("length", ["99999999999", "-5", "ten", "", "1e3", "9" * 40])
def test_an_absurd_length_is_not_believed(length: str) -> None:
    """Memory is not set aside for it, and what follows is found."""
    stream = io.BytesIO(f"Content-Length: {length}\r\n\r\n{{}}".encode() + framed({"id": 1}))

    read = [read_message(stream), read_message(stream)]

    assert {"id": 1} in read


def test_a_body_that_ends_early_is_the_end() -> None:
    """The client died in the middle of a message; half of it must not be acted on."""
    assert read_message(io.BytesIO(framed({"id": 1})[:-1])) is None


def test_text_that_is_no_character_does_not_stop_a_message() -> None:
    """A program's own message may hold half a surrogate pair; no client's decoder takes it."""
    reading, writing = os.pipe()
    output = Output(os.fdopen(writing, "wb"), lambda: None)

    output.write(json.dumps({"text": "half \udc80 🦋"}, ensure_ascii=False))
    output.flush(60)

    assert read_message(os.fdopen(reading, "rb")) == {"text": "half ? 🦋"}


def test_a_client_that_closed_its_end_is_noticed() -> None:
    """A write is often the first to know."""
    reading, writing = os.pipe()
    gone = threading.Event()
    output = Output(os.fdopen(writing, "wb"), gone.set)
    os.close(reading)

    output.write("{}")

    assert gone.wait(60)


SPEAKS = """
import os, sys
from darner.lsp.streams import take
stdin, stdout, end = take()
print("a handler prints")
os.write(1, b"a library writes\\n")
os.system("echo a child echoes")
sys.stderr.write("a log line\\n" * 100_000)  # far more than a pipe holds, and nobody reads
print(sys.stdin.read())
stdout.write(b"the protocol" + stdin.read())
stdout.flush()
"""


def test_nothing_but_the_protocol_reaches_the_clients_stdout_and_nobody_need_read_the_log() -> None:
    """One stray line corrupts the stream for good; a full pipe of stderr would stop the server."""
    process = subprocess.Popen(
        [sys.executable, "-P", "-c", SPEAKS], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdin.write(b", its input")
    process.stdin.close()

    assert process.stdout.read() == b"the protocol, its input"
    assert process.wait(60) == 0
    assert process.stderr.read().startswith(b"a handler prints\na library writes\na child echoes\na log line\n")


def test_why_a_start_failed_is_still_told() -> None:
    """The process ends at once; its last words must not be lost in the thread that forwards them."""
    script = "from darner.lsp.streams import take\ntake()\nraise SystemExit('the installation is broken')"

    done = subprocess.run([sys.executable, "-P", "-c", script], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout, done.stderr) == (1, "", "the installation is broken\n")
