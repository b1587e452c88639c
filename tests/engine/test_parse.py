"""Whatever shape a model's answer has, the function in it lands where the old one stood, or nothing does."""

from __future__ import annotations

import textwrap

import pytest
from darner.engine.parse import Unusable, body_from, patch_from
from darner.engine.source import Source

FILE = b"""\
'''Ages.'''


class Family:
    def oldest(self, ages):
        return min(ages)

    def size(self):
        return 2
""".replace(b"\n", b"\r\n")
ANSWER = "def oldest(self, ages):\n    return max(ages)\n"
EXPECTED = FILE.replace(b"min", b"max")
SHAPES = {
    "fenced": f"```python\n{ANSWER}```",
    "an unclosed fence": f"```python\n{ANSWER}",
    "a fence without a language": f"```\n{ANSWER}\n```\nDone.",
    "words around it": f"Here is the repair:\n\n```python\n{ANSWER}```\nIt takes the largest.",
    "no fence at all": ANSWER,
    "inside its class": "```python\nclass Family:\n    def oldest(self, ages):\n        return max(ages)\n```",
    "indented": "```python\n    def oldest(self, ages):\n        return max(ages)\n```",
    "after a broken block": f"```python\ndef oldest(:\n```\n```python\n{ANSWER}```",
}


def source() -> Source:
    return Source.parse("family.py", FILE)


@pytest.mark.parametrize("shape", SHAPES)
def test_the_function_is_put_in_place_with_the_files_own_line_ends(shape: str) -> None:
    """Small models vary the wrapping; the bytes that come out do not."""
    patch, _ = patch_from(SHAPES[shape], source(), source().functions()[0])

    assert patch.files[0].after == EXPECTED


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "I cannot help with that.",
        "```java\nint x = 1;\n```",
        "```python\n```",
        "```python\ndef other(): pass\n```",
        "x" * 50_000,
        "```python\n" + "total = total + 1\n" * 5_000 + "```",
        "```diff\n--- a/nowhere.py\n+++ b/nowhere.py\n@@ -1 +1 @@\n-return min(ages)\n+return max(ages)\n```",
    ],
)
def test_an_answer_without_the_function_is_refused_with_a_sentence(answer: str) -> None:
    """Rubbish, another language, an empty block, another function, endless text, a diff: never half a patch."""
    with pytest.raises(Unusable, match=r"\."):
        patch_from(answer, source(), source().functions()[0])


def test_an_import_that_the_answer_needs_comes_along() -> None:
    """`math` used in the new body and imported in the answer must be imported in the file."""
    answer = "```python\nimport math\nimport os\n\ndef oldest(self, ages):\n    return math.floor(max(ages))\n```"

    patch, _ = patch_from(answer, source(), source().functions()[0])

    text = patch.files[0].after.decode()
    assert text.startswith("'''Ages.'''\r\n\r\n\r\nimport math\r\n")
    assert "math.floor(max(ages))" in text


def test_a_docstring_that_the_answer_leaves_out_stays() -> None:
    """A repair that drops the documentation is not the smallest edit, and not what anyone asked for."""
    head = b'class A:\n    def f(self, x):\n        """Say x.\n\n        Twice.\n        """\n'
    data = head + b"        # how\n        return x\n"
    answer = "```python\ndef f(self, x):\n    # now twice\n    return x + x\n```"
    before = Source.parse("a.py", data)

    patch, _ = patch_from(answer, before, before.functions()[0])

    assert patch.files[0].after == head + b"        # now twice\n        return x + x\n"


DECORATED = "@functools.wraps(f)\ndef inner(*a):\n    return f(*a)\nreturn inner\n"


def test_the_decorator_of_a_bodys_first_statement_is_a_part_of_it() -> None:
    """A body that begins with a decorated function: written, read again, and replaced as a whole."""
    stub = Source.parse("memo.py", b"import functools\n\n\ndef memo(f): ...\n")
    answer = f"```python\nimport functools\n\ndef memo(f):\n{textwrap.indent(DECORATED, '    ')}```"

    patch, _ = body_from(answer, stub, stub.functions()[0])
    written = Source.parse("memo.py", patch.files[0].after)
    memo = written.functions()[0]

    assert written.text_of(memo) == f"def memo(f):\n{textwrap.indent(DECORATED, '    ')}"
    assert memo.body_line == memo.def_line + 1
    assert written.replace_body(memo, "return f") == b"import functools\n\n\ndef memo(f):\n    return f\n"


def test_a_docstring_comes_before_the_decorator_that_follows_it() -> None:
    """A repair that leaves the docstring out gets it back, and not between a decorator and its function."""
    old = Source.parse("memo.py", b'def memo(f):\n    """Remembers."""\n    return f\n')

    patch, _ = patch_from(f"def memo(f):\n{textwrap.indent(DECORATED, '    ')}", old, old.functions()[0])

    assert patch.files[0].after.startswith(b'def memo(f):\n    """Remembers."""\n    @functools.wraps(f)\n')


GUARDED = """\
    try:
        from util import slugify
    except ImportError:
        slugify = None


    if slugify:
        def name(text: str) -> str: ...


    def other(text):
        return slugify(text)
    """


def test_a_helper_of_the_models_never_takes_the_place_of_what_the_file_binds() -> None:
    """The stub may stand inside another statement: a helper that the file lacks goes before that."""
    source = Source.parse("names.py", textwrap.dedent(GUARDED).encode())
    helpers = "def slugify(text):\n    return ''\n\ndef joined(text):\n    return text\n\n"
    answer = f"```python\n{helpers}def name(text: str) -> str:\n    return joined(slugify(text))\n```"

    patch, _ = body_from(answer, source, source.functions()[0])

    after = patch.files[0].after.decode()
    assert "def slugify" not in after
    assert after.index("def joined") < after.index("if slugify:") < after.index("return joined(slugify(text))")
