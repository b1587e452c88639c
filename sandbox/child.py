"""The first code inside the sandbox: a fork server in the user's interpreter, one child per run.

Standard library only, Python 3.9 to 3.14; imports nothing of Darner but the probe beside it, which it loads by path.
It is told what to do over one socket (`frames`, below) and never trusts a child: what a child says travels on,
line by line, and the kernel's account of how it ended is added by this process.

    parent ──frame──▶ server ──fork──▶ child ──lines──▶ server ──frame──▶ parent
"""

from __future__ import annotations

import ast
import ctypes
import gc
import importlib
import importlib.util
import json
import os
import resource
import select
import signal
import socket
import struct
import sys
import threading
import time
import types
from typing import Any, Callable, Dict, List, Optional

_MAX_LINE = 4 << 20
_TAIL = 64 << 10
_PR_SET_DUMPABLE, _PR_SET_CHILD_SUBREAPER = 4, 36


# ---------------------------------------------------------------- frames: 4 bytes of length, then JSON


def read_frame(sock: socket.socket) -> Optional[Dict[str, Any]]:
    head = _read_exactly(sock, 4)
    if head is None:
        return None
    body = _read_exactly(sock, struct.unpack("!I", head)[0])
    return None if body is None else json.loads(body.decode("utf-8"))


def _read_exactly(sock: socket.socket, size: int) -> Optional[bytes]:
    parts: List[bytes] = []
    while size:
        part = sock.recv(min(size, 1 << 20))
        if not part:
            return None
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def write_frame(sock: socket.socket, message: Dict[str, Any]) -> None:
    body = json.dumps(message).encode("utf-8", "replace")
    sock.sendall(struct.pack("!I", len(body)) + body)


# ---------------------------------------------------------------- the server


class Server:
    """Holds pytest (and, when that is safe, its configuration) ready, and forks a child for each run."""

    def __init__(self, sock: socket.socket, setup: Dict[str, Any]) -> None:
        self._sock = sock
        self._setup = setup
        self._root: str = setup["root"]
        self._probe: Any = _load(setup["probe"], "_darner_probe")
        self._prepared: Any = None
        self._busy_processes = _processes_now()

    def serve(self) -> None:
        while True:
            request = read_frame(self._sock)
            if request is None:
                break
            if request["do"] == "prepare":
                write_frame(self._sock, {"prepared": self._prepare(request)})
            else:
                self._run(request)
        _kill_everyone()

    def _prepare(self, request: Dict[str, Any]) -> Dict[str, Any]:
        """Import what the tests import from outside the project; configure pytest once if nothing of ours loads."""
        for name in request["modules"]:
            try:
                importlib.import_module(name)
            except BaseException:  # boundary: somebody else's module; the child will meet the same error
                continue
        if request["warm"]:
            self._prepared = _configured_session(self._arguments([]), self._root)
        gc.collect()
        gc.freeze()
        return {"warm": self._prepared is not None, "threads": _thread_count()}

    def _arguments(self, nodeids: List[str]) -> List[str]:
        return _pytest_arguments(self._setup["cache"]) + nodeids

    def _run(self, request: Dict[str, Any]) -> None:
        said_r, said_w = os.pipe()
        output_r, output_w = os.pipe()
        started = time.monotonic()
        sys.stdout.flush()
        pid = os.fork()
        if pid == 0:
            os.close(said_r)
            os.close(output_r)
            self._sock.close()
            self._child(request, said_w, output_w)
        os.close(said_w)
        os.close(output_w)
        watch = Watch(self._sock, pid, said_r, output_r, request["limits"], started)
        end = watch.until_the_end()
        write_frame(self._sock, {"end": end})

    def _child(self, request: Dict[str, Any], said: int, output: int) -> None:
        """Never returns. Everything the candidate does happens below this line."""
        code = 70
        try:
            os.setsid()
            null = os.open(os.devnull, os.O_RDONLY)
            for source, target in ((null, 0), (output, 1), (output, 2)):
                os.dup2(source, target)
            os.close(null)
            os.close(output)
            _libc_prctl(_PR_SET_DUMPABLE, 1)
            _limit(request["limits"], self._busy_processes)
            nonce = request["nonce"]

            def emit(message: Dict[str, Any]) -> None:
                message["nonce"] = nonce
                _write_line(said, message)

            kinds = {"tests": self._tests, "calls": self._calls, "scout": self._scout, "list": self._list}
            work = kinds[request["do"]]
            code = work(request, emit)
            sys.stdout.flush()
            sys.stderr.flush()
        except SystemExit as ending:
            code = ending.code if isinstance(ending.code, int) else 1
        except BaseException:  # boundary: last stop of a forked child; the traceback is its output
            import traceback

            traceback.print_exc()
        finally:
            os._exit(code)

    def _tests(self, request: Dict[str, Any], emit: Callable[[Dict[str, Any]], None]) -> int:
        probe = self._probe.Probe(self._root, request["detail"], _Rows(emit), request["limits"])
        code = self._pytest(request["nodeids"], probe)
        emit({"finished": {"code": code, "ids": probe.ids}})
        return code

    def _pytest(self, nodeids: List[str], probe: Any) -> int:
        if self._prepared is None:
            import pytest

            sys.path.insert(0, self._root)
            return int(pytest.main(self._arguments(nodeids), plugins=[probe, _Quiet()]))
        return _finish_session(self._prepared, nodeids, probe)

    def _collect(self, nodeids: List[str]) -> List[str]:
        """Import the test modules as pytest would, and run nothing."""
        probe = self._probe.Probe(self._root, "verdicts", _unheard, None)
        self._pytest([*nodeids, "--collect-only"], probe)
        return probe.collected

    def _list(self, request: Dict[str, Any], emit: Callable[[Dict[str, Any]], None]) -> int:
        emit({"collected": self._collect([])})
        return 0

    def _scout(self, request: Dict[str, Any], emit: Callable[[Dict[str, Any]], None]) -> int:
        """Collect everything once: fills the bytecode cache and tells what the tests import."""
        sys.dont_write_bytecode = False
        before = set(sys.modules)
        _configured_session(self._arguments([]), self._root)
        configured = [m for m in _ours(self._root, before) if os.path.basename(m) != "conftest.py"]
        self._collect(request["nodeids"])
        outside = [n for n in sorted(set(sys.modules) - before) if _outside(self._root, n)]
        emit({"scouted": {"modules": outside, "configured": configured, "threads": _thread_count()}})
        return 0

    def _calls(self, request: Dict[str, Any], emit: Callable[[Dict[str, Any]], None]) -> int:
        """Evaluate call expressions in a module's namespace, each with its own time limit."""
        self._collect(request["nodeids"])
        namespace = _namespace(self._root, request["path"])
        for expression in request["expressions"]:
            result, exception = _evaluate(expression, namespace, request["each_s"])
            emit({"call": {"expression": expression, "result": result, "exception": exception}})
        emit({"finished": {"code": 0, "ids": []}})
        return 0


class _Rows:
    def __init__(self, emit: Callable[[Dict[str, Any]], None]) -> None:
        self._emit = emit

    def __call__(self, row: Dict[str, Any]) -> None:
        self._emit({"test": row})


class Watch:
    """Follows one child to its end: passes its lines on, drains its output, keeps the time, obeys a cancel."""

    def __init__(
        self, sock: socket.socket, pid: int, said: int, output: int, limits: Dict[str, Any], began: float
    ) -> None:
        self._sock, self._pid, self._began = sock, pid, began
        self._pipes = {said: bytearray(), output: bytearray()}
        self._said = said
        self._limits = limits
        self._why = ""
        self._tail = bytearray()
        self._spoken = 0

    def until_the_end(self) -> Dict[str, Any]:
        deadline = self._began + self._limits["wall_s"]
        status: Optional[int] = None
        usage: Any = None
        while status is None:
            left = deadline - time.monotonic()
            if left <= 0 and not self._why:
                self._stop("timeout")
            self._listen(min(max(left, 0.0), 0.05) if self._pipes else 0.002)
            done, value, usage = os.wait4(self._pid, os.WNOHANG)
            if done:
                status = value
        _kill_everyone()
        while self._pipes and self._listen(0.0):
            pass
        for fd in list(self._pipes):
            os.close(fd)
        return {
            "exit": os.WEXITSTATUS(status) if os.WIFEXITED(status) else None,
            "signal": os.WTERMSIG(status) if os.WIFSIGNALED(status) else None,
            "why": self._why,
            "seconds": time.monotonic() - self._began,
            "peak_kib": usage.ru_maxrss,
            "output": bytes(self._tail).decode("utf-8", "replace"),
        }

    def _listen(self, seconds: float) -> bool:
        ready, _, _ = select.select([*self._pipes, self._sock], [], [], seconds)
        for fd in ready:
            if fd is self._sock:
                self._obey()
            else:
                self._read(fd)
        return any(fd is not self._sock for fd in ready)

    def _obey(self) -> None:
        """The only thing a parent says while a run is on is "stop"; its silence for ever means it died."""
        request = read_frame(self._sock)
        self._stop("cancel")
        if request is None:
            _kill_everyone()
            os._exit(0)

    def _read(self, fd: int) -> None:
        part = os.read(fd, 1 << 16)
        if not part:
            os.close(fd)
            del self._pipes[fd]
        elif fd == self._said:
            self._pass_on(part)
        else:
            self._tail += part
            del self._tail[:-_TAIL]

    def _pass_on(self, part: bytes) -> None:
        buffer = self._pipes[self._said]
        buffer += part
        *lines, rest = bytes(buffer).split(b"\n")
        buffer[:] = rest
        for line in lines:
            self._spoken += len(line)
            if self._spoken <= self._limits["report_bytes"]:
                write_frame(self._sock, {"line": line.decode("utf-8", "replace")})
        if self._spoken > self._limits["report_bytes"] or len(rest) > _MAX_LINE:
            self._stop("flood")

    def _stop(self, why: str) -> None:
        self._why = self._why or why
        try:
            os.killpg(self._pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            pass
        try:
            os.kill(self._pid, signal.SIGKILL)
        except ProcessLookupError:
            pass


# ---------------------------------------------------------------- pytest, prepared once


class _Quiet:
    """pytest's own progress would only fill the output; what matters travels through the probe."""

    def pytest_sessionstart(self, session: Any) -> None:
        reporter = session.config.pluginmanager.getplugin("terminalreporter")
        writer = getattr(reporter, "_tw", None)
        if writer is not None:
            writer._file = open(os.devnull, "w")  # noqa: SIM115 - as long as the process


def _pytest_arguments(cache: str) -> List[str]:
    """Keep the user's configuration, but one process, no coverage measurement, no early stop, no cache in the tree."""
    arguments = ["-s", "--maxfail=0", "--continue-on-collection-errors", "--color=no", "-o", "cache_dir=" + cache]
    if importlib.util.find_spec("xdist") is not None:
        arguments += ["-n", "0"]
    if importlib.util.find_spec("pytest_cov") is not None:
        arguments += ["--no-cov"]
    if importlib.util.find_spec("pytest_randomly") is not None:
        arguments += ["-p", "no:randomly"]
    return arguments


def _configured_session(arguments: List[str], root: str) -> Any:
    """pytest's configuration and session by its private parts; None where they differ from what we know."""
    try:
        from _pytest.config import _prepareconfig
        from _pytest.main import Session

        sys.path.insert(0, root)
        config = _prepareconfig(arguments, [_Quiet()])
        config._do_configure()
        session = Session.from_config(config)
        config.hook.pytest_sessionstart(session=session)
    except Exception:  # boundary: private API; the plain pytest.main serves instead
        return None
    return session


def _finish_session(session: Any, nodeids: List[str], probe: Any) -> int:
    import pytest

    config = session.config
    config.pluginmanager.register(probe)
    collect_only = "--collect-only" in nodeids
    config.args = [n for n in nodeids if n != "--collect-only"] or config.args
    session.exitstatus = pytest.ExitCode.OK
    try:
        config.hook.pytest_collection(session=session)
        if collect_only:
            return int(session.exitstatus)
        config.hook.pytest_runtestloop(session=session)
    except pytest.UsageError as error:
        print(error, file=sys.stderr)
        return int(pytest.ExitCode.USAGE_ERROR)
    except session.Failed:
        return int(pytest.ExitCode.TESTS_FAILED)
    except session.Interrupted:
        return int(pytest.ExitCode.INTERRUPTED)
    except pytest.exit.Exception as error:
        return int(getattr(error, "returncode", None) or pytest.ExitCode.INTERRUPTED)
    if session.testsfailed:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
    elif not session.testscollected:
        session.exitstatus = pytest.ExitCode.NO_TESTS_COLLECTED
    config.hook.pytest_sessionfinish(session=session, exitstatus=session.exitstatus)
    return int(session.exitstatus)


# ---------------------------------------------------------------- calls


def _namespace(root: str, path: str) -> Dict[str, Any]:
    """Names that the project's reprs use, then the module's own names on top."""
    wanted = os.path.join(root, path)
    module = next((m for m in list(sys.modules.values()) if getattr(m, "__file__", None) == wanted), None)
    if module is None:
        spec = importlib.util.spec_from_file_location(os.path.splitext(os.path.basename(path))[0], wanted)
        if spec is None or spec.loader is None:
            raise ImportError("cannot load %s" % path)
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module
        spec.loader.exec_module(module)
    names: Dict[str, Any] = {}
    for name in ("datetime", "decimal", "fractions", "collections", "pathlib", "math"):
        names[name] = importlib.import_module(name)
    names.update(Decimal=names["decimal"].Decimal, Fraction=names["fractions"].Fraction)
    names.update((n, getattr(names["collections"], n)) for n in ("OrderedDict", "Counter", "deque", "defaultdict"))
    names.update((n, getattr(names["pathlib"], n)) for n in ("PosixPath", "PurePosixPath", "Path"))
    for other in list(sys.modules.values()):
        if str(getattr(other, "__file__", "") or "").startswith(root + os.sep):
            names.update((k, v) for k, v in list(vars(other).items()) if isinstance(v, type))
    names.update(vars(module))
    return names


class _Late(BaseException):
    pass


def _evaluate(expression: str, namespace: Dict[str, Any], seconds: float) -> "tuple[Optional[str], Optional[str]]":
    first = _timed(expression, namespace, seconds)
    if first[1] == "Timeout" or _timed(expression, namespace, seconds) == first:
        return first
    return None, "NotDeterministic"


def _timed(expression: str, namespace: Dict[str, Any], seconds: float) -> "tuple[Optional[str], Optional[str]]":
    def late(signum: int, frame: object) -> None:
        raise _Late()

    signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        return _call(expression, namespace), None
    except _Late:
        return None, "Timeout"
    except BaseException as error:  # boundary: the candidate's own exception is its behaviour
        return None, type(error).__name__
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _call(expression: str, namespace: Dict[str, Any]) -> str:
    node = ast.parse(expression, mode="eval").body
    if not isinstance(node, ast.Call):
        return canonical(eval(expression, namespace))

    def value_of(part: ast.expr) -> Any:
        return eval(compile(ast.Expression(part), "<input>", "eval"), namespace)

    function = value_of(node.func)
    arguments = [value_of(a) for a in node.args]
    named = {k.arg: value_of(k.value) for k in node.keywords if k.arg}
    before = canonical(arguments)
    result = function(*arguments, **named)
    if isinstance(result, types.CoroutineType):
        import asyncio

        result = asyncio.run(result)
    elif isinstance(result, types.GeneratorType):
        result = [item for item, _ in zip(result, range(1000))]
    shown = canonical(result)
    after = canonical(arguments)
    return shown if after == before else shown + "; arguments are then " + after


def canonical(value: Any, depth: int = 6) -> str:
    """Equal behaviour, equal text: sets and dicts in sorted order, floats to 12 digits, no addresses."""
    if depth == 0:
        return "…"
    if isinstance(value, float):
        return repr(float("%.12g" % value))
    if type(value) in (list, tuple):
        inner = ", ".join(canonical(v, depth - 1) for v in value)
        return "[" + inner + "]" if isinstance(value, list) else "(" + inner + ("," if len(value) == 1 else "") + ")"
    if type(value) in (set, frozenset):
        return type(value).__name__ + "(" + ", ".join(sorted(canonical(v, depth - 1) for v in value)) + ")"
    if type(value) is dict:
        rows = sorted((canonical(k, depth - 1), canonical(v, depth - 1)) for k, v in value.items())
        return "{" + ", ".join(k + ": " + v for k, v in rows) + "}"
    if type(value).__repr__ is object.__repr__ and hasattr(value, "__dict__"):
        return type(value).__name__ + "(" + canonical(vars(value), depth - 1) + ")"
    text = repr(value)
    return text if len(text) <= 4_000 else text[:4_000] + "…%d" % len(text)


# ---------------------------------------------------------------- the kernel's side


def _libc_prctl(option: int, value: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if hasattr(libc, "prctl"):
        libc.prctl(option, value, 0, 0, 0)


def _limit(limits: Dict[str, Any], busy_processes: int) -> None:
    for kind, value in (
        (resource.RLIMIT_CPU, int(limits["cpu_s"]) + 1),
        (resource.RLIMIT_AS, limits["memory_bytes"]),
        (resource.RLIMIT_FSIZE, limits["file_bytes"]),
        (resource.RLIMIT_NPROC, limits["processes"]),
        (resource.RLIMIT_CORE, 0),
    ):
        soft = value if kind != resource.RLIMIT_NPROC else busy_processes + value
        _, hard = resource.getrlimit(kind)
        wanted = soft if hard == resource.RLIM_INFINITY else min(soft, hard)
        try:
            resource.setrlimit(kind, (wanted, wanted))
        except (ValueError, OSError):
            continue


def _processes_now() -> int:
    """RLIMIT_NPROC counts all of the user's processes and threads, not only the sandbox's."""
    total = 0
    for name in os.listdir("/proc") if os.path.isdir("/proc") else ():
        if name.isdigit():
            try:
                total += len(os.listdir("/proc/%s/task" % name))
            except OSError:
                continue
    return total


def _write_line(fd: int, message: Dict[str, Any]) -> None:
    data = json.dumps(message).encode("utf-8", "replace") + b"\n"
    while data:
        data = data[os.write(fd, data) :]


def _kill_everyone() -> None:
    """End whatever a child left behind: the whole namespace when we are its init, else all our descendants."""
    while True:
        for pid in [-1] if os.getpid() == 1 else _descendants(os.getpid()):
            try:
                os.kill(pid, signal.SIGKILL)
            except (ProcessLookupError, PermissionError):
                continue
        try:
            if os.waitpid(-1, os.WNOHANG)[0] == 0:
                time.sleep(0.001)
        except ChildProcessError:
            return


def _descendants(pid: int) -> List[int]:
    found: List[int] = []
    try:
        with open("/proc/%d/task/%d/children" % (pid, pid)) as file:
            for child in map(int, file.read().split()):
                found += [child, *_descendants(child)]
    except OSError:
        pass
    return found


def _thread_count() -> int:
    return len(os.listdir("/proc/self/task")) if os.path.isdir("/proc/self/task") else threading.active_count()


def _unheard(row: Dict[str, Any]) -> None:
    """Collecting without running: nobody waits for its rows."""


def _load(path: str, name: str) -> Any:
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None, path
    assert spec.loader is not None, path
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def _ours(root: str, before: "set[str]") -> List[str]:
    files = (str(getattr(sys.modules[name], "__file__", "") or "") for name in set(sys.modules) - before)
    return [f for f in files if f.startswith(root + os.sep) and "/site-packages/" not in f]


def _outside(root: str, name: str) -> bool:
    file = str(getattr(sys.modules.get(name), "__file__", "") or "")
    return bool(file) and not (file.startswith(root + os.sep) and "/site-packages/" not in file)


def main() -> None:
    sys.dont_write_bytecode = True
    setup = json.loads(sys.argv[1])
    sock = socket.socket(fileno=setup["fd"])
    os.set_inheritable(setup["fd"], False)
    os.chdir(setup["root"])
    _libc_prctl(_PR_SET_DUMPABLE, 0)  # a candidate cannot read this process's memory
    _libc_prctl(_PR_SET_CHILD_SUBREAPER, 1)  # a candidate's daemons become our children, and end with it
    server = Server(sock, setup)
    write_frame(sock, {"ready": {"python": list(sys.version_info[:3])}})
    server.serve()


if __name__ == "__main__":
    main()
