"""`make demo`: repair the example project with a small local model, on a copy in build/demo.

Runs the commands that a user would type, shows what they print, and fails when an expected ending is not reached.
"""

import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
COPY = HERE.parent / "build" / "demo"
MODEL = "qwen2.5-coder-0.5b"
EXPECTED = {
    "tests/test_prices.py::test_a_tier_starts_at_its_own_quantity": ("repaired", "mutation"),
    "tests/test_order.py::test_initials_of_a_customer": ("repaired", "model"),
    "tests/test_dates.py::test_a_reminder_goes_out_after_the_due_date": ("ambiguous", ""),
    "tests/test_money.py::test_allocate_loses_no_cent": ("repaired", "revert"),
}
"""How each failing test ends, and who finds the repair."""
TIER_TEST = "tests/test_prices.py::test_a_tier_starts_at_its_own_quantity"
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def main() -> int:
    began = time.monotonic()
    step("A copy of examples/orders, with its git history and the user's uncommitted edit")
    shutil.rmtree(COPY, ignore_errors=True)
    COPY.parent.mkdir(exist_ok=True)
    run("python", "examples/make_history.py", "build/demo", folder=HERE.parent)
    run("git", "--no-pager", "log", "--oneline")
    run("git", "status", "--short")
    step("The model: downloaded once, checked by SHA-256, kept for every project")
    run("darner", "model", "pull", MODEL)
    run("darner", "doctor", "--model", MODEL, may_fail=True)
    step("Repair every failing test")
    shown = run("darner", "fix", "--trust", "--model", MODEL, "--budget", "120", expected=1)
    wrong = unexpected(shown)
    step("Write one repair, see that it holds, and take it back")
    run("darner", "fix", TIER_TEST, "--no-model", "--apply")
    run("git", "--no-pager", "diff", "--stat")
    run("python", "-m", "pytest", "-q", TIER_TEST)
    run("darner", "undo")
    run("python", "-m", "pytest", "-q", "--tb=no", TIER_TEST, expected=1)
    for line in wrong:
        print(f"demo: {line}", file=sys.stderr)
    print(f"\nDone in {time.monotonic() - began:.0f} s. The copy is in {os.path.relpath(COPY)}.")
    return 1 if wrong else 0


def step(text: str) -> None:
    print(f"\n── {text} ──", flush=True)


def run(*words: str, folder: Path = COPY, expected: int = 0, may_fail: bool = False) -> str:
    """Show the command and its output; returns the output without colours. Ends the demo on another exit code."""
    print(f"\n$ {' '.join(words)}", flush=True)
    safe = [sys.executable, "-P"]
    tools = {"darner": [*safe, "-m", "darner.engine.cli"], "python": safe if folder != COPY else [sys.executable]}
    command = [*tools.get(words[0], words[:1]), *words[1:]]
    with subprocess.Popen(command, cwd=folder, env=environment(), stdout=subprocess.PIPE, text=True) as process:
        lines: list[str] = []
        for line in process.stdout or ():
            print(line, end="", flush=True)
            lines.append(ESCAPES.sub("", line))
    if process.returncode != expected and not may_fail:
        print(f"demo: `{' '.join(words)}` ended with {process.returncode}, not {expected}.", file=sys.stderr)
        sys.exit(1)
    return "".join(lines)


def environment() -> dict[str, str]:
    """Colours and width of the terminal, though the output passes through here."""
    size = {"COLUMNS": str(shutil.get_terminal_size((100, 24)).columns), "PYTHONDONTWRITEBYTECODE": "1", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    return {**os.environ, **size, **({"FORCE_COLOR": "1"} if sys.stdout.isatty() else {})}


def unexpected(shown: str) -> list[str]:
    """What ended otherwise than it should, as sentences."""
    wrong: list[str] = []
    parts = re.split(r"^(?=\S (?:repaired|ambiguous|not repaired|flaky)  )", shown, flags=re.MULTILINE)
    for nodeid, (status, origin) in EXPECTED.items():
        part = next((p for p in parts if p.partition("\n")[0].endswith(nodeid)), "")
        if f" {status}  {nodeid}" not in part:
            wrong.append(f"{nodeid} should have been {status}.")
        elif origin and not re.search(rf"others still pass; [0-9.]+ s; {origin}[: ]", " ".join(part.split())):
            wrong.append(f"{nodeid} should have been repaired by {origin}.")
    return wrong


if __name__ == "__main__":
    sys.exit(main())
