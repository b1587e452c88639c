"""One completion on its way from a server: its text as it streams in, cut at its beginning and at a stop string."""

from __future__ import annotations

from collections.abc import Callable

from .model import Completion, Ending, Sampling
from .remote_answers import Choice


class Lane:
    """Collects what the server sends for one choice; `ended` is the completion once there is one."""

    def __init__(
        self,
        index: int,
        sampling: Sampling,
        on_text: Callable[[int, str], None] | None,
        on_completion: Callable[[int, Completion], None] | None,
    ) -> None:
        self.index = index
        self.ended: Completion | None = None
        self.heard = False
        self.tokens = 0
        """Pieces heard, which are tokens with most servers."""
        self._sampling = sampling
        self._on_text, self._on_completion = on_text, on_completion
        self._raw = ""
        self._told = 0

    def hear(self, choice: Choice) -> None:
        """Take one streamed choice: a piece of text, perhaps the reason why it ends."""
        self.heard = True
        if self.ended is not None:
            return
        piece = (choice.delta.content if choice.delta else None) or ""
        self._raw += piece
        self.tokens += bool(piece)
        reason = choice.finish_reason
        text = self._text(whole=reason is not None)
        if text is None:
            return
        if (cut := _first(text, self._sampling.stop)) is not None:
            self._tell(text[:cut])
            self.end(Ending.STOP)
        elif reason is not None:
            self._tell(text)
            self.end(Ending.LENGTH if reason == "length" else Ending.STOP)
        else:
            held = max((len(stop) for stop in self._sampling.stop), default=1) - 1
            self._tell(text[: len(text) - held] if held else text)

    def hang_up(self) -> None:
        """The stream ended without a reason: what came is what there is."""
        self.hear(Choice(finish_reason="stop"))

    def end(self, ending: Ending) -> Completion:
        text = self._text(whole=True) or ""
        cut = _first(text, self._sampling.stop)
        self.ended = Completion(text if cut is None else text[:cut], ending, self.tokens)
        if self._on_completion:
            self._on_completion(self.index, self.ended)
        return self.ended

    def _text(self, *, whole: bool) -> str | None:
        """What follows the beginning that was asked for, or None while it is still open whether it comes.

        No server is told the beginning, since few can continue an assistant's turn: a model that is asked for code
        writes the fence itself, after a sentence perhaps.
        """
        beginning = self._sampling.prefill
        if not beginning:
            return self._raw
        before, found, after = self._raw.partition(beginning)
        if found:
            return after
        return before if whole else None

    def _tell(self, text: str) -> None:
        if self._on_text and len(text) > self._told:
            self._on_text(self.index, text[self._told :])
            self._told = len(text)


def _first(text: str, stops: tuple[str, ...]) -> int | None:
    found = [at for stop in stops if (at := text.find(stop)) >= 0]
    return min(found, default=None)
