"""LoRA adapters on one base: each GGUF is loaded once, and a request says which one it wants.

An adapter is a difference to weights that it knows by their SHA-256: over any other base it would answer nonsense.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
from pathlib import Path

from .llama_native import Native, NativeError, Weights

BASE_KEY = "darner.base.sha256"
"""Metadata of an adapter: the SHA-256 of the GGUF file that it was trained on."""
_LONGEST_VALUE = 256


class AdapterRefused(Exception):
    """The adapter cannot be used with this base; the text says which and what to do."""


class Adapters:
    """The adapters of one base, loaded as they are asked for, and kept."""

    def __init__(self, weights: Weights, base: Path) -> None:
        self._weights, self._base = weights, base
        self._loaded: dict[tuple[str, int, int], Native] = {}
        self._base_hash = ""

    def get(self, path: str) -> Native:
        """llama.cpp's handle of the adapter file; a file that was replaced is read anew. Raises AdapterRefused."""
        try:
            found = os.stat(path)
        except OSError as error:
            raise AdapterRefused(
                f"the adapter {path} cannot be read ({error.strerror}); take it back with `darner-train rollback`"
            ) from error
        key = (path, found.st_mtime_ns, found.st_size)
        if key not in self._loaded:
            self._loaded[key] = self._load(path)
        return self._loaded[key]

    def _load(self, path: str) -> Native:
        weights = self._weights
        handle = weights.api.llama_adapter_lora_init(weights.model, os.fsencode(path))
        if not handle:
            why = weights.log.first_error()
            raise AdapterRefused(
                f'the adapter {path} does not fit this model: llama.cpp says "{why}"; take it back with '
                "`darner-train rollback`"
            )
        if (wanted := self._metadata(handle, BASE_KEY)) and wanted != self._hash():
            weights.api.llama_adapter_lora_free(handle)
            raise AdapterRefused(
                f"the adapter {path} was trained on the model with SHA-256 {wanted[:12]}…, and {self._base.name} is "
                f"{self._hash()[:12]}…; use that model, or train the adapter again on this one"
            )
        return handle

    def _metadata(self, handle: Native, key: str) -> str:
        buffer = ctypes.create_string_buffer(_LONGEST_VALUE)
        length = self._weights.api.llama_adapter_meta_val_str(handle, key.encode(), buffer, _LONGEST_VALUE)
        return buffer.value.decode("utf-8", "replace") if length >= 0 else ""

    def _hash(self) -> str:
        """Of the base; half a second for 500 MB, and only once an adapter asks."""
        if not self._base_hash:
            try:
                with self._base.open("rb") as file:
                    self._base_hash = hashlib.file_digest(file, "sha256").hexdigest()
            except OSError as error:
                raise NativeError(f"{self._base} cannot be read ({error.strerror})") from error
        return self._base_hash
