"""A remembered pass of the self-test is believed only where and as long as it is true; no candidate can write one."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from cart_project import GOOD, OpenProject
from darner.sandbox import choice, remembered
from darner.sandbox.backend import Backend, Launch, Link, Probe, Report, Tier
from darner.sandbox.errors import NoIsolation, SandboxError
from darner.sandbox.process import Process
from darner.sandbox.session import open_session
from darner.sandbox.types import Status

PASS = Report(
    "namespaces", Tier.NAMESPACES, probes=dict.fromkeys(Probe, True), holds=("all",), gaps=("one",), landlock_abi=7
)
pytestmark = pytest.mark.skipif(not os.path.exists("/proc/sys/kernel/random/boot_id"), reason="nothing is kept here")


@pytest.fixture(autouse=True)
def cache(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Each test has a cache of its own, except where the real one is attacked."""
    if "backend" not in request.fixturenames:
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "darner" / "sandbox" / "selftest-namespaces.json"


def test_a_pass_comes_back_as_it_was(cache: Path) -> None:
    """The report is shown to the user and decides about the backend: nothing of it may be lost."""
    remembered.keep(PASS)

    assert remembered.recall("namespaces") == PASS
    assert (cache.stat().st_mode & 0o777, cache.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    assert remembered.recall("landlock") is None


@pytest.mark.parametrize(
    "report",
    [
        replace(PASS, trouble="it does not start"),
        replace(PASS, probes={**PASS.probes, Probe.MEM: False}),
        replace(PASS, probes={Probe.MEM: True}),
        replace(PASS, tier=Tier.CONTAINER),
        replace(PASS, tier=Tier.NONE),
    ],
    ids=["trouble", "one probe not held", "probes not tried", "container", "plain process"],
)
def test_only_a_whole_pass_of_a_backend_of_our_own_is_kept(report: Report, cache: Path) -> None:
    """A failure may be mended a minute later, and an engine may be restarted with other settings."""
    remembered.keep(report)

    assert not cache.exists()


def test_a_changed_file_of_the_sandbox_means_a_new_test(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The pass was given to other code."""
    tools = tmp_path / "tools"
    shutil.copytree(remembered.TOOLS, tools, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(remembered, "TOOLS", tools)
    remembered.keep(PASS)
    assert remembered.recall("namespaces") == PASS

    (tools / "child_jail.py").write_text((tools / "child_jail.py").read_text() + "\n")

    assert remembered.recall("namespaces") is None


def older(file: Path, seconds: float) -> None:
    kept = json.loads(file.read_text())
    file.write_text(json.dumps({**kept, "when": kept["when"] - seconds}))


def linked_from_elsewhere(file: Path) -> None:
    file.rename(file.parent / "elsewhere")
    file.symlink_to("elsewhere")


def in_a_linked_folder(file: Path) -> None:
    moved = file.parent.rename(file.parent.parent / "elsewhere")
    file.parent.symlink_to(moved)


def another_key(file: Path) -> None:
    file.write_text(json.dumps({**json.loads(file.read_text()), "key": "0" * 64}))


def of_a_container(file: Path) -> None:
    kept = json.loads(file.read_text())
    file.write_text(json.dumps({**kept, "report": {**kept["report"], "tier": int(Tier.CONTAINER)}}))


SPOILS: dict[str, Callable[[Path], object]] = {
    "a day old": lambda file: older(file, 24 * 3600),
    "from the future": lambda file: older(file, -3600),
    "readable by others": lambda file: file.chmod(0o644),
    "folder writable by others": lambda file: file.parent.chmod(0o777),
    "second name": lambda file: os.link(file, file.parent / "second"),
    "link": linked_from_elsewhere,
    "linked folder": in_a_linked_folder,
    "another key": another_key,
    "another tier": of_a_container,
    "not JSON": lambda file: file.write_bytes(b"\xff{"),
    "not an object": lambda file: file.write_text("[1]"),
    "too long": lambda file: file.write_text(" " * (1 << 17) + file.read_text()),
}


@pytest.mark.parametrize("spoil", SPOILS)
def test_a_record_that_looks_odd_is_no_record(spoil: str, cache: Path) -> None:
    """Then the test simply runs again; never a pass on somebody else's word, never an error."""
    remembered.keep(PASS)
    SPOILS[spoil](cache)

    assert remembered.recall("namespaces") is None


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_a_record_of_another_user_is_not_believed(cache: Path) -> None:
    """Whoever can put a file there could write what he likes."""
    remembered.keep(PASS)
    os.chown(cache, 1234, 1234)

    assert remembered.recall("namespaces") is None


def test_a_doubt_has_the_backend_tested_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """`darner doctor` and a session that could not be opened must not be answered from memory."""
    asked: list[str] = []

    class Counted(Process):
        name = "namespaces"

        def examine(self) -> Report:
            asked.append("")
            return PASS

    backend = Counted()
    choice.examined.cache_clear()
    assert [choice.examined(backend) for _ in range(2)] == [PASS, PASS]
    choice.examined.cache_clear()
    assert (choice.examined(backend), len(asked)) == (PASS, 1)

    choice.doubt(backend)

    assert (choice.examined(backend), len(asked)) == (PASS, 2)


class Broken(Process):
    """Passed its self-test some time ago; starts nothing now, and knows it when it is tested."""

    name = "namespaces"
    tier = Tier.NAMESPACES

    def examine(self) -> Report:
        return Report(self.name, self.tier, "it does not start")

    def start(self, launch: Launch) -> Link:
        raise SandboxError("no namespaces any more")


def test_a_pass_that_proves_untrue_is_forgotten_and_the_next_backend_taken(
    project: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when an administrator switches namespaces off: one lost start, and never a silent downgrade."""
    remembered.keep(PASS)
    choice.examined.cache_clear()
    monkeypatch.setattr(choice, "BACKENDS", (Broken(), Process()))

    with open_session(project, Path(sys.executable), trusted=True) as session:
        assert session.guarantees.backend == "process"
    assert not cache.exists()
    with pytest.raises(NoIsolation, match="it does not start"):
        open_session(project, Path(sys.executable), trusted=False)


FORGE = """
import os
def forge(place):
    for act in (
        lambda: open(place, "w").write("{{}}"),
        lambda: os.unlink(place),
        lambda: os.rename(os.path.dirname(place), os.path.dirname(place) + "-moved"),
        lambda: os.chmod(place, 0o666),
    ):
        try:
            act()
        except OSError:
            pass
forge({place!r})
"""


def test_no_candidate_reaches_what_is_remembered(backend: Backend, open_project: OpenProject, project: Path) -> None:
    """A candidate that could write there would choose how the next candidate is confined."""
    if backend.tier is Tier.NONE:
        pytest.skip("a plain process holds nothing, as its report says")
    place = remembered.folder() / "selftest-attacked.json"
    place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    place.write_text("kept")
    try:
        for fresh in (False, True):
            forged = FORGE.format(place=str(place)) + GOOD
            assert open_project(project).run((), {"cart.py": forged.encode()}, fresh=fresh).status is Status.PASS
        assert place.read_text() == "kept"
        assert place.stat().st_mode & 0o777 != 0o666
    finally:
        place.unlink(missing_ok=True)
