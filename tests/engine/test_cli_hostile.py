"""Projects that are broken, odd or hostile: each has a clear ending, and the user's files stay."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from cli_runner import CART, Bench

TEST = "test_cart.py::test_at_the_limit"


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_no_tests_found(bench: Bench) -> None:
    """An empty project is a mistake in where one stands, not a success."""
    ended = bench.write({"cart.py": "x = 1\n"}).fix("--json")

    assert ended.code == 2
    assert "No tests found" in ended.err
    assert ended.json()["error"]["message"] in ended.err


def test_an_interpreter_without_pytest(bench: Bench) -> None:
    """The sentence names the interpreter and the command that mends it."""
    bare = bench.home / "bare"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(bare)], check=True, timeout=60)
    bench.write(CART)

    ended = bench.darner("fix", "--no-model", "--python", str(bare / "bin" / "python"))

    assert ended.code == 3
    assert f"{bare}/bin/python -m pip install pytest" in ended.err


def test_an_interpreter_that_does_not_exist(bench: Bench) -> None:
    """A wrong path is an environment error with the option to change."""
    ended = bench.write(CART).darner("fix", "--no-model", "--python", "/nowhere/python", "--json")

    assert ended.code == 3
    assert "/nowhere/python" in ended.json()["error"]["message"]


def test_a_sandbox_that_there_is_not_is_named_with_those_that_there_are(bench: Bench) -> None:
    """A slip of the pen must not end in another sandbox than was meant."""
    ended = bench.write(CART).darner("fix", "--no-model", "--sandbox", "dokcer")

    assert ended.code == 2
    assert "'dokcer'" in ended.err
    assert "no-docker" in ended.err


def test_a_sandbox_that_is_asked_for_and_does_not_work_ends_with_the_reason(bench: Bench) -> None:
    """Never a silent downgrade, nor another one that is stronger."""
    name = "bubblewrap" if sys.platform == "darwin" else "seatbelt"
    ended = bench.write(CART).darner("fix", "--no-model", "--sandbox", name)

    assert ended.code == 3
    assert f"`{name}`" in ended.err
    assert "`auto`" in ended.err


def test_what_cannot_be_collected_or_set_up_is_reported_and_never_repaired_by_chance(bench: Bench) -> None:
    """Syntax errors, import errors and fixture errors are failures with a place, beside tests that work."""
    bench.write(
        {
            "broken.py": "def half(:\n    pass\n",
            "test_source_syntax.py": "import broken\n\n\ndef test_a():\n    assert broken\n",
            "test_own_syntax.py": "def test_b(:\n    pass\n",
            "test_missing_import.py": "import no_such_module_anywhere\n\n\ndef test_c():\n    pass\n",
            "test_fixture.py": """
                import pytest


                @pytest.fixture
                def basket():
                    raise RuntimeError("the basket has no bottom")


                def test_d(basket):
                    pass
                """,
            "test_fine.py": "def test_e():\n    pass\n",
        }
    )
    before = bench.snapshot()

    ended = bench.fix("--json", "--budget", "2")

    assert ended.code == 1, ended.err
    failures = ended.failures()
    assert set(failures) == {
        "test_source_syntax.py",
        "test_own_syntax.py",
        "test_missing_import.py",
        "test_fixture.py::test_d",
    }
    said = {
        nodeid: " ".join([f["explanation"]["summary"], *f["explanation"]["facts"]]) for nodeid, f in failures.items()
    }
    assert "no_such_module_anywhere" in said["test_missing_import.py"]
    assert "the basket has no bottom" in said["test_fixture.py::test_d"]
    assert "SyntaxError" in said["test_source_syntax.py"]
    assert "SyntaxError" in said["test_own_syntax.py"]
    assert bench.snapshot() == before


HOSTILE = {
    "pyproject.toml": "[tool.pytest.ini_options]\npythonpath = ['.']\n",
    "notes.txt": "mine\n",
    "test_hostile.py": """
        import os
        import signal
        import subprocess
        import sys
        from pathlib import Path


        def test_segfaults():
            os.kill(os.getpid(), signal.SIGSEGV)


        def test_exits():
            os._exit(0)


        def test_floods():
            for _ in range(20):
                print("x" * 1_000_000)
            assert False, "after the flood"


        def test_deletes():
            for path in Path(__file__).parent.iterdir():
                if path.is_file():
                    path.unlink()
            assert False, "all gone"


        def test_leaves_a_child():
            subprocess.Popen([sys.executable, "-c", "import time; time.sleep(4321.5)"], start_new_session=True)
            assert False, "left a child"


        def test_reads_stdin():
            assert sys.stdin.read() == "never"


        def test_fine():
            assert Path("notes.txt").read_text() == "mine\\n"
        """,
}


def test_hostile_tests_end_clearly_and_leave_nothing(bench: Bench) -> None:
    """Tests that crash, exit, flood, delete, fork or wait for input neither hide the others nor hurt the user."""
    bench.write(HOSTILE)
    before = bench.snapshot()

    ended = bench.fix("--json", "--budget", "1")

    assert ended.code == 1, ended.err
    failures = {nodeid.partition("::")[2]: failure for nodeid, failure in ended.failures().items()}
    assert set(failures) >= {"test_segfaults", "test_exits", "test_floods", "test_deletes", "test_leaves_a_child"}
    assert "test_reads_stdin" in failures
    assert "test_fine" not in failures
    assert all(failure["status"] in ("unrepaired", "flaky") for failure in failures.values())
    assert len(ended.out) < 2_000_000
    assert bench.snapshot() == before
    assert bench.leftovers() == []
    assert not [
        p for p in psutil.process_iter(["cmdline"]) if "time.sleep(4321.5)" in " ".join(p.info["cmdline"] or ())
    ]


@pytest.mark.slow
def test_a_test_that_hangs_is_stopped_and_named(bench: Bench) -> None:
    """The time limit ends it; the other tests still count."""
    bench.write({"test_hangs.py": "def test_hangs():\n    while True:\n        pass\n\n\ndef test_fine():\n    pass\n"})

    ended = bench.fix("--json", "--budget", "1")

    assert ended.code == 1, ended.err
    assert list(ended.failures()) == ["test_hangs.py::test_hangs"]


@pytest.mark.slow
def test_a_flaky_test_is_called_flaky(bench: Bench) -> None:
    """It fails, then passes, with nothing changed: no edit may take the credit."""
    bench.write(
        {
            "test_flaky.py": """
                import time


                def test_sometimes():
                    assert time.monotonic_ns() // 1_000 % 2 == 0
                """,
        }
    )
    for _ in range(24):  # it passes in half of the suite runs, and then there is nothing to report
        ended = bench.fix("--json", "--budget", "3")
        if failures := ended.failures():
            assert failures["test_flaky.py::test_sometimes"]["status"] in ("flaky", "unrepaired")
            if failures["test_flaky.py::test_sometimes"]["status"] == "flaky":
                assert ended.code == 1
                return
    pytest.fail("never called flaky in 24 runs")


def test_odd_places_repair_like_any_other(tmp_path: Path) -> None:
    """A path with blanks and letters outside ASCII, through a symlink, and no git anywhere."""
    bench = Bench(tmp_path, "mein käse é projekt").write(CART)
    link = tmp_path / "link to it"
    link.symlink_to(bench.root, target_is_directory=True)

    ended = bench.fix("--apply", "--json", folder=link)

    assert ended.code == 0, ended.err
    assert b"total >= 50" in (bench.root / "cart.py").read_bytes()


ENCODINGS = {
    "crlf.py": b"def crlf(total):\r\n    return total > 50  \r\n",
    "tabs.py": b"def tabs(total):\n\tif total:\n\t\treturn total > 50\n\treturn False",
    "bom.py": b"\xef\xbb\xbfdef bom(total):\n    return total > 50  # caf\xc3\xa9\n",
    "latin.py": b"# -*- coding: latin-1 -*-\nNAME = 'caf\xe9'\ndef latin(total):\n    return total > 50  # \xe9t\xe9\n",
}


@pytest.mark.slow
def test_line_ends_tabs_bom_and_latin_1_survive_a_repair(bench: Bench) -> None:
    """Only the edited token may differ; one repair in each of four files, applied together."""
    test = "from {0} import {0}\n\n\ndef test_{0}():\n    got = [{0}(total) for total in (1, 49, 50, 51, 99)]\n"
    test += "    assert got == [False, False, True, True, True]\n"
    names = [name.removesuffix(".py") for name in ENCODINGS]
    tests = {f"test_{name}.py": test.format(name) for name in names}
    bench.write({"pyproject.toml": CART["pyproject.toml"], **ENCODINGS, **tests})

    ended = bench.fix("--apply", "--json")

    assert ended.code == 0, ended.out
    for name, before in ENCODINGS.items():
        assert (bench.root / name).read_bytes() == before.replace(b"total > 50", b"total >= 50")


@pytest.mark.slow
def test_a_file_of_ten_thousand_lines(bench: Bench) -> None:
    """Size alone must not eat the budget."""
    filler = "".join(f"def filler_{n}(value):\n    return value + {n}\n\n\n" for n in range(2_500))
    bench.write(CART)
    bench.write({"cart.py": filler.encode() + (bench.root / "cart.py").read_bytes()})

    ended = bench.fix(TEST, "--json", "--budget", "120")

    assert ended.code == 0, ended.out
    assert ended.failures()[TEST]["status"] == "repaired"
