"""The first code inside the sandbox: a fork server in the user's interpreter, one child per run (child_requests.py).

Standard library only, Python 3.9 to 3.14; of Darner it loads only the files beside it that also run inside, by path.
It is told what to do over one socket (frames, see child_watch.py) and never trusts a child: what a child says travels
on, line by line, and the kernel's account of how it ended is added by this process.

    parent ──frame──▶ server ──fork──▶ child ──lines──▶ server ──frame──▶ parent
"""

from __future__ import annotations

import gc
import importlib
import importlib.util
import json
import os
import resource
import signal
import socket
import sys
import time
from typing import Any, Callable, Dict, List

Emit = Callable[[Dict[str, Any]], None]


def _beside(name: str) -> Any:
    """A file of this folder as a module; the folder itself never enters the user's import path."""
    path = os.path.join(json.loads(sys.argv[1])["tools"], name + ".py")
    spec = importlib.util.spec_from_file_location("_darner_" + name, path)
    assert spec is not None, path
    assert spec.loader is not None, path
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


ending: Any = _beside("child_ending")
weighing: Any = _beside("child_weigh")
watching: Any = _beside("child_watch")
pytests: Any = _beside("child_pytest")
_beside("child_shown")
_beside("child_calls")
containing: Any = _beside("child_container")
_beside("child_plain")
_beside("child_graph")
_beside("child_split")
kernel: Any = _beside("child_kernel")
limiting: Any = _beside("child_limits")
for _name in ("child_record", "child_written", "child_called", "child_raised", "child_hooks", "child_steps"):
    _beside(_name)
_beside("child_seccomp")
_beside("child_landlock")
_beside("child_asserts")
spaces: Any = _beside("child_space")
jails: Any = _beside("child_jail")
_beside("probe")
_beside("child_swap")
staging: Any = _beside("child_stage")
_beside("child_noted")
_beside("child_footprint")
_beside("child_screen")
requests: Any = _beside("child_requests")
moving: Any = _beside("child_moved")
relaying: Any = _beside("child_relay")


class Server:
    """Holds pytest (and, when that is safe, its configuration) ready, and forks a child for each run."""

    def __init__(self, sock: Any, setup: Dict[str, Any], jail: Any) -> None:
        self._sock = sock
        self._jail = jail
        self._contained: bool = setup.get("contained", False)
        self._root: str = setup["root"]
        self._prepared: Any = None
        self._busy_processes = limiting.processes_now()
        self._link: Any = None
        """To the stage that this server forked; None when there is none."""
        self._stage: Any = None
        """Set in the stage itself, which serves by the same words."""

    def serve(self) -> None:
        while True:
            request = watching.read_frame(self._sock)
            if request is None:
                break
            if request["do"] == "prepare":
                watching.write_frame(self._sock, {"prepared": self._prepare(request)})
            elif request["do"] == "stage":
                watching.write_frame(self._sock, {"staged": self._start_stage(request)})
            elif request["do"] == "warm":
                watching.write_frame(self._sock, {"staged": self._warm_stage(request)})
            elif self._link is not None and "edited" in request:
                self._link = relaying.relay(self._link, self._sock, request)
            elif request["do"] not in ("say", "stop"):  # these came too late: their child has ended
                self._run(request)
        watching.kill_everyone()

    def _start_stage(self, request: Dict[str, Any]) -> Dict[str, Any]:
        """Fork a process that collects the tests and then serves runs from there; what it said of the project."""
        if self._link is not None:
            self._link.close()
            self._link = None
        sys.stdout.flush()
        ours, theirs = socket.socketpair()
        pid = os.fork()
        if pid == 0:
            ours.close()
            self._sock.close()
            self._become_stage(theirs, request)
        theirs.close()
        self._link = relaying.Link(ours, pid)
        return self._heard_of_stage(request, "collecting the tests")

    def _warm_stage(self, request: Dict[str, Any]) -> Dict[str, Any]:
        """Have the stage import modules; in the stage itself, do so."""
        if self._stage is not None:
            return {"trouble": self._stage.warm(request["modules"])}
        if self._link is None:
            return {"trouble": "no tests are collected"}
        self._link.tell(request)
        return self._heard_of_stage(request, "importing what the tests import")

    def _heard_of_stage(self, request: Dict[str, Any], work: str) -> Dict[str, Any]:
        """What the stage says after that work; a stage with trouble ends."""
        said: Dict[str, Any] = self._link.answer(self._sock, request["limits"]["wall_s"], work)
        if said.get("trouble") != "":
            self._link.close()
            self._link = None
        return said

    def _become_stage(self, sock: socket.socket, request: Dict[str, Any]) -> None:
        """Never returns. Only the user's own sources run here; candidates run in its children."""
        try:
            kernel.adopt_orphans()
            null = os.open(os.devnull, os.O_RDWR)
            for target in (0, 1, 2):
                os.dup2(null, target)
            os.close(null)
            limiting.set_limit(resource.RLIMIT_AS, request["limits"]["memory_bytes"])
            sys.dont_write_bytecode = False
            stage = staging.Stage(self._root, pytests.arguments([]), request["nodeids"], self._prepared)
            sys.dont_write_bytecode = True
            said = {"trouble": stage.trouble(), "collected": stage.size, "complete": stage.complete}
            said.update(modules=[n for n in sorted(set(sys.modules) - stage.before) if staging.outside(self._root, n)])
            said.update(configured=bool(_conftests_import(self._root, stage)), threads=staging.thread_count())
            watching.write_frame(sock, {"staged": said})
            if not said["trouble"]:
                self._sock, self._stage = sock, stage
                self.serve()
        except BaseException:  # boundary: last stop of a forked child; its silence says that it failed
            os._exit(1)
        os._exit(0)

    def _prepare(self, request: Dict[str, Any]) -> Dict[str, Any]:
        """Import what the tests import from outside the project; configure pytest once if nothing of ours loads."""
        for name in request["modules"]:
            try:
                importlib.import_module(name)
            except BaseException:  # boundary: somebody else's module; the child will meet the same error
                continue
        if request["warm"]:
            self._prepared = pytests.configured_session(pytests.arguments([]), self._root)
            pytests.fail_once(self._prepared)
        gc.collect()
        gc.freeze()
        return {"warm": self._prepared is not None, "threads": staging.thread_count()}

    def _run(self, request: Dict[str, Any]) -> None:
        said_r, said_w = os.pipe()
        output_r, output_w = os.pipe()
        layer, hand_over = socket.socketpair()
        heard_r, heard_w = os.pipe()
        started = time.monotonic()
        sys.stdout.flush()
        oom_kills = containing.oom_kills() if self._contained else 0
        if self._stage is not None:
            self._stage.expect(request["edited"])
        pid = os.fork()
        if pid == 0:
            os.close(said_r)
            os.close(output_r)
            os.close(heard_w)
            self._sock.close()
            layer.close()
            if self._link is not None:
                self._link.sock.close()  # the stage listens to the server, not to a candidate
            self._child(request, said_w, output_w, hand_over, heard_r)
        os.close(said_w)
        os.close(output_w)
        hand_over.close()
        os.close(heard_r)
        keep = frozenset(() if self._link is None else (int(self._link.pid),))
        scales = weighing.Scales(request["limits"], self._jail.weighed, started, keep)
        watch = watching.Watch(self._sock, pid, said_r, output_r, heard_w, request["limits"], started, scales, keep)
        end = watch.until_the_end()
        with layer:
            end["changed"] = jails.changes_behind(layer) if self._jail.layered else None
        self._jail.tidy()
        if self._contained:
            containing.tidy()
        if self._contained and not end["why"] and containing.oom_kills() > oom_kills:
            end["why"] = "oom"
        watching.write_frame(self._sock, {"end": end})

    def _child(self, request: Dict[str, Any], said: int, output: int, hand_over: socket.socket, heard: int) -> None:
        """Never returns. Everything the candidate does happens below this line."""

        def work() -> int:
            os.setsid()
            os.chdir(self._root)  # a run before this one may have removed the folder, and it was made again
            null = os.open(os.devnull, os.O_RDONLY)
            for source, target in ((null, 0), (output, 1), (output, 2)):
                os.dup2(source, target)
            os.close(null)
            os.close(output)
            signal.signal(signal.SIGINT, signal.default_int_handler)
            containing.die_first()
            nonce = request["nonce"]

            def emit(message: Dict[str, Any]) -> None:
                message["nonce"] = nonce
                _write_line(said, message)

            self._confine(request, hand_over, emit)
            if request["do"] == "attempts":
                return self._attempts(request, emit)
            ready = self._prepared if self._stage is None else self._stage
            kind = requests.Requests if self._stage is None else requests.StagedRequests
            return int(kind(self._root, ready, heard, emit).serve(request))

        ending.leave(work)

    def _confine(self, request: Dict[str, Any], hand_over: socket.socket, emit: Emit) -> None:
        """A child that cannot be confined says so and ends; nothing of the candidate has run."""
        began = time.perf_counter()
        try:
            kernel.dumpable(True)
            others = None if self._contained else self._busy_processes
            self._jail.confine(request["limits"], others, hand_over)
        except OSError as error:
            emit({"infra": "The sandbox could not be closed around a run (%s)." % error})
            os._exit(71)
        if request.get("timed"):
            emit({"confined_s": time.perf_counter() - began})

    def _attempts(self, request: Dict[str, Any], emit: Emit) -> int:
        """The self-test: what a hostile candidate would try."""
        for name, held in _beside("child_attempts").tried(request):
            emit({"attempt": [name, held]})
        emit({"landlock": self._jail.landlock_abi})
        return 0


def _write_line(fd: int, message: Dict[str, Any]) -> None:
    data = json.dumps(message).encode("utf-8", "replace") + b"\n"
    while data:
        data = data[os.write(fd, data) :]


def _conftests_import(root: str, stage: Any) -> List[str]:
    """Files of the project, besides its conftest files, that configuring pytest imports."""
    names = stage.configured - stage.before
    files = (str(getattr(sys.modules.get(name), "__file__", "") or "") for name in names)
    ours = (f for f in files if f.startswith(root + os.sep) and "/site-packages/" not in f)
    return [f for f in ours if os.path.basename(f) != "conftest.py"]


def main() -> None:
    sys.dont_write_bytecode = True
    setup = json.loads(sys.argv[1])
    if setup.get("space"):
        spaces.enter(setup["space"], setup["fd"])
    if setup.get("contained"):
        sock: Any = containing.StandardStreams()
    else:
        sock = socket.socket(fileno=setup["fd"])
        os.set_inheritable(setup["fd"], False)
    os.chdir(setup["root"])
    moving.lead_here(setup["project"], setup["root"])
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the only signal that Python would let reach a process 1
    kernel.dumpable(False)  # a candidate cannot read this process's memory
    kernel.adopt_orphans()  # a candidate's daemons become our children, and end with it
    jail = jails.Jail(setup.get("jail", {}), setup["root"])
    jail.confine_server()
    server = Server(sock, setup, jail)
    watching.write_frame(sock, {"ready": {"python": list(sys.version_info[:3]), "layered": jail.layered}})
    server.serve()


if __name__ == "__main__":
    main()
