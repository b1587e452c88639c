"""An HTTP server that answers as it is told, for what no well-behaved model server can be made to do."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answer = Callable[["Handler"], None]


class Handler(BaseHTTPRequestHandler):
    """Notes every request and hands it to the test's answers, the last of which stays."""

    @property
    def rough(self) -> Rough:
        assert isinstance(self.server, Rough)
        return self.server

    def do_GET(self) -> None:
        self.say(200, json.dumps({"object": "list", "data": [{"id": name} for name in self.rough.names]}))

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length", "0"))
        self.rough.requests.append((self.path, dict(self.headers), json.loads(self.rfile.read(length))))
        answers = self.rough.answers
        (answers.pop(0) if len(answers) > 1 else answers[0])(self)

    def say(self, status: int, text: str, kind: str = "application/json") -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(text.encode())))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, format: str, *args: object) -> None:
        """The requests are in `server.requests`."""


class Rough(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, *answers: Answer) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers = list(answers)
        self.names = ["rough"]
        self.requests: list[tuple[str, dict[str, str], dict[str, Any]]] = []
        self.gone = threading.Event()
        """A client hung up while it was being answered."""

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1"


@contextmanager
def serving(*answers: Answer) -> Generator[Rough]:
    with Rough(*answers) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def status(code: int, text: str = "") -> Answer:
    return lambda handler: handler.say(code, text)


def stream(*pieces: tuple[int, str], done: bool = True) -> Answer:
    """Server-sent events: pieces of text by choice, then the end of each choice."""
    said: list[object] = [{"index": i, "delta": {"content": text}} for i, text in pieces]
    said += [{"index": i, "finish_reason": "stop"} for i in sorted({i for i, _ in pieces})]
    events = [{"choices": [choice]} for choice in said]
    text = "".join(f"data: {json.dumps(event)}\n\n" for event in events) + ("data: [DONE]\n\n" if done else "")
    return lambda handler: handler.say(200, text, "text/event-stream")


def endless(handler: Handler) -> None:
    """Stream until the client hangs up."""
    handler.send_response(200)
    handler.send_header("Content-Type", "text/event-stream")
    handler.end_headers()
    event = json.dumps({"choices": [{"index": 0, "delta": {"content": "word "}}]})
    try:
        while True:
            handler.wfile.write(f"data: {event}\n\n".encode())
            handler.wfile.flush()
    except OSError:
        handler.rough.gone.set()


def broken_off(handler: Handler) -> None:
    """Promise more than is sent, as a server does that dies."""
    handler.send_response(200)
    handler.send_header("Content-Type", "text/event-stream")
    handler.send_header("Content-Length", "100000")
    handler.end_headers()
    handler.wfile.write(b'data: {"choices": [{"index": 0, "delta": {"content": "half"}}]}\n\n')
    handler.close_connection = True


def silent(handler: Handler) -> None:
    """Accept the request and say nothing until the client hangs up."""
    handler.connection.recv(1)
