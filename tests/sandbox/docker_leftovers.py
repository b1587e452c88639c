"""What an engine leaves behind when it was killed, and how that is taken away: nothing may outlive the tests."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from pathlib import Path

import psutil
from polling import until

_GROUPS = Path("/sys/fs/cgroup")
_ELSEWHERE = (Path("/etc/docker/key.json"), Path("/etc/docker"), Path("/run/docker/plugins"), Path("/run/docker"))
"""What an engine makes outside the folders that it was given, inner ones first."""


def processes_of(folder: Path) -> list[psutil.Process]:
    """The engine's own helpers name its folder; the containers' processes are their descendants."""
    found: dict[int, psutil.Process] = {}
    for process in psutil.process_iter(["cmdline"]):
        words: list[str] = process.info["cmdline"] or []
        if process.pid != os.getpid() and any(str(folder) in word for word in words) and _is_engine(words):
            with contextlib.suppress(psutil.NoSuchProcess):
                found.update({one.pid: one for one in (process, *process.children(recursive=True))})
    return list(found.values())


def _is_engine(words: list[str]) -> bool:
    return Path(words[0]).name.startswith(("dockerd", "containerd", "docker-"))


def end_processes_of(folder: Path, name: str = "") -> None:
    """All of them, or those of one program."""

    def gone() -> bool:
        left = [process for process in processes_of(folder) if not name or _name_of(process) == name]
        for process in left:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        return not left

    assert until(gone, 60.0), processes_of(folder)


def _name_of(process: psutil.Process) -> str:
    try:
        return process.name()
    except psutil.NoSuchProcess:
        return ""


def mounts_below(folder: Path) -> list[str]:
    rows = Path("/proc/self/mounts").read_text().splitlines()
    return [row.split(" ")[1] for row in rows if row.split(" ")[1].startswith(f"{folder}/")]


def unmount_below(folder: Path) -> None:
    for point in reversed(mounts_below(folder)):
        subprocess.run(["umount", "--lazy", point], capture_output=True, timeout=60)


def control_groups(name: str) -> list[Path]:
    return [*_GROUPS.glob(f"{name}"), *_GROUPS.glob(f"*/{name}")]


def remove_control_groups(name: str) -> None:
    """Deepest first; one that still holds a dying process goes a moment later."""

    def gone() -> bool:
        for top in control_groups(name):
            for folder, _, _ in os.walk(top, topdown=False):
                with contextlib.suppress(OSError):
                    os.rmdir(folder)
        return not control_groups(name)

    assert until(gone, 60.0), control_groups(name)


def not_there_yet() -> list[Path]:
    return [path for path in _ELSEWHERE if not path.exists()]


def remove_new(paths: list[Path]) -> None:
    for path in paths:
        with contextlib.suppress(OSError):  # a folder that somebody else uses by now is not empty
            path.rmdir() if path.is_dir() else path.unlink()


def sweep_killed_runs(prefix: str) -> None:
    """What the engine of a test run that was killed left in /tmp, or as mounts and control groups."""
    for folder in Path("/tmp").glob(f"{prefix}*-*"):
        owner = folder.name.removeprefix(prefix).split("-")[0]
        if owner.isdigit() and not psutil.pid_exists(int(owner)):
            end_processes_of(folder)
            unmount_below(folder)
            shutil.rmtree(folder, ignore_errors=True)
            for group in [*_GROUPS.glob(f"{folder.name}-*"), *_GROUPS.glob(f"*/{folder.name}-*")]:
                remove_control_groups(group.name)
