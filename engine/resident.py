"""The one model that stays loaded between jobs."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from platformdirs import user_cache_path

from .errors import BadEnvironment

if TYPE_CHECKING:
    from .llama import LlamaModel
    from .model import Model


def prompts_folder() -> Path:
    """Where computed prompts are kept, when the user wants that, and what a model explained (told.py)."""
    return user_cache_path("darner") / "prompts"


def forget_prompts() -> bool:
    """Delete them; False when there were none. Raises BadEnvironment when they cannot be deleted."""
    try:
        shutil.rmtree(prompts_folder())
    except FileNotFoundError:
        return False
    except OSError as error:
        raise BadEnvironment(
            f"{prompts_folder()} cannot be deleted ({error.strerror}); close the editors that use it and try again."
        ) from error
    return True


class Resident:
    """Holds at most one model: two would not fit on a laptop. Asking for another closes the first."""

    def __init__(self) -> None:
        self._asking = threading.Lock()
        self._model: LlamaModel | None = None
        self._key: tuple[Path, bool] | None = None
        """Its file, and whether its prompts are kept."""

    def get(self, name_or_path: str, endpoint: str = "", *, keep: bool = False, told: bool = True) -> Model:
        """The named model of the endpoint, or of this machine; the default one for an empty name.

        `keep`: its computed prompts are written to the cache folder, for the next time that it is loaded. `told`: so is
        what it explains.

        Raises ModelError when it is not installed, BadInput when the endpoint is no address.
        """
        from .told import remembering

        if endpoint:
            from .remote import RemoteModel

            return remembering(RemoteModel(endpoint, name_or_path), told)
        from .adopted import adapters_of, form_of
        from .catalogue import DEFAULT, find  # here: running tests should not load any of the model's code
        from .llama import LlamaModel

        with self._asking:
            path = find(name_or_path or DEFAULT)
            if self._model is None or (path, keep) != self._key:
                self.close()
                kept = prompts_folder() if keep else None
                self._model = LlamaModel(path, name_or_path or DEFAULT, kept=kept)
                self._key = (path, keep)
            self._model.wear(adapters_of(path), form_of(path))  # adopted or taken back since: a server runs for days
            return remembering(self._model, told)

    def held(self, path: Path) -> LlamaModel | None:
        """The resident model when it is this file."""
        return self._model if self._key and path == self._key[0] else None

    def about(self) -> dict[str, object]:
        """Name of the model (empty: none was asked for), where it runs (empty: not loaded yet), how busy it is."""
        model, status = self._model, self._model.known if self._model else None
        return {
            "model": model.name if model else "",
            "device": status.device if status else "",
            "queued": status.queued if status else 0,
            "tokens_per_second": status.tokens_per_second if status else None,
        }

    def close(self) -> None:
        if self._model is not None:
            self._model.close()
            self._model = self._key = None
