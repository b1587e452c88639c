"""The container engine behind a socket: Docker's, or podman's, which answers to the same calls.

This is the only file that speaks to the SDK (the `docker` extra). Everything that an engine can do wrong while we talk
to it becomes one SandboxError: the engine's failure is never the candidate's.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import io
import os
import socket
import threading
from collections.abc import Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from .errors import SandboxError

OWNER_LABEL = "org.darner.owner"
"""On every container of ours: host name, process id and start time of the process that made it."""
_SLOW_S = 20.0
"""An engine that does not answer within this time counts as gone."""
_BUILD_S = 1200


@dataclass(frozen=True, slots=True)
class Facts:
    """What the engine says of itself."""

    kind: str
    """`docker` or `podman`."""
    version: str
    rootless: bool
    """Its user 0 is the user who started it, and no other user inside can write that user's files."""
    runsc: bool
    """gVisor is installed as a runtime: a kernel of its own for each container."""
    swaps: bool
    """Memory with swap can be limited together. Where it cannot, asking for it is an error or a warning."""


def addresses() -> tuple[str, ...]:
    """Where an engine may listen, most wanted first: what the user set, then the usual places that exist."""
    chosen = os.environ.get("DOCKER_HOST", "")
    if chosen:
        return (chosen,)
    runtime = Path(os.environ.get("XDG_RUNTIME_DIR") or f"/run/user/{os.getuid()}")
    home = Path.home()
    usual = (
        Path("/var/run/docker.sock"),
        runtime / "docker.sock",
        home / ".docker/run/docker.sock",
        home / ".docker/desktop/docker.sock",
        runtime / "podman/podman.sock",
        Path("/run/podman/podman.sock"),
    )
    return tuple(f"unix://{path}" for path in usual if path.is_socket())


def sdk_trouble() -> str:
    """Empty when the SDK can be imported."""
    found = importlib.util.find_spec("docker") is not None
    return "" if found else "the Docker SDK is not installed (pip install 'darner[docker]')."


class Engine:
    """A connection to one engine. Safe to use from several threads; every method raises only SandboxError."""

    def __init__(self, address: str) -> None:
        if not address.startswith("unix://"):
            raise SandboxError(
                f"The container engine at {address} is not a socket of this machine; Darner uses no other."
            )
        self.address = address
        self.owed: list[str] = []
        """Containers that could not be removed, because the engine was gone: `catch_up` asks again."""
        self._lock = threading.Lock()
        with self.answering("answer"):
            docker = importlib.import_module("docker")
            self._client: Any = docker.DockerClient(base_url=address, version="auto", timeout=_SLOW_S)
            try:
                self.facts = _facts(self._client.info(), self._client.version())
            except BaseException:
                self.close()
                raise

    @contextlib.contextmanager
    def answering(self, what: str) -> Generator[None]:
        """The boundary: whatever the SDK, its HTTP library or the socket raise ends here as one sentence."""
        try:
            yield
        except SandboxError:
            raise
        except Exception as error:  # boundary: the SDK lets requests', urllib3's and its own errors through
            raise SandboxError(f"The container engine at {self.address} did not {what}: {_reason(error)}") from error

    def alive(self) -> bool:
        try:
            with self.answering("answer"):
                return bool(self._client.ping())
        except SandboxError:
            return False

    def has_image(self, name: str) -> bool:
        with self.answering("list its images"):
            return bool(self._client.images.list(name=name))

    def import_image(self, name: str, tar: bytes) -> None:
        repository, _, tag = name.partition(":")
        with self._lock, self.answering("import an image"):
            if not self._client.images.list(name=name):
                self._client.api.import_image_from_data(tar, repository=repository, tag=tag)

    def build_image(self, name: str, context: bytes) -> None:
        """`context` is a tar that holds a Dockerfile. Takes minutes the first time, and a network."""
        with self._lock, self.answering("build an image"):
            if not self._client.images.list(name=name):
                file = io.BytesIO(context)
                lines = self._client.api.build(
                    fileobj=file, custom_context=True, tag=name, decode=True, rm=True, timeout=_BUILD_S
                )
                for line in lines:
                    if "error" in line:
                        raise SandboxError(f"The image {name} could not be built: {line['error']}")

    def load_image(self, tar: bytes) -> None:
        """An image that was saved elsewhere, for machines without a network."""
        with self.answering("load an image"):
            self._client.images.load(tar)

    def create(self, image: str, command: Sequence[str], host: Mapping[str, object], **settings: object) -> str:
        """A container that is not running yet; its id. `host` are arguments of the SDK's create_host_config."""
        labels = {OWNER_LABEL: owner()}
        with self.answering("make a container"):
            config = self._client.api.create_host_config(**host)
            made = self._client.api.create_container(
                image, list(command), host_config=config, labels=labels, stdin_open=True, **settings
            )
            return str(made["Id"])

    def attach(self, container: str) -> socket.socket:
        """The container's stdin, stdout and stderr as one raw socket (the two that come back, in frames)."""
        wanted = {"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1}
        with self.answering("attach to a container"):
            wrapped: Any = self._client.api.attach_socket(container, params=wanted)
            raw: Any = getattr(wrapped, "_sock", wrapped)
            own = socket.socket(fileno=os.dup(raw.fileno()))
            own.setblocking(True)
            _let_go((raw, wrapped, getattr(wrapped, "_response", None)))
            return own

    def start(self, container: str) -> None:
        with self.answering("start a container"):
            self._client.api.start(container)

    def state(self, container: str) -> Mapping[str, Any]:
        """The kernel's account as the engine keeps it: `Running`, `OOMKilled`, `ExitCode`, `Pid`, `Error`."""
        with self.answering("describe a container"):
            return dict(self._client.api.inspect_container(container)["State"])

    def remove(self, container: str) -> None:
        """Kill everything inside and forget the container; one that is gone already is fine."""
        not_found = importlib.import_module("docker.errors").NotFound
        with self.answering("remove a container"), contextlib.suppress(not_found):
            self._client.api.remove_container(container, force=True, v=True)

    def catch_up(self) -> None:
        """Remove what could not be removed while the engine was gone."""
        while self.owed:
            self.remove(self.owed[-1])
            self.owed.pop()

    def sweep(self) -> int:
        """Remove containers whose maker on this machine is no longer alive; how many."""
        with self.answering("list its containers"):
            ours = self._client.api.containers(all=True, filters={"label": OWNER_LABEL})
        stale = [one["Id"] for one in ours if _is_stale(str(one["Labels"].get(OWNER_LABEL, "")))]
        for container in stale:
            self.remove(container)
        return len(stale)

    def close(self) -> None:
        with contextlib.suppress(Exception):
            self._client.close()


@cache
def owner() -> str:
    return f"{socket.gethostname()}/{os.getpid()}/{_started(os.getpid())}"


def _is_stale(label: str) -> bool:
    """False for containers made by another machine's process, of which nothing is known here."""
    host, _, rest = label.partition("/")
    pid, _, began = rest.partition("/")
    return host == socket.gethostname() and pid.isdigit() and _started(int(pid)) != began


def _started(pid: int) -> str:
    """When the process started, in the kernel's clock; empty when there is none. A number is soon used again."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return ""
    return stat.rpartition(")")[2].split()[19]


def _facts(info: Mapping[str, Any], version: Mapping[str, Any]) -> Facts:
    components = [str(part.get("Name", "")) for part in version.get("Components") or ()]
    options = [str(option) for option in info.get("SecurityOptions") or ()]
    return Facts(
        kind="podman" if any("Podman" in name for name in components) else "docker",
        version=str(version.get("Version", "")),
        rootless="name=rootless" in options,
        runsc="runsc" in (info.get("Runtimes") or {}),
        swaps=bool(info.get("SwapLimit")),
    )


def _reason(error: Exception) -> str:
    """The engine's own words where it gave some; else the innermost cause, which names the file or the refusal."""
    said = getattr(error, "explanation", None)
    if isinstance(said, str | bytes) and said:
        return (said.decode("utf-8", "replace") if isinstance(said, bytes) else said).strip()[:300]
    inner: BaseException = error
    while (deeper := inner.__cause__ or inner.__context__) is not None:
        inner = deeper
    known = inner.errno if isinstance(inner, OSError) else None
    text = os.strerror(known) if known else str(inner) or type(inner).__name__
    return f"{text.strip()[:300]}."


def _let_go(parts: Iterable[Any]) -> None:
    """The SDK's response would close our socket when it is collected; ours is a duplicate, so it may go now."""
    for part in parts:
        with contextlib.suppress(Exception):  # the HTTP library's files do not like to be closed twice
            part.close()
