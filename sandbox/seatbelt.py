"""The backend of macOS: `sandbox-exec` with a profile made for the copy. Written from its manual; never run by us.

Source: the man pages sandbox-exec(1) and sandbox(7), and macOS own profiles in /System/Library/Sandbox.
"""

from __future__ import annotations

import sys
from pathlib import Path

from .backend import Launch, Link, Report, Tier
from .link import ProcessLink
from .places import environment, places
from .selftest import tested
from .workspace import Workspace

_PROGRAM = Path("/usr/bin/sandbox-exec")
_HOLDS = (
    "no network",
    "no file outside the throw-away copy, the interpreter and the system's read-only folders can be read",
    "no file outside the throw-away copy can be written",
    "none of your processes can be signalled, and your environment variables are not passed on",
    "CPU time, file size and wall-clock time are limited",
)
_GAPS = (
    "this backend was never tested by its authors",
    "the kernel is shared",
    "a process that leaves its process group can outlive its run",
    "memory, disk and the number of processes are limited by time only",
)
_SYSTEM = ("/usr", "/bin", "/sbin", "/System", "/Library", "/opt/homebrew", "/private/etc", "/private/var/db", "/dev")
_DEVICES = ("/dev/null", "/dev/zero", "/dev/random", "/dev/urandom", "/dev/tty")


class Seatbelt:
    """In the copy's own folder: macOS has no private view of the file system."""

    name = "seatbelt"
    tier = Tier.FILTER

    def examine(self) -> Report:
        if sys.platform != "darwin" or not _PROGRAM.exists():
            return Report(self.name, self.tier, "Seatbelt is a part of macOS.")
        return tested(self, _HOLDS, _GAPS)

    def root(self, workspace: Workspace) -> Path:
        return workspace.tree

    def owner(self) -> int | None:
        return None

    def start(self, launch: Launch) -> Link:
        tree = launch.workspace.tree.resolve()
        home = tree.parent / "home"
        home.mkdir(exist_ok=True)
        kept = [launch.workspace.root / name for name in launch.workspace.kept_outside]
        found = places(launch.workspace, launch.runtime)
        text = profile([*map(Path, found.shown), *kept], [tree, home])
        inside = environment({"HOME": str(home), "TMPDIR": str(home)})
        setup = {"jail": {"tidied": str(home)}}
        around = (str(_PROGRAM), "-p", text)
        return ProcessLink(lambda fd: (*around, *launch.words(tree, {"fd": fd, **setup})), inside)


def profile(read: list[Path], write: list[Path]) -> str:
    """The rules in Seatbelt's language: everything is denied but what is named."""
    readable = [*map(Path, _SYSTEM), *read, *write]
    lines = [
        "(version 1)",
        "(deny default)",
        "(allow process-fork)",
        "(allow process-exec)",
        "(allow signal (target same-sandbox))",
        "(allow sysctl-read)",
        "(allow file-read-metadata)",
        f'(allow file-read* (literal "/") {_paths("subpath", readable)})',
        f"(allow file-write* {_paths('subpath', write)})",
        f"(allow file-write-data {_paths('literal', map(Path, _DEVICES))})",
        "(deny network*)",
    ]
    return "\n".join(lines)


def _paths(kind: str, paths: list[Path] | map[Path]) -> str:
    """Resolved, because Seatbelt sees /private/tmp where a program says /tmp; quoted as its strings are."""
    texts = dict.fromkeys(str(path.resolve()).replace("\\", "\\\\").replace('"', '\\"') for path in paths)
    return " ".join(f'({kind} "{text}")' for text in texts)
