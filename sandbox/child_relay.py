"""The server's end of its stage: requests go there, what is said comes back, and its death costs one run.

Runs inside the sandbox in the user's interpreter (Python 3.9 to 3.14); standard library only, loaded by child.py.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import sys
from typing import Any, Dict, Optional

watching: Any = sys.modules["_darner_child_watch"]  # loaded before by child.py: this file has no import path


class Link:
    """One stage process and the socket to it."""

    def __init__(self, sock: socket.socket, pid: int) -> None:
        self.sock, self.pid = sock, pid

    def answer(self, outside: socket.socket, seconds: float, work: str) -> Dict[str, Any]:
        """What the stage says when it has done its `work`; its `trouble` is empty when it can be used."""
        ready, _, _ = select.select([self.sock, outside], [], [], seconds)
        if outside in ready:
            _obey(outside)
            return {"trouble": "the caller gave up"}
        said = self.read() if self.sock in ready else {"staged": {"trouble": work + " did not end"}}
        return {"trouble": work + " ended the process"} if said is None else said["staged"]

    def read(self) -> Optional[Dict[str, Any]]:
        """The next frame; None when the stage is gone."""
        try:
            frame: Optional[Dict[str, Any]] = watching.read_frame(self.sock)
        except OSError:
            return None
        return frame

    def tell(self, message: Dict[str, Any]) -> None:
        """A stage that is gone is found out when its answer is read."""
        try:
            watching.write_frame(self.sock, message)
        except OSError:
            return

    def close(self) -> None:
        """End the stage and everything below it."""
        self.sock.close()
        try:
            os.kill(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        watching.kill_everyone()


def relay(link: Link, outside: socket.socket, request: Dict[str, Any]) -> Optional[Link]:
    """Have one run done by the stage; the link, or None when the run killed the process that watched it."""
    link.tell(request)
    while True:
        ready, _, _ = select.select([link.sock, outside], [], [])
        if outside in ready:
            link.tell(_obey(outside))
        if link.sock in ready:
            frame = link.read()
            if frame is None:
                return _lost(link, outside)
            watching.write_frame(outside, frame)
            if "end" in frame:
                return link


def _obey(outside: socket.socket) -> Dict[str, Any]:
    """The only thing said while a run is on is "stop"; silence for ever means that nobody waits any more."""
    request: Optional[Dict[str, Any]] = watching.read_frame(outside)
    if request is None:
        watching.kill_everyone()
        os._exit(0)
    return request


def _lost(link: Link, outside: socket.socket) -> None:
    link.close()
    end = {"exit": None, "signal": None, "why": "lost", "seconds": 0.0, "peak_kib": 0, "output": ""}
    watching.write_frame(outside, {"end": end})
