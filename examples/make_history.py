"""Copy an example project to a new folder, with a git history: orders (unless named otherwise), parcels or stations.

    python examples/make_history.py FOLDER [PROJECT]

The repository holds plain files in their delivered state; patches, taken back and put in again, make the past.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
COMMITS = {
    "orders": (
        (
            "2024-03-04T09:12:00+00:00",
            "Count money in cents",
            ("pyproject.toml", "README.md", "orders/__init__.py", "*money.py"),
        ),
        (
            "2024-03-11T15:40:00+00:00",
            "Add the catalogue, prices and orders",
            ("*catalogue.py", "*prices.py", "*order.py", "*conftest.py", "*customer.py"),
        ),
        ("2024-04-02T10:05:00+00:00", "Add due dates and invoices", ("*dates.py", "*invoice.py")),
        ("2024-05-16T13:27:00+00:00", "Read orders that customers send as text", ("*importer.py",)),
    ),
    "parcels": (
        (
            "2025-01-20T08:30:00+00:00",
            "Keep answers for a while",
            ("pyproject.toml", "README.md", "parcels/__init__.py", "*memory.py"),
        ),
        ("2025-01-23T17:05:00+00:00", "Ask carriers, several at a time", (".",)),
    ),
    "stations": (
        (
            "2025-02-03T11:00:00+00:00",
            "Find and fill gaps",
            ("pyproject.toml", "README.md", "stations/__init__.py", "*gaps.py"),
        ),
        ("2025-02-10T14:45:00+00:00", "Means, smoothing and outliers", (".",)),
    ),
}
"""When, what, and which files came with it."""
LAST = {
    "orders": ("2024-06-03T11:48:00+00:00", "Keep the quantity discounts in one table", "orders-tiers.patch"),
    "parcels": ("2025-03-02T09:20:00+00:00", "Simplify retries and the service", "parcels-simplify.patch"),
    "stations": ("2025-03-05T16:10:00+00:00", "Name the axes alike", "stations-axes.patch"),
}
"""The last commit, and the patch that it is."""
UNCOMMITTED = {"orders": "orders-uncommitted.patch"}
"""What the user has changed since."""


def make_history(folder: Path, project: str = "orders") -> None:
    """`folder` must not exist yet."""
    shutil.copytree(HERE / project, folder, ignore=shutil.ignore_patterns("__pycache__", ".pytest_cache"))
    git(folder, "init", "--quiet", "--initial-branch=main")
    when, subject, last = LAST[project]
    after = [last, *filter(None, [UNCOMMITTED.get(project)])]
    for patch in reversed(after):
        git(folder, "apply", "--reverse", str(HERE / "history" / patch))
    for moment, what, files in COMMITS[project]:
        git(folder, "add", "--", *files)
        commit(folder, moment, what)
    git(folder, "apply", str(HERE / "history" / last))
    commit(folder, when, subject)
    for patch in after[1:]:
        git(folder, "apply", str(HERE / "history" / patch))


def commit(folder: Path, when: str, subject: str) -> None:
    git(folder, "commit", "--quiet", "--all", "--message", subject, date=when)


def git(folder: Path, *words: str, date: str = "") -> None:
    """Run git without the user's configuration, so that hooks and signing keys stay out of it."""
    own = {
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_SYSTEM": os.devnull,
        "GIT_CEILING_DIRECTORIES": str(folder.parent),
    }
    names = {f"GIT_{role}_{what}": text for role in ("AUTHOR", "COMMITTER") for what, text in PERSON.items()}
    dates = {"GIT_AUTHOR_DATE": date, "GIT_COMMITTER_DATE": date} if date else {}
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    subprocess.run(["git", *words], cwd=folder, check=True, env={**kept, **own, **names, **dates})


PERSON = {"NAME": "Ada Example", "EMAIL": "ada@example.org"}


if __name__ == "__main__":
    make_history(Path(sys.argv[1]).resolve(), *sys.argv[2:3])
