"""Models with random weights, and tokenizers of bytes, made on the spot."""

from __future__ import annotations

from pathlib import Path
from typing import Any

TEMPLATE = (
    "{% for message in messages %}<|{{ message.role }}|>{{ message.content }}<|end|>{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
SPECIAL = ("<|end|>", "<|system|>", "<|user|>", "<|assistant|>")


def tokenizer(size: int = 300, template: str | None = TEMPLATE, *, ends: bool = True) -> Any:
    """A token for each byte, special ones, and words up to the size that only a model can come up with.

    Args:
        ends: a model may end its reply; with random weights it may do so at once.
    """
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    signs = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {sign: i for i, sign in enumerate(signs)}
    first = len(signs) + len(SPECIAL)
    vocabulary |= {sign: len(signs) + i for i, sign in enumerate(SPECIAL)}
    vocabulary |= {f"Ġw{i}": i for i in range(first, size)}
    made = Tokenizer(models.BPE(vocabulary, []))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    made.add_special_tokens([AddedToken(sign, special=True) for sign in SPECIAL])
    end = "<|end|>" if ends else None
    return PreTrainedTokenizerFast(tokenizer_object=made, eos_token=end, chat_template=template)


def config(kind: str = "qwen2", **fields: Any) -> Any:
    """A model of two narrow layers, unless told otherwise."""
    from transformers import AutoConfig

    small = {
        "vocab_size": 300, "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2,
        "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 512,
        "bos_token_id": None, "eos_token_id": None, "pad_token_id": None, "tie_word_embeddings": False,
    }  # fmt: skip
    return AutoConfig.for_model(kind, **{**small, **fields})


def save(
    folder: Path,
    seed: int = 0,
    *,
    kind: str = "qwen2",
    template: str | None = TEMPLATE,
    ends: bool = True,
    **fields: Any,
) -> Path:
    """A model with its tokenizer in a folder."""
    import torch
    from transformers import AutoModelForCausalLM

    shape = config(kind, **fields)
    torch.manual_seed(seed)
    model = AutoModelForCausalLM.from_config(shape)
    for weight in model.parameters():
        if weight.ndim > 1:
            weight.data.normal_(0.0, 0.3)  # far enough apart that no two tokens are nearly as likely
    model.save_pretrained(folder)
    tokenizer(shape.vocab_size, template, ends=ends).save_pretrained(folder)
    return folder
