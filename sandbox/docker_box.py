"""One hardened container: what it may see, what it may use, and which user it is.

Each flag is proved by the self-test (docker_probe.py) and none is trusted: podman without control groups, for one,
accepts limits and ignores them.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .docker_engine import Engine
from .docker_link import AttachLink
from .docker_seccomp import profile
from .docker_shares import Share

PROCESSES = 128
"""Processes and threads in a container: a run's own limit and what pytest's plugins start."""
TMP_BYTES = 256 << 20
_HOME_BYTES = 64 << 20
_SHM_BYTES = 64 << 20
_MOST_MEMORY = 4 << 30


@dataclass(frozen=True, slots=True)
class Box:
    """A container to be made."""

    image: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    shares: tuple[Share, ...]
    folder: Path
    """Where the command starts."""
    user: str
    memory_bytes: int
    processes: int = PROCESSES
    tmp_bytes: int = TMP_BYTES


def most_memory() -> int:
    """Half of the machine at most: the editor and the model live here too."""
    return min(_MOST_MEMORY, os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2)


def user_of(engine: Engine, tree: Path) -> str:
    """The user who owns the copy, so that what tests write there can be removed again. Never with any capability."""
    owner = tree.stat()
    return "0:0" if engine.facts.rootless else f"{owner.st_uid}:{owner.st_gid}"


def start(engine: Engine, box: Box) -> AttachLink:
    """Make, attach to and start it. Raises SandboxError, and leaves no container behind then."""
    container = engine.create(
        box.image,
        box.command,
        _host(engine, box),
        environment=dict(box.environment),
        user=box.user,
        working_dir=str(box.folder),
        network_disabled=True,
        hostname="darner",
    )
    link = None
    try:
        link = AttachLink(engine, container, engine.attach(container))
        engine.start(container)
        link.started()
    except BaseException:
        if link is None:
            engine.remove(container)
        else:
            link.close()
        raise
    return link


def _host(engine: Engine, box: Box) -> dict[str, object]:
    types: Any = importlib.import_module("docker.types")
    return {
        "network_mode": "none",
        "read_only": True,
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges", f"seccomp={profile()}"],
        "pids_limit": box.processes,
        "mem_limit": box.memory_bytes,
        "memswap_limit": box.memory_bytes if engine.facts.swaps else None,
        "ipc_mode": "none",
        "log_config": types.LogConfig(type="none"),
        "runtime": "runsc" if engine.facts.runsc else None,
        "ulimits": [types.Ulimit(name="core", soft=0, hard=0), types.Ulimit(name="nofile", soft=1024, hard=1024)],
        "tmpfs": {
            "/tmp": f"rw,exec,nosuid,nodev,mode=1777,size={box.tmp_bytes},nr_inodes=20000",
            "/tmp/home": f"rw,exec,nosuid,nodev,mode=1777,size={min(_HOME_BYTES, box.tmp_bytes)},nr_inodes=20000",
            "/dev/shm": f"rw,nosuid,nodev,noexec,mode=1777,size={min(_SHM_BYTES, box.tmp_bytes)}",
        },
        "mounts": [
            types.Mount(str(share.target), str(share.source), type="bind", read_only=not share.writable)
            for share in box.shares
        ],
    }
