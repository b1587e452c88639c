"""Errors that a person caused or can mend. Everything expected inside a run is a value instead.

DarnerError              one clear sentence: what, where, what to do
├── BadInput             exit code 2: usage, a node id that does not exist, a file that cannot be read
│   └── BadSyntax           a file that is not Python as this interpreter knows it
└── BadEnvironment       exit code 3: no interpreter, no pytest, no model, no sandbox, no disk space
    └── ModelError       the model worker could not load or answer
        └── PromptTooLong   the prompt and its answer do not fit the model's context: a shorter one may
"""

from __future__ import annotations


class DarnerError(Exception):
    """Base of everything that ends a command with one sentence on stderr."""

    exit_code = 1


class BadInput(DarnerError):
    exit_code = 2


class BadSyntax(BadInput):
    """`fault` says where and what, without what to do: a newer interpreter may find none."""

    def __init__(self, fault: str) -> None:
        super().__init__(f"{fault}; fix the syntax first.")
        self.fault = fault


class BadEnvironment(DarnerError):
    exit_code = 3


class ModelError(BadEnvironment):
    pass


class PromptTooLong(ModelError):
    pass
