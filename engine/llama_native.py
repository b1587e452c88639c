"""llama.cpp's low-level API as three typed things: the loaded weights, a context with shared KV cells, one batch.

Only the model worker imports this module: it loads native code that may crash. `llama_cpp` is looked up at run time,
because Darner installs without it.
"""

from __future__ import annotations

import ctypes
import importlib
import os
import re
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, TypeAlias

import psutil

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

BATCH_TOKENS = 512
"""Prompt tokens per decode."""
CPU_MICRO_BATCH = 128
"""Tokens per graph on a CPU: as fast as 512 (measured: 30 tokens per core second, both), and a cancel waits for one
matrix product of a quarter of the size."""


Native: TypeAlias = Any
"""A thing of llama.cpp's bindings, which carry no useful static types."""


class NativeError(Exception):
    """llama.cpp refused; the text says what it logged."""


class Aborted(Exception):
    """The abort flag was raised while llama.cpp was computing."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One token of a batch: where it stands, who sees it, and whether its logits are wanted."""

    token: int
    position: int
    sequences: tuple[int, ...]
    logits: bool = False


def bare_bindings() -> None:
    """Let `llama_cpp.llama_cpp` be loaded without its package, which loads numpy and a chat of its own: 19 MB less."""
    if found := find_spec("llama_cpp"):
        package = ModuleType("llama_cpp")
        package.__path__ = list(found.submodule_search_locations or ())
        sys.modules["llama_cpp"] = package


def physical_threads() -> int:
    """Physical cores that this process may use: hyperthreads slow matrix work down."""
    return max(1, min(psutil.cpu_count(logical=False) or 1, len(os.sched_getaffinity(0))))


class AbortFlag:
    """A flag that llama.cpp polls between graph nodes, raised from another thread.

    The callback is libc's own `strlen` over a two-byte buffer: empty means go on, one character means stop. A Python
    callback would take the interpreter lock a thousand times per token.
    """

    def __init__(self) -> None:
        self._buffer = ctypes.create_string_buffer(2)

    def callback(self, kind: Native) -> Native:
        """The callback as the ctypes function type `kind`."""
        return kind(ctypes.cast(ctypes.CDLL(None).strlen, ctypes.c_void_p).value)

    @property
    def address(self) -> ctypes.c_void_p:
        return ctypes.cast(self._buffer, ctypes.c_void_p)

    def set(self, raised: bool) -> None:
        self._buffer[0] = b"!" if raised else b"\0"

    def __bool__(self) -> bool:
        return self._buffer[0] != b"\0"


class Log:
    """llama.cpp's log: errors and the count of layers that it offloaded. Everything else is dropped."""

    ERROR = 4
    """llama.cpp's number for this level."""

    def __init__(self, api: Native) -> None:
        self.errors: list[str] = []
        self.offloaded = 0
        self._callback = api.llama_log_callback(self._take)
        api.llama_log_set(self._callback, ctypes.c_void_p(0))

    def _take(self, level: int, text: bytes, _: Native) -> None:
        line = text.decode("utf-8", "replace").strip()
        if found := re.search(r"offloaded (\d+)/\d+ layers to GPU", line):
            self.offloaded = int(found[1])
        if level == self.ERROR and line:
            self.errors.append(line)

    def first_error(self) -> str:
        """The earliest error since the last call: later ones only repeat that loading failed."""
        error = self.errors[0] if self.errors else "no reason given"
        self.errors.clear()
        return re.sub(r"^\w+: ", "", error)


class Weights:
    """A loaded model file: vocabulary, metadata, chat template."""

    def __init__(self, path: str, gpu_layers: int) -> None:
        """Raise NativeError when llama.cpp cannot load `path`."""
        self.api: Native = importlib.import_module("llama_cpp.llama_cpp")
        self.log = Log(self.api)
        self.api.llama_backend_init()
        params = self.api.llama_model_default_params()
        params.n_gpu_layers = gpu_layers
        if gpu_layers == 0:
            params.load_mode = self.api.LLAMA_LOAD_MODE_NONE  # a mapped file stays beside what was repacked of it
        self.model = self.api.llama_model_load_from_file(os.fsencode(path), params)
        if not self.model:
            raise NativeError(self.log.first_error())
        self.vocab = self.api.llama_model_get_vocab(self.model)
        self.vocab_size = int(self.api.llama_vocab_n_tokens(self.vocab))
        self.trained_context = int(self.api.llama_model_n_ctx_train(self.model))
        self.layers = int(self.api.llama_model_n_layer(self.model))
        self.bytes = int(self.api.llama_model_size(self.model))

    @property
    def kv_bytes_per_token(self) -> int:
        """Keys and values of one token over all layers, in 16 bits; exact where every layer has the same heads."""
        heads = int(self.api.llama_model_n_head(self.model))
        width = int(self.api.llama_model_n_embd(self.model)) // max(1, heads)
        return 2 * 2 * self.layers * width * int(self.api.llama_model_n_head_kv(self.model))

    @property
    def chat_template(self) -> str | None:
        template = self.api.llama_model_chat_template(self.model, None)
        return template.decode("utf-8", "replace") if template else None

    @property
    def bos(self) -> int:
        """The token that begins a text, or -1 when the model wants none."""
        return int(self.api.llama_vocab_bos(self.vocab)) if self.api.llama_vocab_get_add_bos(self.vocab) else -1

    def special_text(self, token: int) -> str:
        """How a control token is written in a template; empty for -1."""
        return self.api.llama_vocab_get_text(self.vocab, token).decode("utf-8", "replace") if token >= 0 else ""

    @property
    def gap(self) -> tuple[int, int, int]:
        """The tokens before a gap's prefix, before its suffix, and where its filling starts; -1 for each unknown."""
        api = self.api
        return (
            int(api.llama_vocab_fim_pre(self.vocab)),
            int(api.llama_vocab_fim_suf(self.vocab)),
            int(api.llama_vocab_fim_mid(self.vocab)),
        )

    @property
    def eos(self) -> int:
        return int(self.api.llama_vocab_eos(self.vocab))

    def ends_turn(self, token: int) -> bool:
        return bool(self.api.llama_vocab_is_eog(self.vocab, token))

    def tokenise(self, text: str, *, special: bool) -> list[int]:
        """Tokens of `text`; control tokens are recognised only when `special`."""
        data = text.encode("utf-8", "replace")
        room = len(data) + 8
        tokens = (self.api.llama_token * room)()
        count = self.api.llama_tokenize(self.vocab, data, len(data), tokens, room, False, special)
        if count < 0:
            raise NativeError("the text could not be tokenised")
        return list(tokens[:count])

    def piece(self, token: int) -> bytes:
        """The bytes of one token, which need not be whole characters; control tokens are empty."""
        room = 256
        while True:
            buffer = ctypes.create_string_buffer(room)
            count = self.api.llama_token_to_piece(self.vocab, token, buffer, room, 0, False)
            if count >= 0:
                return buffer.raw[:count]
            room = -count


class Context:
    """KV cells shared by all sequences, and the one batch that feeds them."""

    def __init__(self, weights: Weights, cells: int, sequences: int, abort: AbortFlag) -> None:
        """Raise NativeError when there is no memory for `cells` tokens."""
        self.weights, self.api, self.cells, self.sequences = weights, weights.api, cells, sequences
        self._abort = abort
        self._on_abort = abort.callback(self.api.ggml_abort_callback)
        params = self.api.llama_context_default_params()
        params.n_ctx, params.n_seq_max, params.kv_unified = cells, sequences, True
        params.n_batch = BATCH_TOKENS
        params.n_ubatch = BATCH_TOKENS if weights.log.offloaded else CPU_MICRO_BATCH
        params.n_threads = params.n_threads_batch = physical_threads()
        params.no_perf = True
        self._context = self.api.llama_init_from_model(weights.model, params)
        if not self._context:
            raise NativeError(weights.log.first_error())
        self.api.llama_set_abort_callback(self._context, self._on_abort, abort.address)
        self._memory = self.api.llama_get_memory(self._context)
        self._batch = self.api.llama_batch_init(BATCH_TOKENS, 0, sequences)

    def adapt(self, adapter: Native | None) -> None:
        """Compute from now on with one adapter over the weights, or with none. Cells of before are not adapted."""
        handles = (self.api.llama_adapter_lora_p_ctypes * 1)(adapter) if adapter else None
        scales = (ctypes.c_float * 1)(1.0) if adapter else None
        if self.api.llama_set_adapters_lora(self._context, handles, int(adapter is not None), scales) != 0:
            raise NativeError(f"the adapter cannot be set: {self.weights.log.first_error()}")

    def decode(self, entries: Sequence[Entry]) -> None:
        """Compute up to BATCH_TOKENS entries. Raise Aborted when the flag went up, NativeError when it failed."""
        batch = self._batch
        batch.n_tokens = len(entries)
        for i, entry in enumerate(entries):
            batch.token[i], batch.pos[i], batch.logits[i] = entry.token, entry.position, entry.logits
            batch.n_seq_id[i] = len(entry.sequences)
            for j, sequence in enumerate(entry.sequences):
                batch.seq_id[i][j] = sequence
        code = self.api.llama_decode(self._context, batch)
        if code == 2 or self._abort:
            raise Aborted
        if code != 0:
            raise NativeError(f"decoding failed with code {code}: {self.weights.log.first_error()}")

    def logits(self, index: int) -> npt.NDArray[np.float32]:
        """A copy of the logits of batch entry `index` of the last decode: shape (vocab_size,), not normalised."""
        import numpy as np  # here: 15 MB that drawing tokens does without

        row = self.api.llama_get_logits_ith(self._context, index)
        return np.ctypeslib.as_array(row, shape=(self.weights.vocab_size,)).copy()

    def share(self, source: int, target: int, upto: int = -1) -> None:
        """Let `target` see what `source` holds before position `upto`, or everything, without copying it."""
        self.api.llama_memory_seq_cp(self._memory, source, target, -1, upto)

    def forget(self, sequences: Iterable[int], start: int = 0) -> None:
        """Drop what the sequences hold from position `start` on."""
        for sequence in sequences:
            self.api.llama_memory_seq_rm(self._memory, sequence, start, -1)

    def save(self, path: Path, sequence: int, tokens: Sequence[int]) -> bool:
        """Write what a sequence holds to a file; False when it could not be written."""
        data = (self.api.llama_token * len(tokens))(*tokens)
        return bool(self.api.llama_state_seq_save_file(self._context, os.fsencode(path), sequence, data, len(tokens)))

    def restore(self, path: Path, sequence: int, count: int) -> bool:
        """Put a saved sequence of `count` tokens into an empty one; False when it does not fit, or is not one."""
        data, found = (self.api.llama_token * count)(), ctypes.c_size_t(0)
        name = os.fsencode(path)
        read = self.api.llama_state_seq_load_file(self._context, name, sequence, data, count, ctypes.byref(found))
        self.weights.log.first_error()  # said when it does not fit; a later error must not be taken for it
        return bool(read) and found.value == count

    def sampler(self, temperature: float, top_p: float, seed: int) -> Sampler:
        """A fresh chain with its own random numbers."""
        return Sampler(self.api, self._context, temperature, top_p, seed)

    def close(self) -> None:
        self.api.llama_batch_free(self._batch)
        self.api.llama_free(self._context)


class Sampler:
    """One sequence's chain: greedy at temperature 0, else top-k, nucleus, temperature and a seeded draw."""

    TOP_K = 100
    """Sorting the whole vocabulary for every token costs more than it can change: the nucleus is far smaller."""

    def __init__(self, api: Native, context: Native, temperature: float, top_p: float, seed: int) -> None:
        self._api, self._context = api, context
        self._chain = api.llama_sampler_chain_init(api.llama_sampler_chain_default_params())
        parts = (
            [api.llama_sampler_init_greedy()]
            if temperature <= 0
            else [
                api.llama_sampler_init_top_k(self.TOP_K),
                api.llama_sampler_init_top_p(top_p, 1),
                api.llama_sampler_init_temp(temperature),
                api.llama_sampler_init_dist(seed & 0xFFFFFFFF),
            ]
        )
        for part in parts:
            api.llama_sampler_chain_add(self._chain, part)

    def draw(self, index: int) -> int:
        """A token from the logits of batch entry `index` of the last decode."""
        return int(self._api.llama_sampler_sample(self._chain, self._context, index))

    def close(self) -> None:
        self._api.llama_sampler_free(self._chain)
