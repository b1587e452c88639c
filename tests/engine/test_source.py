"""Sources as exact bytes: positions, functions and splices in every encoding that Python reads."""

from __future__ import annotations

import ast

import pytest
from darner.engine.errors import BadInput
from darner.engine.source import Source
from hypothesis import given
from hypothesis import strategies as st

PLAIN = """\
import functools


class Cart:
    @property
    def total(self):
        "Sum — of ünits."
        return sum(self.items, 0)

    @functools.cache
    @staticmethod
    def rate(land='é'):
        def inner(x):
            return x + 1
        return inner(len(land))


def last(xs): return xs[-1]
"""
NARROW = PLAIN.replace("—", "-")
FORMS = {
    "utf-8": PLAIN.encode(),
    "bom": b"\xef\xbb\xbf" + PLAIN.encode(),
    "crlf": PLAIN.replace("\n", "\r\n").encode(),
    "old mac": PLAIN.replace("\n", "\r").encode(),
    "latin-1": ("# -*- coding: latin-1 -*-\n" + NARROW).encode("latin-1"),
    "cp1252 crlf": ("# coding: cp1252\n" + PLAIN).replace("\n", "\r\n").encode("cp1252"),
    "shift-jis": ("# coding: shift_jis\n" + NARROW.replace("ü", "日本").replace("é", "語")).encode("shift_jis"),
    "tabs": PLAIN.replace("    ", "\t").encode(),
    "form feed": PLAIN.replace("\n\n\n", "\n\x0c\n\n").encode(),
    "no final newline": PLAIN.rstrip("\n").encode(),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_node_span_reads_back_as_that_node(form: str) -> None:
    """A span that is off by one byte would cut the user's code in two."""
    source = Source.parse("cart.py", FORMS[form])
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Name):
            assert source.text(node) == node.id
        elif isinstance(node, ast.Constant):
            assert ast.literal_eval(source.text(node)) == node.value
        elif isinstance(node, ast.FunctionDef):
            assert source.text(node).startswith(f"def {node.name}(")


@pytest.mark.parametrize("form", FORMS)
def test_splicing_one_node_leaves_every_other_byte(form: str) -> None:
    """What the user did not ask to change does not change."""
    source = Source.parse("cart.py", FORMS[form])
    for node in ast.walk(source.tree):
        if isinstance(node, ast.expr):
            start, end = source.span(node)
            new = source.splice([(start, end, "ZZ")])
            assert new == source.data[:start] + b"ZZ" + source.data[end:]


@pytest.mark.parametrize("form", FORMS)
def test_a_function_replaced_by_its_own_text_gives_the_same_bytes(form: str) -> None:
    """Dedenting for a model and indenting back loses nothing, decorators and line ends included."""
    source = Source.parse("cart.py", FORMS[form])
    for function in source.functions():
        assert source.replace_function(function, source.text_of(function)) == source.data


def test_functions_are_found_with_their_names_and_lines() -> None:
    """Decorators belong to the function, nested functions have their own entry."""
    functions = Source.parse("cart.py", PLAIN.encode()).functions()
    assert [(f.qualname, f.first_line, f.def_line, f.body_line, f.end_line) for f in functions] == [
        ("Cart.total", 5, 6, 7, 8),
        ("Cart.rate", 10, 12, 13, 15),
        ("Cart.rate.<locals>.inner", 13, 13, 14, 14),
        ("last", 18, 18, 18, 18),
    ]


def test_the_innermost_function_answers_for_a_line() -> None:
    """A decorator's line counts as the function's; a line between functions as nobody's."""
    source = Source.parse("cart.py", PLAIN.encode())
    found = {line: f.qualname if (f := source.function_at(line)) else None for line in (1, 5, 8, 14, 15, 18)}
    names = {1: None, 5: "Cart.total", 8: "Cart.total", 14: "Cart.rate.<locals>.inner", 15: "Cart.rate", 18: "last"}
    assert found == names


def test_a_models_text_takes_the_functions_place_and_keeps_its_decorators() -> None:
    """Models forget decorators and indent as they like."""
    source = Source.parse("cart.py", FORMS["crlf"])
    total = source.functions()[0]
    new = source.replace_function(total, "\n  def total(self):\n      x = 1\n\n      return x\n\n")
    body = b"def total(self):\r\n        x = 1\r\n\r\n        return x\r\n"
    assert b"    @property\r\n    " + body + b"\r\n    @functools" in new


def test_a_models_own_decorators_replace_the_old_ones() -> None:
    """A model that writes decorators means them."""
    source = Source.parse("cart.py", PLAIN.encode())
    new = source.replace_function(source.functions()[0], "@functools.cached_property\ndef total(self):\n    return 1\n")
    assert b"@property" not in new
    assert b"    @functools.cached_property\n    def total(self):\n        return 1\n" in new


def test_a_multi_line_string_in_a_models_text_is_not_reindented() -> None:
    """Its white space is part of the program."""
    source = Source.parse("a.py", b"class A:\n    def f(self):\n        return ''\n")
    text = 'def f(self):\n    return """a\n  b\nc"""\n'
    new = Source.parse("a.py", source.replace_function(source.functions()[0], text))
    strings = [n.value for n in ast.walk(new.tree) if isinstance(n, ast.Constant)]
    assert strings == ["a\n  b\nc"]


def test_a_models_spaces_become_tabs_where_the_file_has_tabs() -> None:
    """Mixed indentation would be a syntax error, or a diff that nobody wants."""
    source = Source.parse("a.py", b"class A:\n\tdef f(self):\n\t\treturn 1\n")
    new = source.replace_function(source.functions()[0], "def f(self):\n    if self:\n        return 2\n    return 1\n")
    assert new == b"class A:\n\tdef f(self):\n\t\tif self:\n\t\t\treturn 2\n\t\treturn 1\n"


def test_a_models_text_that_does_not_parse_is_refused() -> None:
    """The file stays a Python file."""
    source = Source.parse("cart.py", PLAIN.encode())
    with pytest.raises(BadInput, match=r"cart\.py:\d+: "):
        source.replace_function(source.functions()[0], "def total(self:\n")


def test_a_letter_that_the_encoding_cannot_hold_is_refused_by_name() -> None:
    """Writing `?` instead would corrupt the file silently."""
    source = Source.parse("cart.py", FORMS["latin-1"])
    with pytest.raises(BadInput, match="cannot hold '€'"):
        source.splice([(0, 0, "€")])


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"x = 1\ndef broken(:\n", r"a\.py:2: "),
        (b"# coding: klingon\n", r"a\.py:1: "),
        (b"x = '\xff'\n", r"a\.py:1: "),
        (b"x = 1\n\0", r"a\.py:1: "),
        (b"(" * 5000, r"a\.py:1: "),
    ],
)
def test_bytes_that_are_not_python_are_one_sentence_with_file_and_line(data: bytes, message: str) -> None:
    """The user sees where, not a traceback."""
    with pytest.raises(BadInput, match=message):
        Source.parse("a.py", data)


@pytest.mark.parametrize("data", [b"", b"\n", b"\xef\xbb\xbf", b"# only a comment"])
def test_a_file_without_code_has_no_functions(data: bytes) -> None:
    """Empty files are files."""
    source = Source.parse("a.py", data)
    assert source.functions() == ()
    assert source.function_at(1) is None
    assert source.splice([]) == data


@given(st.lists(st.tuples(st.integers(0, 200), st.integers(0, 8), st.text(max_size=4)), max_size=6))
def test_splices_compose_like_cutting_the_bytes_by_hand(wanted: list[tuple[int, int, str]]) -> None:
    """Every byte outside the edits survives, in order."""
    source = Source.parse("cart.py", PLAIN.encode())
    edits: list[tuple[int, int, str]] = []
    at = 0
    for start, length, text in sorted(wanted):
        if start >= at:
            edits.append((start, start + length, text.encode("utf-8", "ignore").decode()))
            at = start + length
    expected, at = b"", 0
    for start, end, text in edits:
        expected += source.data[at:start] + text.encode()
        at = end
    assert source.splice(edits) == expected + source.data[at:]


def test_overlapping_splices_are_a_programming_error() -> None:
    """Two edits of one byte have no meaning."""
    with pytest.raises(ValueError, match="overlap"):
        Source.parse("a.py", b"abc\n").splice([(0, 2, "x"), (1, 3, "y")])


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("def f(a):\n    ...\n", "def f(a):\n    return a\n"),
        ("def f(a): ...\n\n\nx = 1\n", "def f(a):\n    return a\n\n\nx = 1\n"),
        ("def f(a): 'Doc.'\n", "def f(a):\n    'Doc.'\n    return a\n"),
        ('def f(a):\n  """Doc."""\n', 'def f(a):\n  """Doc."""\n  return a\n'),
        ('def f(a):\n    """Doc."""', 'def f(a):\n    """Doc."""\n    return a'),
        ('def f(a):\n    """Doc."""; ...\n', 'def f(a):\n    """Doc."""\n    return a\n'),
        (
            'def f(a):\r\n\t"""A\r\n  \r\n\tB."""\r\n\t# why\r\n\tpass  # to do\r\n',
            'def f(a):\r\n\t"""A\r\n  \r\n\tB."""\r\n\t# why\r\n\treturn a\r\n',
        ),
        (
            "class A:\n    @x\n    async def f(self, a):\n        pass\n",
            "class A:\n    @x\n    async def f(self, a):\n        return a\n",
        ),
    ],
)
def test_a_body_is_replaced_and_every_byte_of_the_header_stays(before: str, after: str) -> None:
    """A stub's docstring and signature are the user's words."""
    source = Source.parse("a.py", before.encode())

    data = source.replace_body(source.functions()[0], "    return a\n").decode()

    assert data == after
