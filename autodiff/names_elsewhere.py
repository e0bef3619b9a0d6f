"""Names of NumPy's arrays, PyTorch and JAX that a value does not have: asking for one is an error that says what to
write. Every public function that is no method is such a name too: ``x.roll`` says to write ``ad.roll(x, ...)``.

They are no API: ``hasattr`` is False and ``dir(x)`` does not list them. Never here: a word that does something.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .variable import Variable

CPU = "everything here is NumPy on the CPU; leave it out, and write .astype(dtype) for another dtype"
_INTO = "writes into the array, which cannot be recorded: write "
_ON_DATA = "base byteswap ctypes dump dumps flags getfield itemsize strides to_device tobytes tofile"
_FROM_LINALG = "cholesky cond det eig eigh eigvals eigvalsh inv lstsq matrix_power norm pinv qr slogdet solve svd"
WORDS = {
    **{name: f"write .data.{name}" for name in _ON_DATA.split()},
    **{name: f"write np.linalg.{name}(x)" for name in _FROM_LINALG.split()},
    "addmm": "write b + x @ y",
    "at": "write np.where(mask, v, x), which is recorded",
    "bmm": "write x @ y",
    "bool": "write .data.astype(bool)",
    "chunk": "write np.array_split(x, n, axis)",
    "clamp": "write x.clip(low, high)",
    "clone": "write np.copy(x), which is recorded, or x.detach()",
    "contiguous": "leave it out: NumPy copies where it must",
    "cpu": CPU,
    "cuda": CPU,
    "cummax": "write np.maximum.accumulate(x, axis)",
    "cummin": "write np.minimum.accumulate(x, axis)",
    "device": CPU,
    "dim": "write .ndim",
    "div": "write x / y",
    "double": "write .astype(np.float64)",
    "erfinv": "write ad.erfinv(x)",
    "expand": "write np.broadcast_to(x, shape)",
    "fill": f"{_INTO}x[...] = v, or np.full_like(x, v)",
    "flat": "write .ravel()",
    "float": "write .astype(np.float32)",
    "gather": "write np.take_along_axis(x, indices, axis)",
    "half": "write .astype(np.float16)",
    "index_select": "write x.take(indices, axis)",
    "int": "write .data.astype(np.int32)",
    "inverse": "write np.linalg.inv(x)",
    "long": "write .data.astype(int)",
    "masked_fill": "write np.where(mask, v, x)",
    "masked_select": "write x[mask]",
    "mm": "write x @ y",
    "movedim": "write np.moveaxis(x, source, destination)",
    "mul": "write x * y",
    "mv": "write x @ y",
    "narrow": "write a slice: x[start : start + length]",
    "neg": "write -x",
    "numel": "write .size",
    "partition": f"{_INTO}np.partition(x, kth), which is recorded",
    "permute": "write .transpose(...)",
    "put": f"{_INTO}x[i] = v, or np.where(mask, v, x)",
    "repeat_interleave": "write x.repeat(n, axis)",
    "requires_grad_": "write x.requires_grad = True; what ad.tensor and ad.scalar make requires a gradient already",
    "resize": f"{_INTO}np.resize(x, shape), which is recorded",
    "rsqrt": "write 1 / np.sqrt(x)",
    "setfield": f"{_INTO}x[...] = v",
    "setflags": "write .data.setflags(...)",
    "sort": f"{_INTO}np.sort(x, axis), which is recorded; indices are x.argsort(axis)",
    "sub": "write x - y",
    "swapdims": "write .swapaxes(i, j)",
    "t": "write .T",
    "to": CPU,
    "topk": "write np.sort(x)[..., -k:]; indices are x.argsort()[..., -k:]",
    "unbind": "write ad.unstack(x, axis=axis)",
    "unsqueeze": "write np.expand_dims(x, axis)",
    "view": "write .reshape(...)",
    "zero_": "write x.data = 0 * x.data, and x.grad = None for a gradient",
}


def _refusal(word: str) -> property:
    def refuse(self: Variable) -> Any:
        raise AttributeError(f"a {type(self).__name__} has no .{word}: {WORDS[word]}.")

    return property(refuse)


def attributes(self: Variable) -> list[str]:
    """``dir(x)`` without these words."""
    return [name for name in object.__dir__(self) if name not in WORDS]


def refusals(public: Iterable[str], methods: Iterable[str]) -> dict[str, property]:
    """The words as properties that refuse, with the names of the functions that are no methods among them."""
    for name in public:
        if name not in methods:
            WORDS.setdefault(name, f"write ad.{name}(x, ...)")
    for name in methods:
        WORDS.pop(name, None)
    return {word: _refusal(word) for word in WORDS}
