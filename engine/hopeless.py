"""Whether a text that is still being written can become Python."""

from __future__ import annotations

import ast
import textwrap
import warnings

_MAY_GO_ON = 0x4000
"""PyCF_ALLOW_INCOMPLETE_INPUT of CPython 3.11 to 3.14, which codeop uses and exports from 3.13 on only."""


def is_hopeless(lines: str) -> bool:
    """No text that begins with these whole lines is Python; for an indented block, once it is dedented.

    By the grammar of the interpreter that runs this, as the finished text is judged.
    """
    flags = ast.PyCF_ONLY_AST | _MAY_GO_ON
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a doubtful escape in the model's text is not our user's concern
            compile(textwrap.dedent(lines), "<model>", "exec", flags, dont_inherit=True)
    except SyntaxError as error:
        return "incomplete input" not in str(error)
    except ValueError:  # a null byte
        return True
    except (MemoryError, RecursionError):
        return False
    return False
