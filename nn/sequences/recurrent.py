"""RNN, LSTM and GRU over whole sequences, and their cells for one step.

A layer runs all its steps in one recorded operation (`scans`); a cell is written in recorded operations (`steps`). Both
have PyTorch's parameters: `weight_ih_l0` (G H, I), `weight_hh_l0` (G H, H), `bias_ih_l0` and `bias_hh_l0` (G H,), with
`_l1`, ... for further layers and `_reverse` for the other direction.

One file: three layers and their cells share parameters and arguments.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from ..layers.dropout import check_probability, dropout
from ..layers.inputs import as_input, beside
from ..module import Module
from ..parameter import Parameter
from ..random import Rng, as_generator
from .packing import PackedSequence, packed_like, padded
from .scans import gru_scan, lstm_scan, rnn_scan, written_out_steps
from .steps import gru_step, lstm_step, projected_lstm_step, rnn_step

__all__ = ["GRU", "LSTM", "RNN", "GRUCell", "LSTMCell", "RNNCell"]


def _weights(
    rows: int,
    inputs: int,
    hidden: int,
    bias: bool,
    generator: np.random.Generator,
    dtype: DTypeLike,
    projected: int = 0,
) -> dict[str, Parameter | None]:
    """Draw parameters uniform in ±1/sqrt(H), as PyTorch does. Return them under the beginnings of their names."""
    bound = 1 / math.sqrt(hidden)
    shapes: dict[str, tuple[int, ...]] = {"weight_ih": (rows, inputs), "weight_hh": (rows, projected or hidden)}
    shapes |= {"bias_ih": (rows,), "bias_hh": (rows,)}
    if projected:
        shapes["weight_hr"] = (projected, hidden)
    return {
        name: Parameter(generator.uniform(-bound, bound, shape), dtype) if bias or name[0] == "w" else None
        for name, shape in shapes.items()
    }


def _sizes(who: str, input_size: int, hidden_size: int) -> tuple[int, int]:
    for name, n, least in (("input_size", input_size, 0), ("hidden_size", hidden_size, 1)):
        if not isinstance(n, (int, np.integer)) or n < least:
            raise ValueError(f"{who}: {name} must be an integer >= {least}, got {n!r}")
    return int(input_size), int(hidden_size)


class _Recurrent(Module):
    """Base of the three layers: parameters, layers and directions, and the forms of the input."""

    _gates, _states = 1, 1
    _scan: Any = None
    weight_ih_l0: Parameter
    nonlinearity = "tanh"
    proj_size = 0  # an LSTM may have fewer outputs than its state has features

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        *,
        dtype: DTypeLike = np.float32,
        rng: Rng = None,
    ) -> None:
        who = type(self).__name__
        self.input_size, self.hidden_size = _sizes(who, input_size, hidden_size)
        if not isinstance(num_layers, (int, np.integer)) or num_layers < 1:
            raise ValueError(f"{who}: num_layers must be an integer >= 1, got {num_layers!r}")
        check_probability(dropout)
        self.num_layers, self.bias, self.batch_first = int(num_layers), bias, batch_first
        self.dropout, self.bidirectional = dropout, bidirectional
        generator = as_generator(rng)
        if rng is not None and dropout:
            self.rng = generator
        width = self.input_size
        for layer in range(self.num_layers):
            for suffix in self._suffixes(layer):
                rows, hidden = self._gates * self.hidden_size, self.hidden_size
                made = _weights(rows, width, hidden, bias, generator, dtype, self.proj_size)
                for name, parameter in made.items():
                    if parameter is not None:
                        setattr(self, name + suffix, parameter)
            width = (self.proj_size or self.hidden_size) * (1 + bidirectional)

    def _suffixes(self, layer: int) -> list[str]:
        return [f"_l{layer}", f"_l{layer}_reverse"][: 1 + self.bidirectional]

    def _run(self, input: Any, states: tuple[Any, ...] | None) -> tuple[Any, tuple[Any, ...]]:
        """Return the output in the form of the input, and the last states."""
        dtype = self.weight_ih_l0.dtype
        packed = isinstance(input, PackedSequence)
        lone = swap = False
        order = None
        sizes: tuple[int, ...] | None = None
        if isinstance(input, PackedSequence):
            sizes, order = tuple(int(n) for n in input.batch_sizes), input.sorted_indices
            input = input._replace(data=as_input(input.data, dtype))
            x = padded(input, len(sizes))
        else:
            x = as_input(input, dtype)
            lone = x.ndim == 2
            swap = self.batch_first and not lone
            x = x[:, None] if lone else np.swapaxes(x, 0, 1) if swap else x
        if x.ndim != 3 or x.shape[-1] != self.input_size:
            shape = input.data.shape if packed else np.shape(input)
            layout = "(N, T, I)" if self.batch_first else "(T, N, I)"
            raise ValueError(
                f"{type(self).__name__}(input_size={self.input_size}) needs {layout}, or (T, I) of one sequence; "
                f"got shape {shape}"
            )
        y, last = self._layers(x, self._start(states, x, lone, order, dtype), sizes)
        if order is not None:
            last = tuple(s[:, input.unsorted_indices] for s in last)
        if packed:
            return packed_like(y, input), last
        if lone:
            return y[:, 0], tuple(s[:, 0] for s in last)
        return (np.swapaxes(y, 0, 1) if swap else y), last

    def _start(self, states: Any, x: Any, lone: bool, order: Any, dtype: Any) -> list[Any]:
        """Return the initial states (layers, N, H), checked; zeros unless given."""
        lead = (self.num_layers * (1 + self.bidirectional), x.shape[1])
        shapes = [(*lead, self.proj_size or self.hidden_size), (*lead, self.hidden_size)][: self._states]
        if states is None:
            return [beside(np.zeros(shape, x.dtype), x) for shape in shapes]
        start = []
        for state, shape in zip(states, shapes, strict=True):
            s = as_input(state, dtype)
            s = s[:, None] if lone and s.ndim == 2 else s
            if s.shape != shape:
                wanted = (shape[0], shape[2]) if lone else shape
                raise ValueError(
                    f"{type(self).__name__}: an initial state must have shape (layers * directions, N, H) = {wanted}, "
                    f"got {np.shape(state)}"
                )
            start.append(s if order is None else s[:, order])
        return start

    def _layers(self, x: Any, start: list[Any], sizes: Any) -> tuple[Any, tuple[Any, ...]]:
        """Return (T, N, H * directions) and the last states, (layers * directions, N, H) each. x: (T, N, I)."""
        steps, last, place = x.shape[0], [], 0
        if not steps:
            raise ValueError(f"{type(self).__name__} needs at least one step, got shape {x.shape}")
        for layer in range(self.num_layers):
            if layer and self.dropout:
                x = dropout(x, self.dropout, training=self.training, rng=getattr(self, "rng", None))
            sides: list[Any] = []
            for suffix in self._suffixes(layer):
                weights = [getattr(self, name + suffix) for name in ("weight_ih", "weight_hh")]
                none = beside(np.zeros(weights[0].shape[0], weights[0].dtype), weights[0])
                weights += [getattr(self, name + suffix) if self.bias else none for name in ("bias_ih", "bias_hh")]
                now, reverse = tuple(s[place] for s in start), len(sides) == 1
                if self.proj_size:
                    weights.append(getattr(self, "weight_hr" + suffix))
                    outputs, ends = written_out_steps(projected_lstm_step, x, now, weights, sizes, reverse)
                    sides.append(np.stack(outputs))
                    last.append(list(ends))
                else:
                    static = {"sizes": sizes, "reverse": reverse, "nonlinearity": self.nonlinearity}
                    y = type(self)._scan.run(x, *now, *weights, static)
                    sides.append(y[:steps])
                    last.append([y[steps + k] for k in range(self._states)])
                place += 1
            x = sides[0] if len(sides) == 1 else np.concatenate(sides, axis=-1)
        return x, tuple(np.stack(s) for s in zip(*last, strict=True))

    def multiply_adds(self, inputs: tuple[Any, ...], output: Any) -> int:
        """Count one for each weight of a matrix and each step of each sequence."""
        matrices = sum(p.size for name, p in self.named_parameters() if name.startswith("weight"))
        return int(np.size(output)) // max(1, output.shape[-1]) * matrices

    def extra_repr(self) -> str:
        """Return the sizes, and the options that are not PyTorch's defaults."""
        options = [
            ("num_layers", 1),
            ("bias", True),
            ("batch_first", False),
            ("dropout", 0.0),
            ("bidirectional", False),
            ("proj_size", 0),
        ]
        shown = "".join(f", {name}={getattr(self, name)}" for name, usual in options if getattr(self, name) != usual)
        return f"{self.input_size}, {self.hidden_size}{shown}"


class RNN(_Recurrent):
    """Run an Elman network: h' = tanh(W x + b + U h + d). `torch.nn.RNN`.

    Args:
        input_size, hidden_size: features I of a step and H of the state.
        num_layers: layers, each on the outputs of the one below.
        nonlinearity: "tanh" or "relu".
        bias: whether there are b and d.
        batch_first: x and y are (N, T, ...) instead of (T, N, ...); states stay (layers, N, H).
        dropout: probability of zero between the layers, in training.
        bidirectional: a second set of weights goes from the last step to the first; H * 2 outputs.
        dtype, rng: of the parameters; a given rng draws the dropout as well.

    Shapes: x (T, N, I), or (T, I) of one sequence, or a `PackedSequence`; hx (layers * directions, N, H), zeros unless
    given. Returns (output (T, N, H * directions), h_n like hx).

    >>> import nn, numpy as np
    >>> output, h_n = nn.RNN(3, 5, num_layers=2, rng=0)(np.ones((7, 4, 3)))
    >>> output.shape, h_n.shape
    ((7, 4, 5), (2, 4, 5))
    """

    _scan = rnn_scan

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        nonlinearity: str = "tanh",
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        *,
        dtype: DTypeLike = np.float32,
        rng: Rng = None,
    ) -> None:
        self.nonlinearity = _nonlinearity("RNN", nonlinearity)
        super().__init__(
            input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, dtype=dtype, rng=rng
        )

    def forward(self, input: Any, hx: Any = None) -> tuple[Any, Any]:
        """input: (T, N, I) -> (output, h_n)."""
        y, last = self._run(input, None if hx is None else (hx,))
        return y, last[0]


class LSTM(_Recurrent):
    """Run a long short-term memory (Hochreiter and Schmidhuber 1997). `torch.nn.LSTM`.

    The gates are in the order i, f, g, o in the weights: c' = σ(f) c + σ(i) tanh(g), h' = σ(o) tanh(c').

    Args:
        input_size, hidden_size: features I of a step and H of the state.
        num_layers, bias, batch_first, dropout, bidirectional, dtype, rng: as for `RNN`.
        proj_size: P, if h is projected to fewer features than c has, by `weight_hr_l0` (P, H) (Sak et al. 2014); 0 for
            none. Such a layer runs step by step in recorded operations, which takes several times as long.

    Shapes: x (T, N, I), or (T, I) of one sequence, or a `PackedSequence`; hx a pair (h_0, c_0), each
    (layers * directions, N, H), zeros unless given. Returns (output (T, N, H * directions), (h_n, c_n)). With proj_size
    h has P features instead of H.

    >>> import nn, numpy as np
    >>> output, (h_n, c_n) = nn.LSTM(3, 5, bidirectional=True, rng=0)(np.ones((7, 4, 3)))
    >>> output.shape, c_n.shape
    ((7, 4, 10), (2, 4, 5))
    """

    _gates, _states, _scan = 4, 2, lstm_scan

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        *,
        dtype: DTypeLike = np.float32,
        rng: Rng = None,
    ) -> None:
        if isinstance(proj_size, bool) or not isinstance(proj_size, (int, np.integer)) or proj_size < 0:
            raise ValueError(f"LSTM: proj_size must be an integer >= 0, got {proj_size!r}")
        if proj_size >= hidden_size > 0:
            raise ValueError(f"LSTM: proj_size must be smaller than hidden_size, got {proj_size} and {hidden_size}")
        self.proj_size = int(proj_size)
        super().__init__(
            input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, dtype=dtype, rng=rng
        )

    def forward(self, input: Any, hx: Any = None) -> tuple[Any, tuple[Any, Any]]:
        """input: (T, N, I) -> (output, (h_n, c_n))."""
        y, (h, c) = self._run(input, None if hx is None else _pair("LSTM", hx))
        return y, (h, c)


class GRU(_Recurrent):
    """Run gated recurrent units (Cho et al. 2014). `torch.nn.GRU`.

    The gates are in the order r, z, n in the weights: n = tanh(W x + b + σ(r) (U h + d)), h' = (1 - σ(z)) n + σ(z) h.

    Args:
        input_size, hidden_size: features I of a step and H of the state.
        num_layers, bias, batch_first, dropout, bidirectional, dtype, rng: as for `RNN`.

    Shapes: as for `RNN`.

    >>> import nn, numpy as np
    >>> output, h_n = nn.GRU(3, 5, batch_first=True, rng=0)(np.ones((4, 7, 3)))
    >>> output.shape, h_n.shape
    ((4, 7, 5), (1, 4, 5))
    """

    _gates, _scan = 3, gru_scan

    def forward(self, input: Any, hx: Any = None) -> tuple[Any, Any]:
        """input: (T, N, I) -> (output, h_n)."""
        y, last = self._run(input, None if hx is None else (hx,))
        return y, last[0]


def _nonlinearity(who: str, nonlinearity: str) -> str:
    if nonlinearity not in ("tanh", "relu"):
        raise ValueError(f"{who}: nonlinearity must be 'tanh' or 'relu', got {nonlinearity!r}")
    return nonlinearity


def _pair(who: str, hx: Any) -> tuple[Any, Any]:
    if not isinstance(hx, (tuple, list)) or len(hx) != 2:
        raise TypeError(f"{who} takes its initial states as a pair (h, c), got {type(hx).__name__}")
    return hx[0], hx[1]


class _Cell(Module):
    """Base of the three cells: parameters, and inputs with or without the axis of sequences."""

    _gates = 1
    weight_ih: Parameter
    weight_hh: Parameter
    bias_ih: Parameter | None
    bias_hh: Parameter | None

    def __init__(
        self, input_size: int, hidden_size: int, bias: bool = True, *, dtype: DTypeLike = np.float32, rng: Rng = None
    ) -> None:
        self.input_size, self.hidden_size = _sizes(type(self).__name__, input_size, hidden_size)
        self.bias = bias
        rows = self._gates * self.hidden_size
        for name, p in _weights(rows, self.input_size, self.hidden_size, bias, as_generator(rng), dtype).items():
            setattr(self, name, p)

    def _operands(self, input: Any, *states: Any) -> Any:
        x = as_input(input, self.weight_ih.dtype)
        if x.ndim not in (1, 2) or x.shape[-1] != self.input_size:
            raise ValueError(
                f"{type(self).__name__}(input_size={self.input_size}) needs (N, I) or (I,), got shape {x.shape}"
            )
        shape = (*x.shape[:-1], self.hidden_size)
        operands = [x]
        for state in states:
            s = beside(np.zeros(shape, x.dtype), x) if state is None else as_input(state, self.weight_ih.dtype)
            if s.shape != shape:
                raise ValueError(f"{type(self).__name__}: a state must have shape {shape}, got {s.shape}")
            operands.append(s)
        return [*operands, self.weight_ih, self.weight_hh, self.bias_ih, self.bias_hh]

    def multiply_adds(self, inputs: tuple[Any, ...], output: Any) -> int:
        """Count one for each weight of a matrix and each step of each sequence."""
        matrices = sum(p.size for name, p in self.named_parameters() if name.startswith("weight"))
        return int(np.size(output)) // max(1, output.shape[-1]) * matrices

    def extra_repr(self) -> str:
        """Return the sizes."""
        return f"{self.input_size}, {self.hidden_size}" + ("" if self.bias else ", bias=False")


class RNNCell(_Cell):
    """Compute one step of an Elman network. `torch.nn.RNNCell`; the arguments are those of `nn.RNN`.

    Shapes: x (N, I) or (I,); hx (N, H) or (H,), zeros unless given. Returns the next h.

    >>> import nn, numpy as np
    >>> nn.RNNCell(3, 5, rng=0)(np.ones((4, 3))).shape
    (4, 5)
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        nonlinearity: str = "tanh",
        *,
        dtype: DTypeLike = np.float32,
        rng: Rng = None,
    ) -> None:
        self.nonlinearity = _nonlinearity("RNNCell", nonlinearity)
        super().__init__(input_size, hidden_size, bias, dtype=dtype, rng=rng)

    def forward(self, input: Any, hx: Any = None) -> Any:
        """input: (N, I) -> (N, H)."""
        x, h, w_ih, w_hh, b_ih, b_hh = self._operands(input, hx)
        return rnn_step(x, h, w_ih, w_hh, b_ih, b_hh, self.nonlinearity)


class LSTMCell(_Cell):
    """Compute one step of an LSTM. `torch.nn.LSTMCell`; the arguments are those of `nn.LSTM`.

    Shapes: x (N, I) or (I,); hx a pair (h, c) of (N, H) or (H,), zeros unless given. Returns the next (h, c).

    >>> import nn, numpy as np
    >>> h, c = nn.LSTMCell(3, 5, rng=0)(np.ones((4, 3)))
    >>> h.shape, c.shape
    ((4, 5), (4, 5))
    """

    _gates = 4

    def forward(self, input: Any, hx: Any = None) -> tuple[Any, Any]:
        """input: (N, I) -> (h, c), each (N, H)."""
        h, c = (None, None) if hx is None else _pair("LSTMCell", hx)
        return lstm_step(*self._operands(input, h, c))


class GRUCell(_Cell):
    """Compute one step of a GRU. `torch.nn.GRUCell`; the arguments are those of `nn.GRU`.

    Shapes: x (N, I) or (I,); hx (N, H) or (H,), zeros unless given. Returns the next h.

    >>> import nn, numpy as np
    >>> nn.GRUCell(3, 5, rng=0)(np.ones((4, 3))).shape
    (4, 5)
    """

    _gates = 3

    def forward(self, input: Any, hx: Any = None) -> Any:
        """input: (N, I) -> (N, H)."""
        return gru_step(*self._operands(input, hx))
