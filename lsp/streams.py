"""The process's three streams, taken away from everything else in it before anything is imported.

    client ──▶ fd 0 ──▶ Input   a thread: frames, JSON          ──▶ received(message)
    client ◀── fd 1 ◀── Output  a thread: never blocks a caller  ◀── write(body)
               fd 2 ◀── a thread that drops what nobody reads    ◀── logs, prints, libraries

Afterwards descriptor 0 is empty and 1 and 2 both lead to the log, so that a print, in whatever library, cannot corrupt
the protocol, and a client that drains neither its stdout nor its stderr cannot stop the server.
"""

from __future__ import annotations

import atexit
import json
import os
import queue
import re
import select
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO

_LENGTH = re.compile(rb"content-length:[ \t]*(\d{1,18})[ \t]*\r?\n\Z", re.IGNORECASE)
"""At the end of a line, not only as all of it: a header follows on the line of a body longer than announced."""
_MESSAGE_BYTES = 256 << 20
_HEADER_BYTES = 4096
_READ_AHEAD = 256
"""Messages that may wait for the event loop; a client that sends more is made to wait itself."""
_LOG_PIECE = 4096
"""A pipe takes this much at once or says that it is full."""
_LOG_END_S = 0.1


@dataclass(frozen=True, slots=True)
class Unreadable:
    """What came in a message's place."""

    reason: str


Received = Callable[[object, Callable[[], None]], None]
"""Gets a decoded message or an `Unreadable`, and what to call when it is done. Called from the input's thread."""


class Output:
    """Messages to the client. `write` may be called from any thread and returns at once."""

    def __init__(self, stream: BinaryIO, gone: Callable[[], None]) -> None:
        self._stream = stream
        self._gone = gone
        self._waiting: queue.SimpleQueue[bytes | threading.Event] = queue.SimpleQueue()
        threading.Thread(target=self._run, daemon=True).start()

    def write(self, body: str) -> None:
        """Half a surrogate pair, as in a program's own message, is legal in Python and nowhere else: it becomes `?`."""
        data = body.encode("utf-8", "replace")
        self._waiting.put(b"Content-Length: %d\r\n\r\n%b" % (len(data), data))

    def flush(self, seconds: float) -> None:
        """Wait until everything was taken by the client, at most this long."""
        written = threading.Event()
        self._waiting.put(written)
        written.wait(seconds)

    def _run(self) -> None:
        while True:
            item = self._waiting.get()
            if isinstance(item, threading.Event):
                item.set()
                continue
            try:
                self._stream.write(item)
                self._stream.flush()
            except (OSError, ValueError):
                self._gone()
                return


class Input:
    """Messages from the client, read ahead so that a blocked client and a busy server never wait for each other."""

    def __init__(self, stream: BinaryIO, received: Received, ended: Callable[[], None]) -> None:
        self._stream = stream
        self._received = received
        self._ended = ended
        self._room = threading.Semaphore(_READ_AHEAD)
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        try:
            while (message := read_message(self._stream)) is not None:
                self._room.acquire()
                self._received(message, self._room.release)
        except (OSError, RuntimeError):  # the descriptor or the event loop was closed
            pass
        self._ended()


def read_message(stream: BinaryIO) -> object:
    """The next message, decoded; `Unreadable` for garbage, with the stream before the next header; None at the end."""
    length = _read_headers(stream)
    if length is None or isinstance(length, Unreadable):
        return length
    body = stream.read(length)
    if len(body) < length:
        return None
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        return Unreadable(f"it is not JSON ({type(error).__name__})")


def _read_headers(stream: BinaryIO) -> int | Unreadable | None:
    """The length of the body that follows; None at the end of input."""
    length: int | None = None
    while line := stream.readline(_HEADER_BYTES):
        if (found := _LENGTH.search(line)) is not None:
            length = int(found[1])
        elif not line.strip() and length is not None:
            break
    else:
        return None
    if length > _MESSAGE_BYTES:
        return Unreadable(f"it is said to have {length} bytes; at most {_MESSAGE_BYTES} are read")
    return length


def take() -> tuple[BinaryIO, BinaryIO, Callable[[], None]]:
    """The client's stdin and stdout, now only ours; whatever is printed from here on goes to the log.

    The last value ends that: it waits, briefly, until what was printed has gone out.
    """
    stdin, stdout = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    empty = os.open(os.devnull, os.O_RDONLY)
    os.dup2(empty, 0)
    os.close(empty)
    log, (reading, writing) = os.dup(2), os.pipe()
    _log_to(writing)
    os.close(writing)
    forwarding = threading.Thread(target=_forward, args=(reading, log), daemon=True)
    forwarding.start()

    def end() -> None:
        _log_to(log)
        forwarding.join(_LOG_END_S)

    atexit.register(end)  # the traceback of a start that failed
    return stdin, stdout, end


def _log_to(descriptor: int) -> None:
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)


def _forward(source: int, target: int) -> None:
    """Copy the log; drop what a full pipe does not take, because nobody reads it."""
    while piece := os.read(source, _LOG_PIECE):
        try:
            if select.select([], [target], [], 0.0)[1]:
                os.write(target, piece)
        except OSError:
            continue  # nobody will ever read it
