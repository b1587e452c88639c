"""A hook of mkdocs: documents outside docs/ become pages, links between files become links between pages.

Nothing is copied: README.md stays the one text that a forge shows and that is the site's first page. A link to a file
that is no page (source code, a result file outside docs/) becomes plain text.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parent.parent
PAGES = {
    "index.md": "README.md",
    "editors.md": "editors/README.md",
    "architecture.md": "ARCHITECTURE.md",
    "contributing.md": "CONTRIBUTING.md",
    "security.md": "SECURITY.md",
    "changelog.md": "CHANGELOG.md",
}
"""Of the site, and the file each is made of."""
_LINK = re.compile(r"(!?)\[((?:[^\]\[]|\[[^\]]*\](?:\([^)]*\))?)*)\]\(([^)\s]+)\)")
_CODE = re.compile(r"`[^`\n]+`")
"""Python-Markdown shows the backslash that a forge needs before a bar in a table's code."""
_FETCHED = re.compile(
    r'<(?:script|img|iframe)[^>]*\ssrc="?(https?:|//)|<link[^>]*rel="?stylesheet[^>]*href="?(https?:|//)'
)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    for page, source in PAGES.items():
        files.append(File.generated(config, page, content=(ROOT / source).read_text(encoding="utf-8")))
    return files


def on_page_markdown(markdown: str, page: Page, **_: Any) -> str:  # noqa: ANN401 - mkdocs' own keywords
    source = ROOT / PAGES.get(page.file.src_uri, f"docs/{page.file.src_uri}")
    linked = _LINK.sub(lambda link: _rewritten(link, source), markdown)
    return _CODE.sub(lambda code: code.group().replace("\\|", "|"), linked)


def on_post_page(output: str, page: Page, **_: Any) -> str:  # noqa: ANN401
    """The site is read where there is no network."""
    if fetched := _FETCHED.search(output):
        raise PluginError(f"{page.file.src_uri} fetches something from the network: {fetched.group()}")
    return output


def _rewritten(link: re.Match[str], source: Path) -> str:
    mark, text, target = link.groups()
    if "://" in target or target.startswith(("#", "mailto:")):
        return link.group()
    path, hash_, anchor = target.partition("#")
    found = (source.parent / path).resolve()
    if not found.exists():
        raise PluginError(f"{source.relative_to(ROOT)} links to {target}, which does not exist.")
    inside = _page_of(found)
    return (
        f"{mark}[{_LINK.sub(lambda inner: _rewritten(inner, source), text)}]({inside}{hash_}{anchor})"
        if inside
        else text
    )


def _page_of(found: Path) -> str:
    """Where the site has this file, from its top; empty when it does not. All pages lie at the top."""
    named = {ROOT / source: page for page, source in PAGES.items()}
    docs = ROOT / "docs"
    if found in named:
        return named[found]
    return os.path.relpath(found, docs) if found.is_file() and found.is_relative_to(docs) else ""
