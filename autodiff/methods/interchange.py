"""How other libraries take a Tensor: the Array API standard's attributes, and DLPack.

Never here: the functions of the standard, which are those of the package (``array_api`` adds the ones without a
derivative).
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

from ..errors import leaves_graph
from ..registry.picture_facts import is_flat
from ..variable import Tensor

VERSIONS = ("2021.12", "2022.12", "2023.12", "2024.12")


def array_namespace(self: Tensor, /, *, api_version: str | None = None) -> ModuleType:
    """Return the module ``autodiff``, whose functions follow the Array API standard, 2024.12."""
    if api_version is not None and api_version not in VERSIONS:
        raise ValueError(f"autodiff follows the Array API standard {VERSIONS[-1]}; got {api_version!r}.")
    return sys.modules[__package__.partition(".")[0]]


def dlpack(
    self: Tensor, *, stream: Any = None, max_version: Any = None, dl_device: Any = None, copy: bool | None = None
) -> Any:
    """Return the memory of a constant to another library, without a copy; a recorded value refuses."""
    if self.node is not None:
        raise leaves_graph("from_dlpack() of another library", ".data", "the formula in NumPy functions")
    given = {"stream": stream, "max_version": max_version, "dl_device": dl_device, "copy": copy}
    return self.data.__dlpack__(**{name: value for name, value in given.items() if value is not None})


def dlpack_device(self: Tensor) -> tuple[int, int]:
    """Return DLPack's numbers of the device: (1, 0), the CPU."""
    kind, number = self.data.__dlpack_device__()
    return int(kind), number


def device(self: Tensor) -> str:
    """Return the device of the value: "cpu"."""
    return "cpu"


def to_device(self: Tensor, device: Any, /, *, stream: Any = None) -> Tensor:
    """Return the value itself: the only device is "cpu"."""
    if device != "cpu" or stream is not None:
        raise ValueError(f"a Tensor is on the device 'cpu'; got to_device({device!r}, stream={stream!r}).")
    return self


def as_complex(self: Tensor) -> complex:
    """Return the only element of a constant as a Python complex number."""
    if self.node is not None and not is_flat(self.node):
        raise leaves_graph("complex()", ".item()", "the formula in NumPy functions")
    return complex(self.item())


def as_index(self: Tensor) -> int:
    """Return the only element of a constant integer."""
    if self.node is not None and not is_flat(self.node):
        raise leaves_graph("an index or a length", ".item()", "np.take(array, indices)")
    return self.data.__index__()


MEMBERS: dict[str, Any] = {
    "__array_namespace__": array_namespace,
    "__dlpack__": dlpack,
    "__dlpack_device__": dlpack_device,
    "__complex__": as_complex,
    "__index__": as_index,
    "device": property(device),
    "to_device": to_device,
}
