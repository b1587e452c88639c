"""What `darner doctor` finds of llama.cpp's build: how fast it is here, and which build would be faster.

Only what can be seen without it: a driver's files tell of a GPU that this build does not use.
"""

from __future__ import annotations

import platform
import shutil
import sys
import threading
import time
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

from .model import Message, Model, Sampling
from .stop import Stop

_PROBE_S = 2.0
_ASKED = (Message("user", "Write a Python function that parses a date."),)
_BINDING = "llama-cpp-python"
_BUILDS = {"CUDA": "GGML_CUDA", "Metal": "GGML_METAL", "Vulkan": "GGML_VULKAN"}


def probed(model: Model) -> str:
    """Tokens a second of one answer, over two seconds behind its first token. Raises ModelError."""
    stop, begun = Stop(), list[float]()
    timer = threading.Timer(_PROBE_S, stop.cancel)

    def heard(_: int, piece: str) -> None:
        if not begun:
            begun.append(time.perf_counter())
            timer.start()

    (answer,) = model.sample(_ASKED, Sampling(1, 0.0, max_tokens=400), stop, heard)
    seconds = time.perf_counter() - begun[0] if begun else 0.0
    timer.cancel()
    if answer.tokens < 2 or not seconds:
        return "too few tokens to tell"
    return f"{(answer.tokens - 1) / seconds:.1f} tokens/s of one answer ({answer.tokens} tokens in {seconds:.1f} s)"


def installed() -> str:
    """The binding's version, and for which devices its llama.cpp was built. Empty when there is none."""
    found = find_spec("llama_cpp")
    if found is None or found.origin is None:
        return ""
    kinds = ", ".join((*built_for(Path(found.origin).parent / "lib"), "CPU"))
    return f"{_BINDING} {_version()}, built for {kinds}"


def built_for(libraries: Path) -> tuple[str, ...]:
    """Kinds of GPU, by the names of ggml's libraries: loading them here could crash the doctor."""
    return tuple(kind for kind in _BUILDS if any(libraries.glob(f"*ggml-{kind.lower()}.*")))


def better(device: str) -> tuple[str, ...]:
    """Builds for a GPU that is here and not used, each with its command."""
    if not device.startswith("CPU"):
        return ()
    if "no room on" in device:
        return ("this build knows the GPU: free memory on it, or take a smaller model",)
    return tuple(f"there is {what}: {command(kind)}" for kind, what in _here())


def command(kind: str) -> str:
    """What installs the version that is here again, built for `kind`."""
    checkout = Path(__file__).resolve().parents[1]
    if (checkout / "Makefile").exists():
        return f"CMAKE_ARGS=-D{_BUILDS[kind]}=on make -C {checkout} setup"
    wanted = f"{_BINDING}=={here}" if (here := _version()) else _BINDING
    return (
        f'CMAKE_ARGS="-D{_BUILDS[kind]}=on" {sys.executable} -m pip install --force-reinstall --no-deps '
        f"--no-cache-dir --no-binary {_BINDING} {wanted}"
    )


def _version() -> str:
    try:
        return version(_BINDING)
    except PackageNotFoundError:  # put there by hand
        return ""


def _here() -> Iterator[tuple[str, str]]:
    """Kinds of builds that this machine could run faster, the best first, and how that was seen."""
    if sys.platform == "darwin" and platform.machine() == "arm64":
        yield "Metal", "an Apple GPU"
    elif Path("/proc/driver/nvidia/version").exists() or shutil.which("nvidia-smi"):
        yield "CUDA", "an NVIDIA driver" + ("" if shutil.which("nvcc") else " (a build needs the CUDA toolkit, too)")
    elif any(Path("/dev/dri").glob("renderD*")):
        yield "Vulkan", "a GPU with a render device (a build needs the Vulkan SDK, too)"
