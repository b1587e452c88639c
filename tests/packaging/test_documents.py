"""The documents name what is there: a map of a tree that has moved on is worse than none."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("lsp", "engine", "sandbox", "training")


def mapped() -> dict[str, set[str]]:
    """Modules that the file map of ARCHITECTURE.md names, by folder."""
    found: dict[str, set[str]] = {}
    folder = ""
    for line in (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8").splitlines():
        if row := re.match(r"\|([^|]*)\|[^|]*\|(.*)\|$", line):
            named = re.search(r"`(\w+)/`", row.group(1))
            folder = named.group(1) if named else "" if row.group(1).strip() else folder
            found.setdefault(folder, set()).update(re.findall(r"`(\w+)`", row.group(2)))
    return found


@pytest.mark.parametrize("folder", FOLDERS)
def test_the_file_map_names_every_module_and_no_other(folder: str) -> None:
    """ARCHITECTURE.md is where a newcomer looks first."""
    modules = {path.stem for path in (ROOT / folder).glob("*.py")} - {"__init__"}

    assert mapped()[folder] == modules


@pytest.mark.parametrize("name", ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md"])
def test_links_and_targets_in_a_document_exist(name: str) -> None:
    """A dead link or a `make` target that is gone costs every reader the same minute."""
    text = (ROOT / name).read_text(encoding="utf-8")
    links = [link for link in re.findall(r"\]\(([^)#]+)", text) if "://" not in link]
    targets = re.findall(r"^    make ([a-z-]+)|`make ([a-z-]+)", text, re.MULTILINE)
    rules = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)

    assert [link for link in links if not (ROOT / link).exists()] == []
    assert [t for pair in targets for t in pair if t and t not in rules] == []
