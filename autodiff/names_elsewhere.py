"""Words of PyTorch and JAX that have another name here: asking a value for one is an error that says what to write.

They are no API: ``hasattr`` is False and ``dir(x)`` does not list them. Never here: a word that does something.
"""

from __future__ import annotations

from typing import Any

from .variable import Variable

CPU = "everything here is NumPy on the CPU; leave it out, and write .astype(dtype) for another dtype"
WORDS = {
    "at": "write np.where(mask, v, x), which is recorded",
    "clone": "write np.copy(x), which is recorded, or x.detach()",
    "cpu": CPU,
    "cuda": CPU,
    "device": CPU,
    "dim": "write .ndim",
    "double": "write .astype(np.float64)",
    "long": "write .data.astype(int)",
    "numel": "write .size",
    "permute": "write .transpose(...)",
    "requires_grad_": "write x.requires_grad = True; what ad.tensor and ad.scalar make requires a gradient already",
    "t": "write .T",
    "to": CPU,
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


REFUSALS = {word: _refusal(word) for word in WORDS}
