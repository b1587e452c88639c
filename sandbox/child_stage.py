"""The tests collected once, with everything they import; each run is a fork that finds them ready.

    server ──fork──▶ stage: configure, import, collect ──fork──▶ child: exchange bodies (child_swap.py), run items

Runs inside the sandbox in the user's interpreter (Python 3.9 to 3.14); standard library only, loaded by child.py.
"""

from __future__ import annotations

import gc
import importlib
import os
import sys
import threading
from typing import Any, Dict, List, Set, Tuple, cast

pytests: Any = sys.modules["_darner_child_pytest"]  # loaded before by child.py: this file has no import path
swapping: Any = sys.modules["_darner_child_swap"]
probing: Any = sys.modules["_darner_probe"]


class Unstaged(Exception):
    """This run needs a fresh import or other tests; the message says why."""


class Stage:
    """pytest configured and its items collected, from the user's own sources. Never runs a candidate itself."""

    def __init__(self, root: str, arguments: List[str], nodeids: List[str], configured: Any) -> None:
        self._root = root
        ran: Set[Tuple[str, int, str]] = set()
        self.before = set(sys.modules)
        with _Watched(root, ran):
            self.session = configured or pytests.configured_session(arguments, root)
            self.configured = set(sys.modules)
            self.probe = probing.Probe(root, "outcomes", _unheard, None)
            self.complete = self._collect(nodeids)
        self._items = {item.nodeid: item for item in self.session.items} if self.session is not None else {}
        self._everything = not nodeids
        self._functions = swapping.Functions(root, frozenset(ran))
        self._settle()

    def _settle(self) -> None:
        """What is here now is here in every child; it is neither looked through again nor copied for that."""
        pytests.fail_once(self.session)
        self._settled = frozenset(sys.modules)
        gc.collect()
        gc.freeze()

    def imported(self) -> List[str]:
        """In a child: what its tests imported from outside the project, and the stage has not."""
        return [name for name in sorted(set(sys.modules) - self._settled) if outside(self._root, name)]

    def warm(self, names: List[str]) -> str:
        """Import what a plain run of the tests imported; why nothing may be forked from here any more, or nothing."""
        for name in names:
            try:
                importlib.import_module(name)
            except BaseException:  # boundary: somebody else's module; the child will meet the same error
                continue
        own = [n for n in set(sys.modules) - self._settled if _file(n) and not outside(self._root, n)]
        self._settle()
        if own:
            return "what the tests import loads %s of the project" % min(own)
        return self.trouble("what the tests import")

    @property
    def size(self) -> int:
        return len(self._items)

    def _collect(self, nodeids: List[str]) -> bool:
        """True when every file was collected without an error."""
        if self.session is None:
            return False
        config = self.session.config
        config.pluginmanager.register(self.probe)
        config.args = list(nodeids) or config.args
        try:
            config.hook.pytest_collection(session=self.session)
        except BaseException:  # boundary: a test file or plugin that ends the run; the long way tells why
            return False
        return not self.session.testsfailed

    def trouble(self, what: str = "importing the project") -> str:
        """Why nothing may be forked from here; empty when it may."""
        if self.session is None:
            return "this pytest cannot be configured beforehand"
        if thread_count() != 1:
            return what + " starts threads"
        if _holds_a_device():
            return what + " opens a graphics processor"
        return ""

    def expect(self, edited: List[str]) -> None:
        """Read what a candidate is about to change, while it still is as it was imported."""
        for path in edited:
            self._functions.read(path)

    def chosen(self, nodeids: List[str]) -> List[Any]:
        """The items that node ids stand for, in their order. Raises Unstaged."""
        if not nodeids:
            if not (self._everything and self.complete):
                raise Unstaged("not every test is collected here")
            return list(self._items.values())
        found: Dict[str, Any] = {}
        for nodeid in nodeids:
            if nodeid in self._items:
                found[nodeid] = self._items[nodeid]
                continue
            below = [n for n in self._items if n.startswith((nodeid + "::", nodeid + "["))]
            if not below or not (self._everything and self.complete):
                raise Unstaged("%s is not collected here" % nodeid)
            found.update((n, self._items[n]) for n in below)
        return list(found.values())

    def exchange(self, edited: List[str]) -> None:
        """Bring the candidate into memory. Raises Unstaged."""
        try:
            for path in edited:
                self._functions.exchange(path)
        except swapping.Refused as refused:
            raise Unstaged(str(refused)) from refused

    def held_by_pytest(self) -> List[Any]:
        """Values that tests can change and no module of the project holds: of the settings, and their parameters."""
        session: Any = self.session
        own = cast(Dict[str, Any], vars(session.config))
        found = [value for name, value in own.items() if name[0] != "_" and type(value) in (dict, list, set)]
        return found + [getattr(getattr(item, "callspec", None), "params", None) for item in session.items]

    def put_back(self) -> None:
        """Take the candidate out of memory."""
        self._functions.put_back()

    def run_again(self, items: List[Any]) -> int:
        """As `run`, of items that may have run before; plugins are not told that a session ends."""
        self.select(items)
        for held in [cast(Dict[str, Any], vars(item)) for item in items]:
            if hasattr(held.get("_obj"), "__self__"):  # a method of the instance that the run before made
                held["_obj"] = None
            held.pop("_instance", None)
        kept = cast(Dict[str, Any], vars(self.session))  # from pytest 8 on the properties refuse to forget
        for name in set(kept) & {"shouldfail", "shouldstop", "_shouldfail", "_shouldstop"}:
            kept[name] = False
        code, _ = pytests.loop_over(self.session)
        self.session._setupstate.teardown_exact(None)  # before 8.1 a run that stops early leaves its fixtures standing
        return int(code)

    def run(self, items: List[Any]) -> int:
        self.select(items)
        return int(pytests.run_items(self.session))

    def select(self, items: List[Any]) -> None:
        self.session.items[:] = items
        self.session.testscollected = len(items)
        self.session.testsfailed = 0
        self.probe.pytest_collection_finish(self.session)


class _Watched:
    """Notes the project's functions that run while it is imported: what they left behind is not made again.

    From the first file of the project on: following pytest too, while it configures itself, takes as long as that.
    """

    def __init__(self, root: str, ran: Set[Tuple[str, int, str]]) -> None:
        self._root = root + os.sep
        self._ran = ran
        self._waiting = True

    def __enter__(self) -> None:
        sys.addaudithook(self._heard)

    def __exit__(self, *error: object) -> None:
        self._waiting = False  # a hook stays for ever
        sys.settrace(None)
        threading.settrace(None)  # type: ignore[arg-type]

    def _heard(self, event: str, arguments: Tuple[Any, ...]) -> None:
        if self._waiting and event == "exec" and str(getattr(arguments[0], "co_filename", "")).startswith(self._root):
            self._waiting = False
            threading.settrace(self._enter)
            sys.settrace(self._enter)

    def _enter(self, frame: Any, event: str, arg: object) -> None:
        code = frame.f_code
        if code.co_filename.startswith(self._root):
            self._ran.add((code.co_filename, code.co_firstlineno, code.co_name))


def _unheard(row: Dict[str, Any]) -> None:
    """Nobody waits for what collecting says; a collection error is told by the run that meets it again."""


def outside(root: str, name: str) -> bool:
    """A module that was loaded from a file, and not from one of the project's own."""
    file = _file(name)
    return bool(file) and not (file.startswith(root + os.sep) and "/site-packages/" not in file)


def _file(name: str) -> str:
    return str(getattr(sys.modules.get(name), "__file__", "") or "")


def thread_count() -> int:
    return len(os.listdir("/proc/self/task")) if os.path.isdir("/proc/self/task") else threading.active_count()


def _holds_a_device() -> bool:
    """A driver's state does not survive a fork."""
    folder = "/proc/self/fd"
    for name in os.listdir(folder) if os.path.isdir(folder) else ():
        try:
            if os.readlink(os.path.join(folder, name)).startswith(("/dev/nvidia", "/dev/dri", "/dev/kfd")):
                return True
        except OSError:
            continue
    return False
