"""A value is read as it is, by those who see Markdown and by those who see its text."""

from __future__ import annotations

import pytest
from darner.lsp.markup import code, escaped, plain
from hypothesis import example, given
from hypothesis import strategies as st


@given(st.text(alphabet=st.sampled_from("ab_*\\[]()<>#~&;:-. \n"), max_size=40))
@example("2**3")
@example("C:\\new\\_x")
def test_a_client_without_markdown_reads_the_value_itself(value: str) -> None:
    """`2**3` must not become `23`."""
    assert plain(escaped(value)) == value
    assert plain(f"**{escaped(value)}**") == value or "\n" in value
    assert plain(code(value)) == code(value)


@pytest.mark.parametrize("value", ["test_a_tier starts", "[1, 2]", "a - b = {'k': 1}", "C:\\new", "x > y"])
def test_a_value_that_is_no_mark_up_is_left_alone(value: str) -> None:
    """Some editors show the backslashes."""
    assert escaped(value) == value


@pytest.mark.parametrize("value", ["__init__", "*x*", "<b>", "[1](2)", "# x", "> x", "~~x~~", "&lt;", "[x]: y"])
def test_a_value_that_would_be_mark_up_is_not(value: str) -> None:
    """A repr is data: it must not become a link or a tag."""
    assert "\\" in escaped(value)
