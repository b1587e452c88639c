"""`make setup`: `.venv` with the pinned packages, and llama.cpp built once into a cached wheel.

    checks ─▶ .venv ─▶ packages ─▶ llama.cpp wheel (cached) ─▶ darner, editable ─▶ stamp

Standard library only, and started by whichever Python the Makefile found, so nothing here may need a package.
The stamp is written last: an interrupted run is simply continued by the next one, and a finished one is not repeated.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import importlib.util
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
STAMP = VENV / "darner-setup"
LOGS = ROOT / "build" / "setup"
OLDEST_PYTHON = (3, 11)

LLAMA = "llama-cpp-python==0.3.36"
BUILD_TIME = "8 to 10 minutes on 2 cores"
# On some virtual machines the processor advertises AMX and then traps its tile loads: leave those instructions out.
X86_64_CMAKE_ARGS = (
    "-DCMAKE_C_FLAGS='-mno-amx-tile -mno-amx-int8 -mno-amx-bf16' "
    "-DCMAKE_CXX_FLAGS='-mno-amx-tile -mno-amx-int8 -mno-amx-bf16' "
    "-DLLAMA_BUILD_TOOLS=OFF"
)
VENV_BYTES = 700 << 20
"""Measured: 330 MB installed, and about as much for what pip downloads and unpacks on the way."""
BUILD_BYTES = 600 << 20
"""Measured: 380 MB at the peak, for sources, objects and the wheel, while llama.cpp builds."""


class SetupError(Exception):
    """One clear sentence: what is missing and what to do."""


def main() -> int:
    """Set up, and return the exit code: 0 done, 3 something is missing, 130 interrupted."""
    signal.signal(signal.SIGTERM, _interrupt)
    signal.signal(signal.SIGHUP, _interrupt)
    started = time.monotonic()
    try:
        with locked(ROOT, "another `make setup` in this folder"):
            if is_done():
                print(f"Set-up is complete already ({time.monotonic() - started:.1f} s).")
                return 0
            set_up()
    except SetupError as error:
        print(f"setup: {error}", file=sys.stderr)
        return 3
    except KeyboardInterrupt:
        print("\nsetup: interrupted; nothing half-built is kept, and `make setup` continues.", file=sys.stderr)
        return 130
    alone = os.environ.get("MAKECMDGOALS", "setup") == "setup"  # within `make demo` there is nothing to do next
    print(f"Set-up is complete ({clock(time.monotonic() - started)}).{' Next: make demo' if alone else ''}")
    return 0


def set_up() -> None:
    """Every step, in order. Each one finds its own work done and then costs nothing."""
    check_python()
    check_machine()
    LOGS.mkdir(parents=True, exist_ok=True)
    step("Creating .venv", "seconds", make_venv)
    step("Installing pinned packages", "about a minute", install_packages)
    if cached_wheel() is None:
        step(f"Building {LLAMA} once, for this processor", BUILD_TIME, build_wheel)
    step("Installing llama.cpp and Darner", "seconds", install_darner)
    STAMP.write_text(stamp_key(), encoding="utf-8")


# Is there anything to do?


def is_done() -> bool:
    """The stamp names exactly these inputs, and the interpreter that it speaks of still runs."""
    try:
        return STAMP.read_text(encoding="utf-8") == stamp_key() and os.access(VENV / "bin" / "darner", os.X_OK)
    except OSError:
        return False


def stamp_key() -> str:
    """A hash of everything that decides what is installed, the folder too: scripts hold absolute paths."""
    parts = [str(ROOT), sys.version, wheel_key()]
    parts += [(ROOT / name).read_text(encoding="utf-8") for name in ("pyproject.toml", "constraints.txt")]
    return hashlib.sha256("\0".join([*parts, Path(__file__).read_text(encoding="utf-8")]).encode()).hexdigest()


# What the machine must have, said before the long work


def check_python() -> None:
    """Raise SetupError for a Python that is too old or cannot make an environment."""
    if sys.version_info < OLDEST_PYTHON:
        found = ".".join(map(str, sys.version_info[:3]))
        raise SetupError(
            f"Darner needs Python 3.11 or newer and {sys.executable} is {found}; run `make PYTHON=python3.11 setup`."
        )
    if importlib.util.find_spec("ensurepip") is None:
        short = ".".join(map(str, sys.version_info[:2]))
        raise SetupError(
            f"{sys.executable} has no `ensurepip`; "
            f"install it, on Debian and Ubuntu with `apt install python{short}-venv`."
        )


def check_machine() -> None:
    """Raise SetupError for a missing compiler or too little space; a cached wheel needs no compiler."""
    require_space(ROOT, VENV_BYTES, "the packages")
    if cached_wheel() is None:
        require_compilers(os.environ)
        try:
            wheels_folder().mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise SetupError(
                f"The cache {wheels_folder()} cannot be made ({error.strerror}); set XDG_CACHE_HOME."
            ) from None
        require_space(wheels_folder(), BUILD_BYTES, "building llama.cpp")


def require_compilers(environ: Mapping[str, str]) -> None:
    """Raise SetupError unless a C and a C++ compiler can be found, `CC` and `CXX` first."""
    for language, variable, names in (("C", "CC", ("cc", "gcc", "clang")), ("C++", "CXX", ("c++", "g++", "clang++"))):
        wanted = shlex.split(environ[variable])[:1] if environ.get(variable) else names
        if not any(shutil.which(name, path=environ.get("PATH", os.defpath)) for name in wanted):
            raise SetupError(
                f"No {language} compiler was found (looked for {', '.join(wanted)}), "
                "and llama.cpp is built from source; install one: "
                "`apt install build-essential` on Debian and Ubuntu, `xcode-select --install` on macOS."
            )


def require_space(folder: Path, needed: int, purpose: str) -> None:
    """Raise SetupError when the disk of `folder` has fewer than `needed` bytes free."""
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise SetupError(
            f"{purpose[0].upper()}{purpose[1:]} needs {needed / 1e9:.1f} GB "
            f"on the disk of {folder} and {free / 1e9:.1f} GB are free; "
            "free some space and run `make setup` again."
        )


# The steps


def make_venv() -> None:
    """Make `.venv`, or keep one of this very interpreter that has a working pip."""
    if not _venv_works():
        run("venv", [sys.executable, "-m", "venv", "--clear", str(VENV)])


def install_packages() -> None:
    """Everything that pyproject.toml names for running and developing, at the versions of constraints.txt."""
    pip("packages", "setuptools", *requirements())


def install_darner() -> None:
    """llama-cpp-python from the cached wheel, then this folder, editable."""
    wheel = str(cached_wheel())
    pip("llama", wheel)
    pip("llama", "--force-reinstall", "--no-deps", wheel)  # the same version may be here with other flags
    pip("darner", "--no-deps", "--no-build-isolation", "--editable", str(ROOT))


def requirements() -> list[str]:
    """Requirements of the package and of its `dev` extra, as pyproject.toml writes them."""
    import tomllib  # new in 3.11, and an older Python must live long enough to be told so

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return [*project["dependencies"], *project["optional-dependencies"]["dev"]]


def pip(log: str, *arguments: str) -> None:
    """Run `pip install` under the constraints, quietly; a failure shows everything that pip said."""
    command = [str(VENV / "bin" / "python"), "-m", "pip", "install", "--disable-pip-version-check", "--no-input"]
    run(log, [*command, "--constraint", str(ROOT / "constraints.txt"), *arguments])


# llama.cpp


def cmake_args(environ: Mapping[str, str], machine: str) -> str:
    """Our flags, then the user's: CMake takes the last word on each, so `CMAKE_ARGS` can add and can override."""
    ours = X86_64_CMAKE_ARGS if machine in ("x86_64", "AMD64") else "-DLLAMA_BUILD_TOOLS=OFF"
    return f"{ours} {environ.get('CMAKE_ARGS', '')}".strip()


def instruction_sets() -> str:
    """The vector instructions of this processor, because the build uses all of them; empty where Linux does not say."""
    with contextlib.suppress(OSError):
        found = re.search(
            r"^(?:flags|Features)\s*:(.*)$", Path("/proc/cpuinfo").read_text(encoding="utf-8"), re.MULTILINE
        )
        words = found.group(1).split() if found else []
        return " ".join(
            sorted(
                {w for w in words if w.startswith(("sse", "ssse", "avx", "fma", "f16c", "bmi", "amx", "asimd", "sve"))}
            )
        )
    return ""


def wheel_key() -> str:
    """Names the wheel by version, interpreter and platform, and by the flags and the processor that it is built for."""
    made_for = "\0".join((cmake_args(os.environ, os.uname().machine), instruction_sets()))
    tag = f"cp{sys.version_info[0]}{sys.version_info[1]}-{sysconfig.get_platform()}"
    return f"{LLAMA.replace('==', '-')}-{tag}-{hashlib.sha256(made_for.encode()).hexdigest()[:12]}"


def wheels_folder() -> Path:
    """`~/.cache/darner/wheels`, or the same under `XDG_CACHE_HOME`."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "darner" / "wheels"


def cached_wheel() -> Path | None:
    """The wheel that was built for this key, if it was. The file keeps its own name; the key is its folder."""
    return next((wheels_folder() / wheel_key()).glob("*.whl"), None)


def build_wheel() -> None:
    """Build in a folder of its own beside the cache and move the finished wheel into place."""
    cache = wheels_folder()
    with locked(cache, "another build of llama.cpp"):
        if cached_wheel() is not None:
            return
        for remnant in cache.glob(".build-*"):  # of a run that was killed: we hold the lock, so nobody uses it
            shutil.rmtree(remnant, ignore_errors=True)
        with tempfile.TemporaryDirectory(prefix=".build-", dir=cache, ignore_cleanup_errors=True) as folder:
            environ = {**os.environ, "CMAKE_ARGS": cmake_args(os.environ, os.uname().machine), "TMPDIR": folder}
            # Not pip's cache of wheels: it does not know the flags, and would hand back a build with others.
            options = ["--no-deps", "--no-cache-dir", "--no-binary", "llama-cpp-python", "--verbose"]
            command = [str(VENV / "bin" / "python"), "-m", "pip", "wheel", *options, "--wheel-dir", folder, LLAMA]
            run("llama-build", command, environ)
            built = next(Path(folder).glob("*.whl"))
            (cache / wheel_key()).mkdir(exist_ok=True)
            os.replace(built, cache / wheel_key() / built.name)


# Doing and telling


def step(what: str, how_long: str, work: Callable[[], None]) -> None:
    """Do one step between two lines that say what, for how long, and how long it took."""
    print(f"{what} ({how_long}) ...", flush=True)
    started = time.monotonic()
    work()
    print(f"  done in {clock(time.monotonic() - started)}", flush=True)


def run(log: str, command: Sequence[str], environ: Mapping[str, str] | None = None) -> None:
    """Run a command in a process group of its own, its output in a file; show that file when it fails."""
    path = LOGS / f"{log}.log"
    with path.open("wb") as output:
        child = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=environ,
            cwd=ROOT,
            start_new_session=True,
        )
        try:
            watch(child, path)
        finally:
            if child.poll() is None:
                os.killpg(child.pid, signal.SIGKILL)
                child.wait()
    if child.returncode != 0:
        sys.stderr.write(path.read_text(encoding="utf-8", errors="replace"))
        what = f"{Path(command[0]).name} {' '.join(command[1:4])} ..."
        raise SetupError(f"`{what}` failed with exit code {child.returncode}; its output is above and in {path}.")


def watch(child: subprocess.Popen[bytes], log: Path) -> None:
    """Show elapsed time and the compiler's count until the child ends: each second on a terminal, else each 30 s."""
    live, started = sys.stdout.isatty(), time.monotonic()
    while True:
        try:
            child.wait(1 if live else 30)
            break
        except subprocess.TimeoutExpired:
            line = f"  {clock(time.monotonic() - started)}{compiled(log)}"
            print(f"\r{line}\033[K" if live else line, end="" if live else "\n", flush=True)
    if live:
        print("\r\033[K", end="", flush=True)


def compiled(log: Path) -> str:
    """`, compiling 12 of 245`, from the last such count in a build's log; empty when there is none."""
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - 20_000))
        counts = re.findall(rb"\[(\d+)/(\d+)\]", file.read())
    return f", compiling {int(counts[-1][0])} of {int(counts[-1][1])}" if counts else ""


def clock(seconds: float) -> str:
    """`41 s` or `8 min 05 s`."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"


@contextlib.contextmanager
def locked(folder: Path, who: str) -> Iterator[None]:
    """Hold `folder` alone; the kernel lets go when the process ends, however it ends."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print(f"Waiting for {who} to end ...", flush=True)
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _venv_works() -> bool:
    python = VENV / "bin" / "python"
    if not os.access(python, os.X_OK):
        return False
    probe = [str(python), "-c", "import pip, sys; print(sys.version)"]
    done = subprocess.run(probe, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
    return done.returncode == 0 and done.stdout.rstrip("\n") == sys.version


def _interrupt(_signal: int, _frame: object) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    raise SystemExit(main())
