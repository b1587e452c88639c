"""A real GGUF model of 100 kB with random weights: llama.cpp loads it in milliseconds and it never ends by itself."""

from __future__ import annotations

from pathlib import Path

import gguf
import numpy as np

WIDTH, HEADS, HIDDEN, CONTEXT = 32, 2, 64, 2048
SPECIAL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")


def byte_letters() -> list[str]:
    """GPT-2's printable letter for each byte, by which byte-level vocabularies write their tokens."""
    printable = {*range(33, 127), *range(161, 173), *range(174, 256)}
    spare = iter(range(256, 512))
    return [chr(byte) if byte in printable else chr(next(spare)) for byte in range(256)]


def write_tiny_gguf(path: Path, *, template: str | None = None, seed: int = 1) -> Path:
    """Write the model to `path`: one layer, 256 byte tokens, three control tokens, ChatML unless `template`."""
    rng = np.random.default_rng(seed)
    tokens = [*byte_letters(), *SPECIAL]
    writer = gguf.GGUFWriter(path, "qwen2")
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(1)
    writer.add_feed_forward_length(HIDDEN)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS)
    writer.add_layer_norm_rms_eps(1e-6)
    writer.add_rope_freq_base(10000.0)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("qwen2")
    writer.add_token_list(tokens)
    writer.add_token_types([gguf.TokenType.NORMAL] * 256 + [gguf.TokenType.CONTROL] * len(SPECIAL))
    writer.add_token_merges(["Ġ t"])
    writer.add_eos_token_id(tokens.index("<|im_end|>"))
    writer.add_add_bos_token(False)
    if template:
        writer.add_chat_template(template)
    return _written(writer, _tensors(rng, len(tokens)), path)


def _tensors(rng: np.random.Generator, vocabulary: int) -> dict[str, np.ndarray]:
    def random(*shape: int) -> np.ndarray:
        return rng.normal(0.0, 0.3, shape)

    embedding, output = random(vocabulary, WIDTH), random(vocabulary, WIDTH)
    # The first feature is large for every token, and control tokens hate it: they are never sampled.
    embedding[:, 0] = 10.0
    output[256:, 0] = -10.0
    block = {f"attn_{part}.weight": random(WIDTH, WIDTH) for part in ("q", "k", "v", "output")}
    block |= {f"attn_{part}.bias": np.zeros(WIDTH) for part in ("q", "k", "v")}
    block |= {"attn_norm.weight": np.ones(WIDTH), "ffn_norm.weight": np.ones(WIDTH)}
    block |= {"ffn_gate.weight": random(HIDDEN, WIDTH), "ffn_up.weight": random(HIDDEN, WIDTH)}
    block["ffn_down.weight"] = random(WIDTH, HIDDEN)
    ends = {"token_embd.weight": embedding, "output_norm.weight": np.ones(WIDTH), "output.weight": output}
    return ends | {f"blk.0.{name}": array for name, array in block.items()}


def write_tiny_adapter(path: Path, *, seed: int, base_sha256: str = "", width: int = WIDTH) -> Path:
    """Write a LoRA of rank 2 over the output matrix of the tiny model: large enough to change what is sampled."""
    rng = np.random.default_rng(seed)
    writer = gguf.GGUFWriter(path, "qwen2")
    writer.add_type(gguf.GGUFType.ADAPTER)
    writer.add_string(gguf.Keys.Adapter.TYPE, "lora")
    writer.add_float32(gguf.Keys.Adapter.LORA_ALPHA, 2.0)
    if base_sha256:
        writer.add_string("darner.base.sha256", base_sha256)
    down, up = rng.normal(0.0, 0.3, (2, width)), rng.normal(0.0, 0.5, (256 + len(SPECIAL), 2))
    up[256:] = 0.0  # control tokens stay impossible
    return _written(writer, {"output.weight.lora_a": down, "output.weight.lora_b": up}, path)


def _written(writer: gguf.GGUFWriter, tensors: dict[str, np.ndarray], path: Path) -> Path:
    for name, array in tensors.items():
        writer.add_tensor(name, array.astype(np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path
