"""Copy the example project to a new folder, with a git history and the user's own uncommitted edit.

    python examples/make_history.py FOLDER

The repository holds plain files in their delivered state; two patches, taken back and put in again, make the past.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
COMMITS = (
    ("2024-03-04T09:12:00+00:00", "Count money in cents", ("pyproject.toml", "README.md", "orders/__init__.py", "*money.py")),
    ("2024-03-11T15:40:00+00:00", "Add the catalogue, prices and orders", ("*catalogue.py", "*prices.py", "*order.py", "*conftest.py", "*customer.py")),
    ("2024-04-02T10:05:00+00:00", "Add due dates and invoices", ("*dates.py", "*invoice.py")),
    ("2024-05-16T13:27:00+00:00", "Read orders that customers send as text", ("*importer.py",)),
)
"""When, what, and which files came with it."""
TIERS = ("2024-06-03T11:48:00+00:00", "Keep the quantity discounts in one table")


def make_history(folder: Path) -> None:
    """`folder` must not exist yet."""
    shutil.copytree(HERE / "orders", folder, ignore=shutil.ignore_patterns("__pycache__", ".pytest_cache"))
    git(folder, "init", "--quiet", "--initial-branch=main")
    git(folder, "apply", "--reverse", str(HERE / "history" / "uncommitted.patch"))
    git(folder, "apply", "--reverse", str(HERE / "history" / "tiers.patch"))
    for when, subject, files in COMMITS:
        git(folder, "add", "--", *files)
        commit(folder, when, subject)
    git(folder, "apply", str(HERE / "history" / "tiers.patch"))
    commit(folder, *TIERS)
    git(folder, "apply", str(HERE / "history" / "uncommitted.patch"))


def commit(folder: Path, when: str, subject: str) -> None:
    git(folder, "commit", "--quiet", "--all", "--message", subject, date=when)


def git(folder: Path, *words: str, date: str = "") -> None:
    """Run git without the user's configuration, so that hooks and signing keys stay out of it."""
    own = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull, "GIT_CEILING_DIRECTORIES": str(folder.parent)}
    names = {f"GIT_{role}_{what}": text for role in ("AUTHOR", "COMMITTER") for what, text in PERSON.items()}
    dates = {"GIT_AUTHOR_DATE": date, "GIT_COMMITTER_DATE": date} if date else {}
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    subprocess.run(["git", *words], cwd=folder, check=True, env={**kept, **own, **names, **dates})


PERSON = {"NAME": "Ada Example", "EMAIL": "ada@example.org"}


if __name__ == "__main__":
    make_history(Path(sys.argv[1]).resolve())
