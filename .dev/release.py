"""`make release-check`: is this commit fit to be released? Every step says what it saw; the first that fails ends it.

    versions ─▶ builds, twice ─▶ a clean environment ─▶ licences ─▶ bill of materials ─▶ the main job from there

What was built is left in build/release. It needs the package index, and npm for the extension.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
import tempfile
import tomllib
from pathlib import Path

from dist import ROOT, ReleaseError, build, build_extension, digest, run
from licences import incompatible, installed

OUT = ROOT / "build" / "release"
TEST = "tests/test_prices.py::test_a_tier_starts_at_its_own_quantity"


def main() -> int:
    try:
        print(f"version {agreed_version()}: pyproject.toml, package.json, CITATION.cff and CHANGELOG.md agree")
        wheel = built_twice()
        python = clean_environment(wheel)
        say_licences(python)
        write_bill(python)
        main_job(python)
    except ReleaseError as error:
        print(f"release-check: {error}", file=sys.stderr)
        return 1
    print(f"Fit to be released; everything is in {OUT.relative_to(ROOT)}.")
    return 0


# Versions


def agreed_version() -> str:
    """The one version, when all places name it and it follows from what the changelog says."""
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    package = json.loads((ROOT / "editors" / "vscode" / "package.json").read_text(encoding="utf-8"))
    citation = re.search(r"^version: (\S+)$", (ROOT / "CITATION.cff").read_text(encoding="utf-8"), re.MULTILINE)
    log = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    found = {
        "pyproject.toml": pyproject["project"]["version"],
        "package.json": package["version"],
        "CITATION.cff": citation.group(1) if citation else "none",
        "CHANGELOG.md": due_version(log),
    }
    if len(set(found.values())) != 1:
        told = ", ".join(f"{place} {version}" for place, version in found.items())
        raise ReleaseError(f"The versions differ: {told}. Write the one that CHANGELOG.md asks for into all of them.")
    return found["pyproject.toml"]


def due_version(log: str) -> str:
    """What the newest section has to be called: by its headings, from the version before it (CONTRIBUTING.md)."""
    sections = re.split(r"^## ", log, flags=re.MULTILINE)[1:]
    named = re.search(r"\d+\.\d+\.\d+", sections[0].partition("\n")[0])
    if named is None:
        raise ReleaseError("The first section of CHANGELOG.md names no version, as in `## Unreleased: 0.2.0`.")
    if len(sections) == 1:
        return named.group()
    before = re.search(r"(\d+)\.(\d+)\.(\d+)", sections[1].partition("\n")[0])
    if before is None:
        raise ReleaseError("The second section of CHANGELOG.md names no version.")
    major, minor, patch = map(int, before.groups())
    kinds = set(re.findall(r"^### (\w+)", sections[0], re.MULTILINE))
    if "Removed" in kinds or "Breaking" in kinds:
        return f"{major + 1}.0.0" if major else f"0.{minor + 1}.0"
    return f"{major}.{minor + 1}.0" if kinds & {"Added", "Changed", "Deprecated"} else f"{major}.{minor}.{patch + 1}"


# Builds


def built_twice() -> Path:
    """Both times the same bytes. Returns the wheel."""
    shutil.rmtree(OUT, ignore_errors=True)
    first, again = build(OUT / "dist"), build(OUT / "again")
    extensions = [build_extension(OUT / "dist"), build_extension(OUT / "again")]
    for one, other in zip([*first, extensions[0]], [*again, extensions[1]], strict=True):
        if one is None or other is None:
            print("the extension was not built: npm was not found")
        elif digest(one) != digest(other):
            raise ReleaseError(f"{one.name} differs between two builds of the same files; `diffoscope` shows where.")
        else:
            print(f"{one.name}: {one.stat().st_size:,} bytes, sha256 {digest(one)}, twice the same")
    shutil.rmtree(OUT / "again")
    return next(path for path in first if path.suffix == ".whl")


# The environment of a new user


def clean_environment(wheel: Path) -> Path:
    """An environment of its own with the wheel, its dependencies, and the llama.cpp that set-up built."""
    place = OUT / "clean"
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "darner" / "wheels"
    run([sys.executable, "-m", "venv", str(place)])
    python = place / "bin" / "python"
    found = [f"--find-links={folder}" for folder in sorted(cache.glob("*")) if folder.is_dir()]
    options = ["--quiet", "--disable-pip-version-check", "-c", str(ROOT / "constraints.txt"), f"--find-links={cache}"]
    run([str(python), "-m", "pip", "install", *options, *found, f"{wheel}[model]"])
    print(f"installed into a clean environment: {run([str(place / 'bin' / 'darner'), '--version']).strip()}")
    return python


def say_licences(python: Path) -> None:
    found = installed(python)
    if wrong := incompatible(found):
        raise ReleaseError(f"Licences that are not known to go with Apache-2.0: {'; '.join(wrong)}.")
    lines = "".join(f"{name} {version}: {licence}\n" for name, (version, licence) in found.items())
    (OUT / "licences.txt").write_text(lines, encoding="utf-8")
    print(f"licences of {len(found)} packages go with Apache-2.0 (licences.txt)")


def write_bill(python: Path) -> None:
    """A CycloneDX bill of what the clean environment holds, by a tool in an environment of its own."""
    tools = OUT / "tools"
    run([sys.executable, "-m", "venv", str(tools)])
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    pip = [str(tools / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    run([*pip, "-c", "constraints.txt", "-c", "constraints-docs.txt", *extras["release"]])
    bill = OUT / "darner.cdx.json"
    run([str(tools / "bin" / "cyclonedx-py"), "environment", "--output-reproducible", "-o", str(bill), str(python)])
    parts = json.loads(bill.read_text(encoding="utf-8"))["components"]
    print(f"bill of materials with {len(parts)} components (CycloneDX, darner.cdx.json)")


def main_job(python: Path) -> None:
    """The installed command repairs a failing test of the example project, in a folder that knows nothing of us."""
    with tempfile.TemporaryDirectory(prefix="darner-release-") as folder:
        project = Path(folder, "orders")
        run([sys.executable, str(ROOT / "examples" / "make_history.py"), str(project)])
        command = [str(python.parent / "darner"), "fix", TEST, "--no-model", "--json", "--python", sys.executable]
        report = json.loads(run(command, cwd=project))
    (failure,) = report["failures"]
    print(f"the installed command: {failure['status']}, {failure['description']}, {failure['seconds']} s")


if __name__ == "__main__":
    sys.exit(main())
