"""The container backend: the fork server is the first process of a hardened container of Docker or podman."""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from pathlib import Path

from . import docker_box as boxes
from .backend import Launch, Link, Report, Tier
from .docker_box import Box
from .docker_engine import Engine, addresses, sdk_trouble
from .docker_image import ready_image
from .docker_probe import examined_engine
from .docker_shares import shares_for
from .errors import SandboxError
from .places import environment as environment_with
from .workspace import Workspace

_SWITCH = "DARNER_DOCKER"
"""`off` leaves the engine alone: confirming runs then stay in the backend of the search."""


class Docker:
    """Keeps one connection for all sessions, and makes a new one when the engine went away and came back."""

    name = "docker"
    tier = Tier.CONTAINER

    def __init__(self, address: str = "") -> None:
        """`address` names the one engine to use; without it, DOCKER_HOST and then the usual places are asked."""
        self._address = address
        self._lock = threading.Lock()
        self._engine: Engine | None = None

    def examine(self) -> Report:
        if os.environ.get(_SWITCH, "").lower() in ("off", "0", "no"):
            return Report(self.name, self.tier, f"containers are switched off by {_SWITCH}.")
        if trouble := sdk_trouble():
            return Report(self.name, self.tier, trouble)
        try:
            return examined_engine(self._connected())
        except SandboxError as error:
            return Report(self.name, self.tier, str(error))

    def root(self, workspace: Workspace) -> Path:
        return workspace.root

    def owner(self) -> int | None:
        return None

    def start(self, launch: Launch) -> Link:
        engine = self._connected()
        root = launch.workspace.root
        jail = {
            "landlock": {"read": ["/"], "write": [str(root), "/tmp", "/dev"]},
            "filter": True,
            "weighed": [str(root)],
        }
        box = Box(
            image=ready_image(engine, launch.runtime),
            command=launch.words(root, {"contained": True, "jail": jail}),
            environment=environment_with({"HOME": "/tmp/home", "TMPDIR": "/tmp"}),
            shares=shares_for(launch),
            folder=root,
            user=boxes.user_of(engine, launch.workspace.tree),
            memory_bytes=boxes.most_memory(),
        )
        return boxes.start(engine, box)

    def _connected(self) -> Engine:
        with self._lock:
            if self._engine is not None and self._engine.alive():
                self._engine.catch_up()
                return self._engine
            engine = _first_answering((self._address,) if self._address else addresses())
            if self._engine is not None:
                engine.owed += self._engine.owed
                engine.catch_up()
                self._engine.close()
            engine.sweep()
            self._engine = engine
            return engine


def _first_answering(found: Sequence[str]) -> Engine:
    """Raises SandboxError with every refusal when none answers."""
    if not found:
        raise SandboxError("no container engine listens here (no docker or podman socket).")
    refusals: list[str] = []
    for address in found:
        try:
            return Engine(address)
        except SandboxError as error:
            refusals.append(str(error))
    raise SandboxError(" ".join(refusals))
