"""A docstring's interactive examples as tests: each a plain assert where that says the same, else all as one doctest.

    >>> half(4)          def test_1():
    2             ─▶         assert half(4) == 2

The asserts are what a user's tests look like, so that is what a model is shown. The tests stand apart from the code,
which may lose its docstring.
"""

from __future__ import annotations

import ast
import doctest

from .bench import statements_as_tests

_AS_ONE = """\
import doctest
import solution

EXAMPLES = {docstring!r}


def test_examples():
    said = []
    case = doctest.DocTestParser().get_doctest(EXAMPLES, dict(vars(solution)), {name!r}, "{name}.py", 0)
    runner = doctest.DocTestRunner(verbose=False)
    runner.run(case, out=said.append)
    if runner.failures:
        raise AssertionError("".join(said))
"""


def as_one(name: str, docstring: str) -> str:
    """One test that runs all examples as doctest does."""
    return _AS_ONE.format(docstring=docstring, name=name)


def is_one(tests: str) -> bool:
    """Whether these are a docstring's examples as one test, which says nothing that the docstring does not."""
    return tests.startswith(_AS_ONE.partition("{")[0])


def as_asserts(code: str, docstring: str) -> str:
    """A test for each example that states a value. Raises ValueError where an example states it in another way.

    Examples that raise are left out. Whether the tests say what the examples say, only running the known solution
    tells: an example may need what an earlier one did.
    """
    examples = doctest.DocTestParser().get_examples(docstring)
    return statements_as_tests(code, "\n".join(_statement(each) for each in examples if each.exc_msg is None))


def _statement(example: doctest.Example) -> str:
    if example.options:
        raise ValueError("example has directives")
    if not example.want:
        return example.source
    try:
        said = ast.parse(example.source.strip(), mode="eval").body
    except SyntaxError:
        raise ValueError("statement prints") from None
    return _equal(said, example.want.rstrip("\n"))


def _equal(said: ast.expr, want: str) -> str:
    match said:
        case ast.Call(func=ast.Name(id="print"), args=[shown], keywords=[]):
            return f"assert str({ast.unparse(shown)}) == {want!r}"
        case _:
            return _values(ast.unparse(said), want)


def _values(said: str, want: str) -> str:
    try:
        return f"assert {said} == {ast.literal_eval(want)!r}"
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return f"assert repr({said}) == {want!r}"
