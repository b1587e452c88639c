"""How long the parts of a prompt may be, and which of them give way first when a model's context is small.

Other parts of the file, the farthest from the function first; then facts of the run; then the end of the test. The
function itself and what came of the last try stay: a model that does not see them cannot repair.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

_LEAST = 300
"""Characters of facts and of the test that are always shown."""


@dataclass(frozen=True, slots=True)
class Space:
    """Characters."""

    context: int = 2_400
    facts: int = 1_600
    test: int = 1_800

    def less(self) -> Space | None:
        """The next shorter prompt's; None when nothing more can be left out."""
        if self.context:
            return replace(self, context=self.context // 2 if self.context > _LEAST else 0)
        if self.facts > _LEAST:
            return replace(self, facts=max(_LEAST, self.facts // 2))
        if self.test > _LEAST:
            return replace(self, test=max(_LEAST, self.test // 2))
        return None


USUAL = Space()
