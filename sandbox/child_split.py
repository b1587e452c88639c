"""Two halves of one program: the tests in one process, the candidate's functions alone in another.

In the tests' process a candidate's functions are stand-ins (stand_in.py) that call `ask`; in the candidate's process
`answer` serves those calls. Both halves are a `Peer`: each may call back what the other one handed over.

    stand-in ──call──▶ candidate        candidate ──invoke, advance──▶ callbacks and iterators of the test

Runs inside the sandbox in the user's interpreter (Python 3.9 to 3.14); standard library only, loaded by child.py.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import inspect
import io
import json
import os
import sys
import threading
from typing import Any, Callable, Dict, List, Optional

graphs: Any = sys.modules["_darner_child_graph"]  # loaded before by child.py: this file has no import path

_MOST_MESSAGE = 3 << 20
_MOST_OUTPUT = 64 << 10
_peer: Optional["Peer"] = None


class Peer:
    """One half. Speaks in JSON lines through `emit`, hears them from the pipe `heard`."""

    def __init__(self, root: str, emit: Callable[[Dict[str, Any]], None], heard: int, trusting: bool) -> None:
        self._root, self._emit, self._trusting = root, emit, trusting
        self._heard = os.fdopen(heard, "rb", closefd=False)
        self._own: Dict[int, Any] = {}
        self._turn = threading.RLock()
        self.asked = 0
        self.unsupported = ""

    # ---------------------------------------------------------------- asking

    def ask(self, what: Dict[str, Any], arguments: Any = (), named: Any = None) -> Any:
        """Have the other half do something with these arguments; what it changed in them is changed here too."""
        with self._turn:
            self.asked += 1
            return self._asked(what, arguments, named)

    def _asked(self, what: Dict[str, Any], arguments: Any, named: Any) -> Any:
        try:
            graph = self._graph()
            message = {**what, "a": graph.encode(list(arguments)), "k": graph.encode(dict(named or {}))}
            self._say({"q": {**message, "t": graph.nodes}})
            reply = self._reply()
            if "u" in reply:
                raise graphs.Unsupported(str(reply["u"]))
            for stream, text in ((sys.stdout, reply["o"]), (sys.stderr, reply["e"])):
                stream.write(text)
            graph.take(reply["t"])
            for index, node in reply["w"]:
                graph.fill(index, node)
            result = graph.decode(reply["r"] if "r" in reply else reply["x"])
        except graphs.Unsupported as reason:
            self.unsupported = self.unsupported or str(reason) or "unknown"
            raise
        except (ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError, ImportError) as error:
            self.unsupported = self.unsupported or "what cannot be read (%s)" % type(error).__name__
            raise graphs.Unsupported(self.unsupported) from error
        if "x" in reply:
            raise result from None
        return result

    def _reply(self) -> Dict[str, Any]:
        while True:
            message = self._hear()
            if "q" not in message:
                return message["r"]
            self._say({"r": self.serve(message["q"])})

    # ---------------------------------------------------------------- answering

    def serve(self, said: Dict[str, Any]) -> Dict[str, Any]:
        """Do what the other half asks; the reply holds the result and every argument that changed."""
        try:
            graph = self._graph()
            graph.take(said["t"])
            before = [json.dumps(node) for node in graph.nodes]
            arguments, named = graph.decode(said["a"]), graph.decode(said["k"])
            target = self._target(said)
            out, err = io.StringIO(), io.StringIO()
            key = "r"
            try:
                with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
                    value = target(*arguments, **named)
            except graphs.Unsupported:
                raise
            except BaseException as error:  # boundary: what was asked may raise anything, and the asker gets it
                key, value = "x", _bare(error)
            return self._answered(graph, before, key, value, out.getvalue(), err.getvalue())
        except graphs.Unsupported as reason:
            return {"u": str(reason)}
        except Exception as error:  # boundary: values that have no plain form in ways nobody thought of
            return {"u": "%s: %s" % (type(error).__name__, str(error)[:200])}

    def _answered(self, graph: Any, before: List[str], key: str, value: Any, out: str, err: str) -> Dict[str, Any]:
        known = len(before)
        result = graph.encode(value)
        written: List[Any] = []
        for index in range(known):
            if graph.is_mutable(index):
                node = graph.describe(graph.objects[index])
                if json.dumps(node) != before[index]:
                    written.append([index, node])
        reply = {key: result, "w": written, "t": graph.nodes[known:]}
        return {**reply, "o": out[-_MOST_OUTPUT:], "e": err[-_MOST_OUTPUT:]}

    def _target(self, said: Dict[str, Any]) -> Callable[..., Any]:
        if "call" in said:
            if not self._trusting:
                raise graphs.Unsupported("a call into the tests")
            sys.path[:] = [os.path.join(self._root, *parts) if ours else parts[0] for ours, *parts in said["path"]]
            return _function(*said["call"])
        own = self._own[said["handle"]]
        if said["do"] == "advance":
            return functools.partial(_advance, own)
        return own

    # ---------------------------------------------------------------- both

    def _graph(self) -> Any:
        return graphs.Graph(self._root, self._trusting, self._export, self._wrap, self._own)

    def path(self) -> List[List[Any]]:
        """Where modules are looked for, with the project's own folders by their place in it."""
        prefix = self._root + os.sep
        return [[1, p[len(prefix) :]] if p.startswith(prefix) else [1] if p == self._root else [0, p] for p in sys.path]

    def _export(self, value: Any) -> int:
        number = id(value)
        self._own[number] = value
        return number

    def _wrap(self, number: int, kind: str) -> Any:
        return Advancing(self, number) if kind == "iter" else Invoking(self, number)

    def _say(self, message: Dict[str, Any]) -> None:
        if len(json.dumps(message)) > _MOST_MESSAGE:
            raise graphs.Unsupported("more than a message may hold")
        self._emit({"say": message})

    def _hear(self) -> Dict[str, Any]:
        line = self._heard.readline()
        if not line:
            raise graphs.Unsupported("the other half is gone")
        message: Dict[str, Any] = json.loads(line)
        return message

    def told(self, row: Dict[str, Any]) -> Dict[str, Any]:
        """What the end of a report also says: how often the other half was asked, and what could not be handed over."""
        return {"asked": self.asked, "unsupported": self.unsupported} if "finished" in row else {}

    def until_the_end(self) -> None:
        """Serve until the other half has gone."""
        while True:
            line = self._heard.readline()
            if not line:
                return
            self._say({"r": self.serve(json.loads(line)["q"])})


class Advancing(graphs.Handle):  # type: ignore[misc]
    """An iterator of the other half."""

    def __init__(self, peer: Peer, number: int) -> None:
        self.number = number
        self._peer = peer

    def __iter__(self) -> "Advancing":
        return self

    def __next__(self) -> Any:
        more = self._peer.ask({"handle": self.number, "do": "advance"})
        if not more:
            raise StopIteration
        return more[0]


class Invoking(graphs.Handle):  # type: ignore[misc]
    """A function of the other half."""

    def __init__(self, peer: Peer, number: int) -> None:
        self.number = number
        self._peer = peer

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        return self._peer.ask({"handle": self.number, "do": "invoke"}, arguments, named)


def _advance(iterator: Any) -> List[Any]:
    for item in iterator:
        return [item]
    return []


def _function(module: str, qualname: str) -> Callable[..., Any]:
    """The function itself, as it was written: its decorators are applied by the tests' half."""
    found: Any = importlib.import_module(module)
    for part in qualname.split("."):
        if isinstance(found, type) and part.startswith("__") and not part.endswith("__"):
            part = "_%s%s" % (found.__name__.lstrip("_"), part)
        found = found.__dict__[part] if isinstance(found, type) else getattr(found, part)
    for _ in range(20):
        inner = getattr(found, "fget", None) or getattr(found, "__func__", None) or getattr(found, "__wrapped__", None)
        inner = inner or getattr(found, "func", None)
        if inner is None:
            break
        found = inner
    if not inspect.isfunction(found) or found.__qualname__ != qualname:
        raise graphs.Unsupported("%s.%s has no plain function" % (module, qualname))
    return found


def _bare(error: BaseException) -> BaseException:
    """Without frames and causes: they are of this process."""
    error.__traceback__ = None
    error.__cause__ = error.__context__ = None
    return error


# ---------------------------------------------------------------- the tests' half


def begin(root: str, emit: Callable[[Dict[str, Any]], None], heard: int) -> Callable[[Dict[str, Any]], None]:
    """From now on stand-ins ask the other half; the `emit` that also says how often they did."""
    global _peer
    peer = _peer = Peer(root, emit, heard, trusting=False)
    return lambda row: emit({**row, **peer.told(row)})


def ask(module: str, qualname: str, arguments: Any, named: Dict[str, Any]) -> Any:
    """What a stand-in does instead of its function's body."""
    if _peer is None:
        raise graphs.Unsupported("a call before the test began")
    return _peer.ask({"call": [module, qualname], "path": _peer.path()}, arguments, named)
