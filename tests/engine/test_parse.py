"""Whatever shape a model's answer has, the function in it lands where the old one stood, or nothing does."""

from __future__ import annotations

import pytest
from darner.engine.parse import Unusable, patch_from
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
