"""Which comparison an assert failed by, and which side of it is what the test expects.

Runs inside the sandbox in the user's interpreter (Python 3.9 to 3.14); standard library only, loaded by child.py.
pytest tells the operands of every comparison in a failed assert, true ones and those under a `not` as well: they
account for the failure only where the comparison is all that the assert asserts.
"""

from __future__ import annotations

import ast
from typing import Any, Dict, Optional, Tuple, Type

Compare = Tuple[str, str, str]
Asserts = Dict[str, Dict[int, Optional[ast.Compare]]]
"""By path, then by line: what is asserted there; None for two asserts on one line."""

_REWRITTEN = "@pytest_ar"
"""A name of each function whose asserts pytest has rewritten: others tell no operands."""
_SIGNS: Dict[Type[ast.cmpop], str] = {
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.In: "in",
    ast.NotIn: "not in",
    ast.Is: "is",
    ast.IsNot: "is not",
}


def accounting(error: BaseException, told: Optional[Compare], known: Asserts) -> Optional[Compare]:
    """The operands that pytest told last, of `==` with what the test got first; None where more was asserted."""
    asserted = _asserted(error, known) if told is not None else None
    if told is None or asserted is None:
        return None
    links = zip([asserted.left] + asserted.comparators, asserted.ops, asserted.comparators)
    alike = [(left, right) for left, sign, right in links if _SIGNS[type(sign)] == told[0]]
    turned = {told[0] == "==" and _is_expected(left) and not _is_expected(right) for left, right in alike}
    if len(turned) != 1:  # a chain: which of its links failed is not known
        return None
    return (told[0], told[2], told[1]) if True in turned else told


def _asserted(error: BaseException, known: Asserts) -> Optional[ast.Compare]:
    """The comparison that the assert which raised consists of."""
    trace: Any = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if not isinstance(error, AssertionError) or trace is None:
        return None
    code = trace.tb_frame.f_code
    if _REWRITTEN not in code.co_names:
        return None
    if code.co_filename not in known:
        known[code.co_filename] = _asserts(code.co_filename)
    return known[code.co_filename].get(trace.tb_lineno)


def _asserts(path: str) -> Dict[int, Optional[ast.Compare]]:
    try:
        with open(path, "rb") as file:
            tree = ast.parse(file.read())
    except (OSError, SyntaxError, ValueError):
        return {}
    found: Dict[int, Optional[ast.Compare]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assert):
            alone = node.lineno not in found and isinstance(node.test, ast.Compare)
            found[node.lineno] = node.test if alone and isinstance(node.test, ast.Compare) else None
    return found


def _is_expected(node: ast.expr) -> bool:
    """A literal, `approx(...)`, or a name that says so."""
    if isinstance(node, ast.Call):
        return ast.unparse(node.func).endswith("approx")
    if isinstance(node, ast.Name):
        return node.id.startswith("expect")
    try:
        ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return False
    return True
