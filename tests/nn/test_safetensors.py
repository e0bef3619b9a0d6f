"""Weights go to safetensors files and come from them by name and shape; what does not fit is named, and changes
nothing."""

import builtins
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import autodiff as ad
import nn

safetensors = pytest.importorskip("safetensors.numpy")
in_a_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])  # every example writes its own file
arrays = hnp.arrays(
    st.sampled_from(["f2", "f4", "f8", ">f8", "i1", "i8", "u4", "?"]),
    hnp.array_shapes(min_dims=0, min_side=0, max_side=3),
)


class Tied(nn.Module):
    """One matrix under two names, a buffer of integers, and a Scalar."""

    def __init__(self, rng: int) -> None:
        self.embed, self.head = nn.Embedding(4, 3, rng=rng), nn.Linear(3, 4, rng=rng)
        self.head.weight = self.embed.weight
        self.count = nn.Buffer(np.array(rng))
        self.gain = ad.scalar(float(rng))


def states(*models: Any) -> Any:
    return [model.state_dict() for model in models]


@in_a_folder
@given(state=st.dictionaries(st.text().filter(lambda name: name != "__metadata__"), arrays, max_size=4))
def test_any_state_comes_back_bit_by_bit(tmp_path: Path, state: dict[str, Any]) -> None:
    nn.save_safetensors({name: a.T for name, a in state.items()}, tmp_path / "any")  # transposed: not in C order
    loaded = safetensors.load_file(tmp_path / "any")
    assert set(loaded) == set(state)
    for name, array in state.items():
        assert loaded[name].dtype == array.dtype.newbyteorder("=") and loaded[name].shape == array.T.shape
        np.testing.assert_array_equal(loaded[name], array.T)


def test_a_model_with_shared_parameters_buffers_and_scalars_comes_back(tmp_path: Path) -> None:
    one, other = Tied(1), Tied(2)
    nn.save_safetensors(one, tmp_path / "tied.safetensors", {"made": "here"})
    assert nn.load_safetensors(other, tmp_path / "tied.safetensors") == ([], [], {}, {})
    np.testing.assert_equal(*states(one, other))
    with safetensors.safe_open(tmp_path / "tied.safetensors", "np") as file:
        assert file.metadata() == {"made": "here"}


def test_a_shared_parameter_needs_a_value_under_one_of_its_names(tmp_path: Path) -> None:
    one, other = Tied(1), Tied(2)
    nn.save_safetensors({k: v for k, v in one.state_dict().items() if k != "head.weight"}, tmp_path / "once")
    assert nn.load_safetensors(other, tmp_path / "once").missing == []
    np.testing.assert_equal(*states(one, other))


def test_every_difference_is_named_and_nothing_is_loaded(tmp_path: Path) -> None:
    net = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 1))
    before = net.state_dict()
    wrong = {
        "0.weight": np.ones((3, 4)),
        "0.bias": np.ones(3, np.complex64),
        "1.weight": np.ones((1, 3)),
        "2.bias": np.ones(1),
    }
    nn.save_safetensors(wrong, tmp_path / "wrong")
    with pytest.raises(ValueError, match="does not fit this Sequential") as caught:
        nn.load_safetensors(net, tmp_path / "wrong")
    text = str(caught.value)
    assert "missing: '1.bias'" in text and "unexpected: '2.bias'" in text and "Nothing was loaded" in text
    assert "'0.weight' (shape (3, 4) for '0.weight' of shape (3, 2))" in text
    assert "'0.bias' (dtype complex64 for '0.bias' of dtype float32)" in text
    np.testing.assert_equal(net.state_dict(), before)


def test_without_strict_what_fits_is_loaded_and_the_rest_reported(tmp_path: Path) -> None:
    net = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 1))
    before = net.state_dict()
    nn.save_safetensors({"0.weight": np.ones((3, 4)), "1.weight": np.full((1, 3), 7.0), "x": 1}, tmp_path / "part")
    report = nn.load_safetensors(net, tmp_path / "part", strict=False)
    assert (
        report.missing == ["0.bias", "1.bias"] and report.unexpected == ["x"] and set(report.mismatched) == {"0.weight"}
    )
    assert report.converted == {"1.weight": "float64 to float32"}
    np.testing.assert_equal(net.state_dict(), {**before, "1.weight": np.full((1, 3), 7, np.float32)})


def test_names_are_changed_by_a_function_or_a_dict_and_left_out_by_none(tmp_path: Path) -> None:
    net = nn.Linear(2, 1)
    nn.save_safetensors({"model.w": np.ones((1, 2)), "bias": np.ones(1), "step": 3}, tmp_path / "named")
    report = nn.load_safetensors(net, tmp_path / "named", rename={"model.w": "weight", "step": None})
    assert report[:3] == ([], [], {}) and net.weight.data.tolist() == [[1, 1]]
    nn.load_safetensors(net, tmp_path / "named", rename=lambda n: {"w": "weight", "bias": "bias"}.get(n.split(".")[-1]))
    with pytest.raises(ValueError, match=r"'bias' and 'model\.w' of the file both become 'weight'"):
        nn.load_safetensors(net, tmp_path / "named", rename={"model.w": "weight", "bias": "weight"})


def write(path: Path, code: str, shape: list[int], data: bytes) -> None:
    """A file of one array "weight", by the bytes of the format."""
    header = f'{{"weight":{{"dtype":"{code}","shape":{shape},"data_offsets":[0,{len(data)}]}}}}'.encode()
    path.write_bytes(struct.pack("<Q", len(header)) + header + data)


def test_bfloat16_is_widened_exactly_and_other_dtypes_are_refused_by_name(tmp_path: Path) -> None:
    wide = np.array([[1.0, -2.5, np.inf, 3.140625, 2**-126, 0.0]], np.float32)  # each fits 8 bits of mantissa
    write(tmp_path / "bf16", "BF16", [1, 6], (wide.view(np.uint32) >> 16).astype("<u2").tobytes())
    net = nn.Linear(6, 1, bias=False)
    assert nn.load_safetensors(net, tmp_path / "bf16").converted == {"weight": "bfloat16 to float32"}
    np.testing.assert_array_equal(net.weight.data, wide)
    write(tmp_path / "fp8", "F8_E4M3", [1, 6], bytes(6))
    with pytest.raises(ValueError, match="dtype F8_E4M3, which NumPy does not have"):
        nn.load_safetensors(net, tmp_path / "fp8")


def test_half_precision_stays_half_precision_in_a_model_of_it(tmp_path: Path) -> None:
    one, other = (nn.Linear(2, 2, rng=k, dtype=np.float16) for k in (0, 1))
    nn.save_safetensors(one, tmp_path / "half")
    assert nn.load_safetensors(other, tmp_path / "half").converted == {}
    assert other.weight.dtype == np.float16
    np.testing.assert_equal(*states(one, other))


@in_a_folder
@given(cut=st.integers(0, 200))
def test_a_damaged_file_is_refused_and_changes_nothing(tmp_path: Path, cut: int) -> None:
    net = nn.Linear(2, 3, rng=0)
    nn.save_safetensors(net, tmp_path / "whole")
    content = (tmp_path / "whole").read_bytes()
    before = net.state_dict()
    (tmp_path / "cut").write_bytes(content[: min(cut, len(content) - 1)])
    with pytest.raises(nn.FileFormatError, match="not a whole safetensors file"):
        nn.load_safetensors(net, tmp_path / "cut")
    np.testing.assert_equal(net.state_dict(), before)


def test_what_cannot_be_written_is_refused_before_the_file(tmp_path: Path) -> None:
    path = tmp_path / "x"
    with pytest.raises(TypeError, match="'a' has dtype complex128"):
        nn.save_safetensors({"a": np.ones(1, complex)}, path)
    with pytest.raises(TypeError, match="metadata holds strings"):
        nn.save_safetensors({"a": np.ones(1)}, path, {"epoch": 3})  # type: ignore[dict-item]
    with pytest.raises(TypeError, match="cannot be the name"):
        nn.save_safetensors({"__metadata__": np.ones(1)}, path)
    with pytest.raises(FileNotFoundError, match=r"nn\.save_safetensors: there is no folder"):
        nn.save_safetensors({"a": np.ones(1)}, tmp_path / "no" / "x")
    with pytest.raises(FileNotFoundError, match="there is no file"):
        nn.load_safetensors(nn.Linear(1, 1), path)
    assert not path.exists()


def test_a_missing_package_is_named_with_its_command(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    original = builtins.__import__

    def without(name: str, *args: Any) -> Any:
        if name.startswith("safetensors"):
            raise ImportError
        return original(name, *args)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ImportError, match=r"pip install 'backflow\[safetensors\]'"):
        nn.save_safetensors({}, tmp_path / "x")


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "bfloat16"])
def test_weights_go_to_pytorch_and_back(tmp_path: Path, dtype: str) -> None:
    torch = pytest.importorskip("torch")
    files = pytest.importorskip("safetensors.torch")
    ours = nn.TransformerEncoderLayer(8, 2, 16, rng=0, dtype=np.float32 if dtype == "bfloat16" else dtype)
    theirs = torch.nn.TransformerEncoderLayer(8, 2, 16).to(getattr(torch, dtype))
    files.save_file(theirs.state_dict(), tmp_path / "theirs")
    report = nn.load_safetensors(ours, tmp_path / "theirs")
    assert report[:3] == ([], [], {}) and bool(report.converted) == (dtype == "bfloat16")
    for name, value in theirs.state_dict().items():
        np.testing.assert_array_equal(ours.state_dict()[name], value.to(torch.float64).numpy())
    nn.save_safetensors(ours, tmp_path / "ours")
    again = torch.nn.TransformerEncoderLayer(8, 2, 16).to(getattr(torch, dtype))
    files.load_model(again, tmp_path / "ours")
    for name, value in theirs.state_dict().items():
        assert torch.equal(value, again.state_dict()[name])
