"""Values of the protocol as JSON text. One converter for all: to build one takes longer than most answers."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache

import cattrs
from pygls.protocol import default_converter


@dataclass(frozen=True, slots=True)
class Encoded:
    """An answer that is text already: kept from the last time, or made piece by piece."""

    text: str


@cache
def converter() -> cattrs.Converter:
    return default_converter()


def encoded(value: object) -> str:
    """Of the protocol's own types, and of lists of them."""
    return json.dumps(converter().unstructure(value), ensure_ascii=False)
