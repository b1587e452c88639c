"""The seam between a session and what confines it: a backend starts the fork server inside and tells what it holds.

A backend is chosen only after its own self-test (`examine`) has been run on this machine; the report of that test is
shown to the user and never improved by hand.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from pathlib import Path
from typing import Protocol

from .types import Guarantees
from .workspace import Workspace

TOOLS = Path(__file__).resolve().parent
"""The folder of the files that also run inside; shown there read-only at the same path."""
_BOOT = (
    "import sys; sys.path[:] = [p for p in sys.path if p]; "
    "exec(compile(open({file!r}, encoding='utf-8').read(), {file!r}, 'exec'))"
)


class Tier(IntEnum):
    """How much stands between a candidate and the machine; a higher tier holds all that a lower one does."""

    NONE = 0
    """Resource limits only: model-written code needs the user's consent."""
    FILTER = 1
    """The same view of the machine, with what may be touched filtered by the kernel (Landlock + seccomp, Seatbelt)."""
    NAMESPACES = 2
    """An own view of the machine: own files, processes and network, the same kernel."""
    CONTAINER = 3
    """A container made by a daemon that the candidate cannot reach, its limits kept by control groups."""
    KERNEL = 4
    """A kernel of its own (gVisor)."""


class Probe(StrEnum):
    """What the self-test really tries from inside. Held means that the attempt failed."""

    FS_READ = "fs_read"
    """Read a file outside the project."""
    FS_WRITE = "fs_write"
    """Write a file outside the project."""
    NET_TCP = "net_tcp"
    NET_UDP = "net_udp"
    UNIX_ABSTRACT = "unix_abstract"
    """Reach a listener on an abstract unix socket."""
    PIDS = "pids"
    """Start more processes than the limit."""
    MEM = "mem"
    """Hold more memory than the limit."""
    DISK = "disk"
    """Write more than the limit, in many files."""
    KILL = "kill"
    """Signal, trace or limit the fork server."""
    ENV = "env"
    """Read the starter's environment."""
    DAEMON = "daemon"
    """Leave a process behind."""


@dataclass(frozen=True, slots=True)
class Report:
    """What a backend's self-test found on this machine."""

    backend: str
    tier: Tier
    trouble: str = ""
    """Why it cannot be used here and what to do, in one sentence; empty when it can."""
    probes: Mapping[Probe, bool] = field(default_factory=dict[Probe, bool])
    """True where the sandbox held. What is missing was not tried."""
    holds: tuple[str, ...] = ()
    gaps: tuple[str, ...] = ()
    """What does not hold, each in words for the user."""
    landlock_abi: int = 0
    """0 where the kernel has no Landlock, or the backend does not use it."""

    @property
    def guarantees(self) -> Guarantees:
        probes = tuple((str(probe), held) for probe, held in self.probes.items())
        return Guarantees(self.backend, self.holds, self.gaps, self.tier.name.lower(), probes)


@dataclass(frozen=True, slots=True)
class Runtime:
    """What the user's interpreter says it needs to be readable."""

    python: Path
    folders: tuple[Path, ...]


@dataclass(frozen=True, slots=True)
class Launch:
    """What is to be started inside: the fork server (child.py) on a workspace, in the user's interpreter."""

    workspace: Workspace
    runtime: Runtime

    def words(self, root: Path, setup: Mapping[str, object]) -> tuple[str, ...]:
        """The command. `root` is the project inside; `setup` says how to reach us (`fd`) and what else the backend
        wants its own files inside to know."""
        details = {"tools": str(TOOLS), "root": str(root), "project": str(self.workspace.root), **setup}
        boot = _BOOT.format(file=str(TOOLS / "child.py"))
        return (str(self.runtime.python), "-B", "-c", boot, json.dumps(details))


class Link(Protocol):
    """The bytes to and from a fork server, and the hold on its processes."""

    def readable(self, seconds: float) -> bool:
        """Wait for bytes, or for the end, up to `seconds`."""
        ...

    def recv(self, size: int) -> bytes:
        """Up to `size` bytes; empty at the end. OSError reads as the end."""
        ...

    def sendall(self, data: bytes) -> None:
        """Raises OSError when the server is gone."""
        ...

    def last_words(self) -> str:
        """Why the server went away: its exit status and the end of what it said, uncleaned."""
        ...

    def close(self) -> None:
        """End every process inside and take away everything that was made for them."""
        ...


class Backend(Protocol):
    """One way of confining. Stateless: one object serves all sessions."""

    @property
    def name(self) -> str: ...

    @property
    def tier(self) -> Tier: ...

    def examine(self) -> Report:
        """Try it for real on this machine, in less than 300 ms. Never raises; called once a process (choice.py)."""
        ...

    def root(self, workspace: Workspace) -> Path:
        """Where the project stands inside."""
        ...

    def owner(self) -> int | None:
        """The user that must own the copy, so that runs may write there; None when that is us."""
        ...

    def start(self, launch: Launch) -> Link:
        """Start the fork server inside. Raises SandboxError or OSError when it cannot be started."""
        ...
