"""A kernel that lacks something: the backend that needs it says so, a weaker one is named, nothing is silent."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from cart_project import GOOD, lay_out
from darner.sandbox import child_kernel, child_seccomp, choice
from darner.sandbox.backend import Tier
from darner.sandbox.bubblewrap import Bubblewrap
from darner.sandbox.errors import NoIsolation
from darner.sandbox.landlock import Landlock
from darner.sandbox.namespaces import Namespaces
from darner.sandbox.process import Process
from darner.sandbox.seatbelt import Seatbelt, profile

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="about Linux")
REFUSED = """
import ctypes, errno, sys
from darner.sandbox import child_kernel as kernel, child_seccomp as seccomp
refused = {calls!r}
made = seccomp._Program(seccomp._COLUMN[kernel.machine()])
made.add(0x20, 0)
for numbers in refused:
    made.refuse(numbers, {error})
made.add(0x06, 0x7FFF0000)
kernel.no_new_privileges()
seccomp.install(b"".join(made.code), kernel.machine(), kernel.syscall)
from darner.sandbox import choice
for backend in {wanted}:
    report = next(b for b in choice.BACKENDS if b.name == backend).examine()
    print(backend, "|", report.trouble, "|", report.landlock_abi)
"""
UNSHARE, CLONE3, MOUNT, LANDLOCK, FSOPEN = (272, 97), (435, 435), (165, 40), (444, 444), (430, 430)


def examined_without(calls: tuple[tuple[int, int], ...], error: int, *wanted: str) -> dict[str, tuple[str, str]]:
    """Reports of backends in a process whose kernel refuses these calls."""
    script = REFUSED.format(calls=calls, error=error, wanted=wanted)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120, check=True)
    rows = [line.split(" | ") for line in done.stdout.splitlines() if " | " in line]
    return {name: (trouble.strip(), abi.strip()) for name, trouble, abi in rows}


@LINUX
def test_where_namespaces_are_refused_the_namespaces_backend_says_so_and_landlock_holds() -> None:
    """As on Ubuntu 24.04 or inside most containers; an outer filter refuses `unshare`."""
    found = examined_without((UNSHARE,), 1, "namespaces", "landlock")

    assert "does not work" in found["namespaces"][0]
    if not Landlock().examine().trouble:
        assert found["landlock"][0] == ""


@LINUX
def test_where_mounts_are_refused_no_layer_is_pretended() -> None:
    """No overlay and no private view of files: the backend must not be taken."""
    assert "does not work" in examined_without((MOUNT,), 1, "namespaces")["namespaces"][0]


@LINUX
def test_without_landlock_its_backend_is_refused_and_the_namespaces_still_hold() -> None:
    """ABI -1, as before Linux 5.13 or where it is switched off: namespaces do not need it."""
    found = examined_without((LANDLOCK,), 38, "namespaces", "landlock")

    assert found["landlock"][0]
    if not Namespaces().examine().trouble:
        assert found["namespaces"] == ("", "0")


def test_without_bubblewrap_the_report_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody on Ubuntu 24.04 needs exactly this sentence."""
    monkeypatch.setenv("PATH", os.devnull)

    assert "apt install bubblewrap" in Bubblewrap().examine().trouble


def test_with_nothing_that_confines_nothing_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """The last resort is taken by agreement only, and each stronger one says why it is not there."""
    monkeypatch.setenv("PATH", os.devnull)
    monkeypatch.setattr(choice, "BACKENDS", (Bubblewrap(), Process()))
    with pytest.raises(NoIsolation, match=r"bubblewrap is not installed.*--trust"):
        choice.strongest(trusted=False)

    assert choice.strongest(trusted=True).tier is Tier.NONE


@pytest.mark.parametrize("machine", ["riscv64", "i686", ""])
def test_an_unknown_processor_gets_no_filter_rather_than_a_wrong_one(machine: str) -> None:
    """Numbers differ by processor: `mount` on one is something harmless on another."""
    with pytest.raises(child_seccomp.UnknownMachine, match="no system-call filter"):
        child_seccomp.program(machine, shared=True, landlock_abi=7)


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
@pytest.mark.parametrize("shared", [True, False])
def test_a_filter_fits_the_kernels_form(machine: str, shared: bool) -> None:
    """Whole instructions, fewer than 4096, no jump over the end, and the last one returns."""
    code = child_seccomp.program(machine, shared, 5, own_pid=1234)
    steps = [code[start : start + 8] for start in range(0, len(code), 8)]

    assert len(code) % 8 == 0
    assert len(steps) < 4096
    assert steps[-1][0] == 0x06
    for place, step in enumerate(steps):
        if step[0] & 0x07 == 0x05 and step[0] != 0x05:
            assert place + 1 + max(step[2], step[3]) < len(steps)


def test_seatbelts_profile_denies_first_and_quotes_paths(tmp_path: Path) -> None:
    """The only part of that backend that can be looked at here."""
    odd = tmp_path / 'a "quoted" folder'
    text = profile([Path("/usr/lib")], [odd])

    assert text.splitlines()[1] == "(deny default)"
    assert '\\"quoted\\"' in text
    assert text.count("(allow file-write*") == 1
    assert Seatbelt().examine().trouble or sys.platform == "darwin"


def test_the_machine_has_one_name() -> None:
    """The tables know the kernel's own names only."""
    assert child_kernel.machine() not in ("amd64", "arm64")


def test_a_layer_keeps_what_a_run_writes_out_of_the_copy(tmp_path: Path) -> None:
    """What makes restoring cheap must be true: after a run that rewrote everything the copy is untouched."""
    from darner.sandbox.session import open_session

    backend = Namespaces()
    if trouble := choice.examined(backend).trouble:
        pytest.skip(trouble)
    spoil = "import os\nfor name in os.listdir('.'):\n    if name.endswith('.ini'): open(name, 'w').write('x')\n"
    with open_session(lay_out(tmp_path / "p"), Path(sys.executable), trusted=False, backend=backend) as session:
        session.run([], {"cart.py": (spoil + GOOD).encode()})

        assert session.run([], {"cart.py": GOOD.encode()}).status.value == "PASS"
