"""What can go wrong with the sandbox itself, never with a candidate (that is a `Status`).

SandboxError             one clear sentence: what, where, what to do
├── NoIsolation          nothing confines a candidate here and nobody agreed to run without
└── WorkspaceError       the throw-away copy could not be made or kept
"""

from __future__ import annotations


class SandboxError(Exception):
    pass


class NoIsolation(SandboxError):
    pass


class WorkspaceError(SandboxError):
    pass
