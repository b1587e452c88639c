"""Messages to tokens through the model's own chat template, so that no message can forge a turn.

The template is rendered with a placeholder for every message. What the template wrote around them is tokenised with
control tokens, the messages themselves as plain text: a source file that contains `<|im_end|>` cannot end its turn.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from typing import NoReturn

from jinja2.sandbox import ImmutableSandboxedEnvironment

from .model import Message

CHATML = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
"""For model files that carry no template, as llama.cpp does."""


class TemplateError(Exception):
    """The template cannot be rendered; the text says why."""


def segments(template: str | None, messages: Sequence[Message], bos: str, eos: str) -> list[tuple[str, bool]]:
    """The prompt as (text, is it the template's) in order, ending where the assistant's turn begins.

    Raises TemplateError.
    """
    nonce = secrets.token_hex(8)
    contents = {f"@{nonce}.{i}@": message.content for i, message in enumerate(messages)}
    marked = [Message(message.role, mark) for message, mark in zip(messages, contents, strict=True)]
    try:
        rendered = _render(template or CHATML, marked, bos, eos)
    except TemplateError:
        # Some families have no system role: their templates raise. Say it in the first user message instead.
        rendered = _render(template or CHATML, _without_system(marked), bos, eos)
    parts = re.split(f"(@{nonce}\\.\\d+@)", rendered)
    return [(contents.get(part, part), part not in contents) for part in parts if part]


def _without_system(messages: Sequence[Message]) -> list[Message]:
    system = "\n\n".join(m.content for m in messages if m.role == "system")
    rest = [m for m in messages if m.role != "system"]
    return [Message(rest[0].role, f"{system}\n\n{rest[0].content}"), *rest[1:]] if system and rest else rest


def _render(template: str, messages: Sequence[Message], bos: str, eos: str) -> str:
    # A model file is foreign code as far as its template goes: sandboxed, and no loader to read files with.
    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"]
    )
    try:
        return environment.from_string(template).render(
            messages=[{"role": m.role, "content": m.content} for m in messages],
            add_generation_prompt=True,
            bos_token=bos,
            eos_token=eos,
            raise_exception=_raise,
        )
    except Exception as error:  # the template's own code may raise anything
        raise TemplateError(str(error)) from error


def _raise(message: str) -> NoReturn:
    raise TemplateError(message)
