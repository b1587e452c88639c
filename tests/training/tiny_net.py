"""A real language model of 200 kB with random weights: two layers over bytes, as a GGUF file; and data for it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import gguf
import numpy as np
from darner.training.types import Conversation, Turn

ROPE_BASES = {"starcoder2": 1e6}
"""Of the others 10,000, which transformers takes where it finds none: in StarCoder2's it never looks."""
WIDTH, HEADS, KEY_HEADS, HIDDEN, LAYERS, CONTEXT = 32, 4, 2, 64, 2, 4096
SPECIAL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
MERGE = ("Ā", "ā")
"""Bytes 0 and 1: a byte-level vocabulary needs one merge, and this one never happens."""


class ByteTokens:
    """Bytes are tokens; the three control tokens follow them. As the tiny model's own tokenizer, without torch."""

    template: str | None = None
    bos = ""
    eos = "<|im_end|>"
    end = 256 + SPECIAL.index("<|im_end|>")

    def plain(self, text: str) -> list[int]:
        return list(text.encode())

    def special(self, text: str) -> list[int]:
        found: list[int] = []
        while text:
            at, mark = min(((text.find(mark), mark) for mark in SPECIAL if mark in text), default=(len(text), ""))
            found += self.plain(text[:at]) + ([256 + SPECIAL.index(mark)] if mark else [])
            text = text[at + len(mark) :]
        return found


def byte_letters() -> list[str]:
    """GPT-2's printable letter for each byte."""
    printable = {*range(33, 127), *range(161, 173), *range(174, 256)}
    spare = iter(range(256, 512))
    return [chr(byte) if byte in printable else chr(next(spare)) for byte in range(256)]


def write_tiny_net(path: Path, architecture: str = "qwen2", seed: int = 1, *, tied: bool = False) -> Path:
    """Write the model to `path`, in float32, with grouped-query attention. `tied`: its head is its embedding, twice."""
    writer = gguf.GGUFWriter(path, architecture)
    tokens = [*byte_letters(), *SPECIAL, "".join(MERGE)]
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(HIDDEN)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KEY_HEADS)
    if architecture == "starcoder2":
        writer.add_layer_norm_eps(1e-5)
    else:
        writer.add_layer_norm_rms_eps(1e-6)
    writer.add_rope_freq_base(ROPE_BASES.get(architecture, 10000.0))
    writer.add_rope_dimension_count(WIDTH // HEADS)
    writer.add_vocab_size(len(tokens))
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("qwen2")
    writer.add_token_list(tokens)
    kinds = [gguf.TokenType.NORMAL] * 256 + [gguf.TokenType.CONTROL] * len(SPECIAL)
    writer.add_token_types([*kinds, gguf.TokenType.NORMAL])
    writer.add_token_merges([" ".join(MERGE)])
    writer.add_eos_token_id(tokens.index("<|im_end|>"))
    writer.add_add_bos_token(False)
    tensors = _tensors(np.random.default_rng(seed), architecture, len(tokens))
    tensors |= {"output.weight": tensors["token_embd.weight"]} if tied else {}
    for name, array in tensors.items():
        writer.add_tensor(name, array.astype(np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def _tensors(chance: np.random.Generator, architecture: str, vocabulary: int) -> dict[str, np.ndarray]:
    def random(*shape: int) -> np.ndarray:
        return chance.normal(0.0, 0.2, shape)

    if architecture == "starcoder2":
        return _starcoder2(random, vocabulary)
    sizes = {"q": WIDTH, "k": WIDTH // HEADS * KEY_HEADS, "v": WIDTH // HEADS * KEY_HEADS}
    found = {"token_embd.weight": random(vocabulary, WIDTH), "output.weight": random(vocabulary, WIDTH)}
    found["output_norm.weight"] = np.ones(WIDTH)
    for layer in range(LAYERS):
        block = {f"attn_{part}.weight": random(size, WIDTH) for part, size in sizes.items()}
        if architecture == "qwen2":
            block |= {f"attn_{part}.bias": random(size) for part, size in sizes.items()}
        block |= {"attn_output.weight": random(WIDTH, WIDTH), "ffn_down.weight": random(WIDTH, HIDDEN)}
        block |= {"ffn_gate.weight": random(HIDDEN, WIDTH), "ffn_up.weight": random(HIDDEN, WIDTH)}
        block |= {"attn_norm.weight": np.ones(WIDTH), "ffn_norm.weight": np.ones(WIDTH)}
        found |= {f"blk.{layer}.{name}": array for name, array in block.items()}
    return found


def _starcoder2(random: Callable[..., np.ndarray], vocabulary: int) -> dict[str, np.ndarray]:
    """No gate, and biases everywhere, also of the norms: none of these is one or zero, so that none may be lost."""
    small = WIDTH // HEADS * KEY_HEADS
    linear = {"attn_q": (WIDTH, WIDTH), "attn_k": (small, WIDTH), "attn_v": (small, WIDTH)}
    linear |= {"attn_output": (WIDTH, WIDTH), "ffn_up": (HIDDEN, WIDTH), "ffn_down": (WIDTH, HIDDEN)}
    found = {"token_embd.weight": random(vocabulary, WIDTH), "output.weight": random(vocabulary, WIDTH)}
    norms = ["output_norm"]
    for layer in range(LAYERS):
        norms += [f"blk.{layer}.attn_norm", f"blk.{layer}.ffn_norm"]
        for name, shape in linear.items():
            found |= {f"blk.{layer}.{name}.weight": random(*shape), f"blk.{layer}.{name}.bias": random(shape[0])}
    for name in norms:
        found |= {f"{name}.weight": 1.0 + random(WIDTH), f"{name}.bias": random(WIDTH)}
    return found


def conversations(count: int, weight: float = 1.0) -> list[Conversation]:
    """Short dialogues of one form, each of a seed of its own: what is learnt from some helps with the others."""
    return [
        Conversation(
            f"c{number}",
            (
                Turn("user", f"repair f{number}"),
                Turn("assistant", f"```python\ndef f{number}(x):\n    return x + {number % 7}\n```"),
            ),
            weight,
            {"seed": f"seed-{number}"},
        )
        for number in range(count)
    ]
