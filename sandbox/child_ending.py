"""The last stop of a forked child: its exit code is what its work gave, and nothing of its parent goes on in it.

Runs inside the sandbox in the user's interpreter (Python 3.9 to 3.14); standard library only, loaded by child.py.
"""

from __future__ import annotations

import os
import sys
from typing import Any, Callable


def leave(work: Callable[[], int]) -> Any:
    """Never returns."""
    code = 70
    try:
        code = work()
        sys.stdout.flush()
        sys.stderr.flush()
    except SystemExit as ending:
        code = ending.code if isinstance(ending.code, int) else 1
    except BaseException:  # boundary: the traceback is its output
        import traceback

        traceback.print_exc()
    finally:
        os._exit(code)
