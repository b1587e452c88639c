"""Where an unexpected exception came from, in one line that holds no value of the user's program."""

from __future__ import annotations

import traceback
from pathlib import PurePath

FRAMES = 6


def where(error: BaseException, frames: int = FRAMES) -> str:
    """`KeyError at lsp/hover.py:31 in _section, lsp/hover.py:20 in hover`: the innermost frames, innermost first.

    The exception's message is left out: it may quote source or run-time values, and logs hold neither.
    """
    stack = traceback.extract_tb(error.__traceback__)[-frames:]
    places = [f"{'/'.join(PurePath(f.filename).parts[-2:])}:{f.lineno} in {f.name}" for f in reversed(stack)]
    return type(error).__name__ + (f" at {', '.join(places)}" if places else "")
