"""Ghost text: what the user is about to write, from the local model, soon or not at all.

The window of text before the cursor begins at a line that stays the same for many keys, so that the model computes only
what is new; what a cancelled request has computed stays for the next.
"""

from __future__ import annotations

import re
import threading
from pathlib import Path

from .catalogue import find
from .errors import ModelError
from .llama import LlamaModel
from .model import Ending, Sampling
from .resident import Resident
from .stop import Stop

_STEP_LINES, _MOST_LINES = 24, 48
_SUFFIX_LINES, _SUFFIX_CHARACTERS = 2, 80
_LINE_CHARACTERS = 240
_TOKENS = 24
_WARM_S = 8.0
"""How long the model goes on reading the text after the answer is due, for the next key."""


class Filler:
    """Holds the small model of the ghost text, loaded in the background at the first request.

    Where repairs have the same model loaded, that one is asked: its worker lets ghost text go first.
    """

    def __init__(self, resident: Resident) -> None:
        self._resident = resident
        self._asking = threading.Lock()
        self._model: LlamaModel | None = None
        self._name = ""
        self._loading: threading.Thread | None = None

    def fill(self, name_or_path: str, before: str, after: str, stop: Stop) -> str:
        """The rest of the line at the cursor between the two texts; empty while the model is being loaded.

        Raises ModelError when the model is not installed.
        """
        with self._asking:
            model = self._get(name_or_path)
            if not model.loaded:
                self._load(model)
                return ""
        prefix, suffix = window(before, after)
        sampling = Sampling(temperature=0.0, max_tokens=_TOKENS, stop=("\n",))
        completion = model.fill(prefix, suffix, sampling, stop.within(_WARM_S))
        return tidy(completion.text, after, whole=completion.ending is Ending.STOP)

    def close(self) -> None:
        if self._model is not None:
            self._model.close()
            self._model = None

    def _get(self, name_or_path: str) -> LlamaModel:
        path: Path = find(name_or_path)
        if shared := self._resident.held(path):
            self.close()
            return shared
        if self._model is None or name_or_path != self._name:
            self.close()
            self._model, self._name = LlamaModel(path, name_or_path), name_or_path
        return self._model

    def _load(self, model: LlamaModel) -> None:
        """Not within a request: the next key would cancel it, for ever."""

        def load() -> None:
            try:
                model.status()
            except ModelError:
                return  # the next request says it again, to somebody

        if self._loading is None or not self._loading.is_alive():
            self._loading = threading.Thread(target=load, daemon=True)
            self._loading.start()


def window(before: str, after: str) -> tuple[str, str]:
    """The text that the model sees: lines before that keep their beginning, and a few after."""
    lines = before.splitlines(keepends=True)
    over = max(0, len(lines) - _MOST_LINES)
    start = -(-over // _STEP_LINES) * _STEP_LINES
    prefix = "".join(line if len(line) <= _LINE_CHARACTERS else line[-_LINE_CHARACTERS:] for line in lines[start:])
    suffix = "".join(after.splitlines(keepends=True)[:_SUFFIX_LINES])[:_SUFFIX_CHARACTERS]
    return prefix, suffix


def tidy(text: str, after: str, *, whole: bool) -> str:
    """Without what stands after the cursor already, but with the brackets that close its own, and without the half
    word of an answer that was cut.
    """
    text = text.rstrip("\r") if whole else re.sub(r"\w+$", "", text)
    rest = after.partition("\n")[0].strip()
    if rest and text.rstrip().endswith(rest):
        cuts = (text.rstrip()[: i - len(rest)] for i in range(len(rest)))
        text = next((cut for cut in cuts if _is_closed(cut) or not _is_closed(text)), text)
    return text if text.strip() else ""


def _is_closed(text: str) -> bool:
    """Each bracket and quote that it opens is closed in it, and no other."""
    depth, quote = 0, ""
    for letter in text:
        if quote:
            quote = "" if letter == quote else quote
        elif letter in "'\"":
            quote = letter
        else:
            depth += (letter in "([{") - (letter in ")]}")
        if depth < 0:
            return False
    return not (depth or quote)
