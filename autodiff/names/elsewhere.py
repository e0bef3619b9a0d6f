"""Names of NumPy's arrays, PyTorch, JAX, autograd and micrograd that a value, or the package, does not have: using one
is an error with the form to write. Every public function that is no method is such a name too: the error of ``x.roll``
has ``ad.roll(x, ...)``.

They are no API: ``hasattr`` is False and ``dir(x)`` does not list them. Never here: a name that works.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from opcode import opmap
from typing import Any

from ..errors import kind_of
from ..variable import Variable

CPU = "everything here is NumPy on the CPU; leave it out, and write .astype(dtype) for another dtype"
_INTO = "writes into the array, which cannot be recorded: write "
_ON_DATA = "base byteswap ctypes dump dumps flags getfield itemsize strides tobytes tofile"
_FROM_LINALG = "cholesky cond det eig eigh eigvals eigvalsh inv lstsq matrix_power norm pinv qr slogdet solve svd"
WORDS = {
    **{name: f"write .data.{name}" for name in _ON_DATA.split()},
    **{name: f"write np.linalg.{name}(x)" for name in _FROM_LINALG.split()},
    "add_": "write x += y on a value that is no leaf, which is recorded; a leaf changes by x.data = x.data + y",
    "addmm": "write b + x @ y",
    "at": "write np.where(mask, v, x), which is recorded",
    "block_until_ready": "leave it out: NumPy has computed it",
    "bmm": "write x @ y",
    "bool": "write .data.astype(bool)",
    "chunk": "write np.array_split(x, n, axis)",
    "clamp": "write x.clip(low, high)",
    "clone": "write np.copy(x), which is recorded, or x.detach()",
    "contiguous": "leave it out: NumPy copies where it must",
    "copy_": "write x.data = y for a leaf, or x[...] = y, which is recorded",
    "cpu": CPU,
    "cuda": CPU,
    "cummax": "write np.maximum.accumulate(x, axis)",
    "cummin": "write np.minimum.accumulate(x, axis)",
    "detach_": "write x = x.detach()",
    "dim": "write .ndim",
    "div": "write x / y",
    "double": "write .astype(np.float64)",
    "erfinv": "write ad.special.erfinv(x)",
    "expand": "write np.broadcast_to(x, shape)",
    "fill": f"{_INTO}x[...] = v, or np.full_like(x, v)",
    "flat": "write .ravel()",
    "float": "write .astype(np.float32)",
    "gather": "write np.take_along_axis(x, indices, axis)",
    "grad_fn": "write ad.draw(x) for the graph behind it",
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
    "mul_": "write x *= y on a value that is no leaf, which is recorded; a leaf changes by x.data = x.data * y",
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
    "tostring": "write .data.tobytes()",
    "topk": "write np.sort(x)[..., -k:]; indices are x.argsort()[..., -k:]",
    "type": "write .astype(dtype)",
    "unbind": "write ad.unstack(x, axis=axis)",
    "unsqueeze": "write np.expand_dims(x, axis)",
    "view": "write .reshape(...)",
    "zero_": "write x.data = 0 * x.data, and x.grad = None for a gradient",
}


# libraries whose arrays do not have NumPy's protocols: the plain array of x
ARRAYS = {
    "torch": "x.detach().numpy()",
    "jax": "np.asarray(x)",
    "jaxlib": "np.asarray(x)",
    "polars": "x.to_numpy()",
}

BITS = {  # operators that numbers with a derivative do not have: their methods, and what to write
    "&": ("__and__ __rand__", "Put comparisons into parentheses: (x > 0) & (x < 1)."),
    "|": ("__or__ __ror__", "Put comparisons into parentheses: (x < 0) | (x > 1)."),
    "^": ("__xor__ __rxor__", "A power is x ** 2."),
    "<<": ("__lshift__ __rlshift__", "Write x * 2.0**n."),
    ">>": ("__rshift__ __rrshift__", "Write x / 2.0**n."),
    "~": ("__invert__", "Write ~(x > 0) of a comparison."),
}


def refuse_operand(operation: str, handle: Any, other: Any) -> None:
    """Raise TypeError for an operand of one of these libraries. Python's own error may name two classes Tensor."""
    package = type(other).__module__.partition(".")[0]
    if package in ARRAYS:
        raise TypeError(
            f"{operation}: no derivative passes between a {type(handle).__name__} of autodiff and the "
            f"{type(other).__name__} x of {package}. For a constant write {ARRAYS[package]} in place of x; for plain "
            "values write .data of the value of autodiff."
        )


def refuse_torch_function(cls: type, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
    """Raise TypeError for a function or an operator of PyTorch, which calls this of a handle among its operands."""
    name = getattr(function, "__name__", str(function))
    raise TypeError(
        f"torch's {name} got a {cls.__name__} of autodiff, and no derivative passes between the two libraries. Here "
        "write functions of np and ad, with x.detach().numpy() for a constant x of torch; there write "
        "torch.from_numpy(t.data) for a constant t of autodiff."
    )


def _no_bits(symbol: str, form: str) -> Callable[..., Any]:
    def refuse(self: Variable, other: Any = None) -> Any:
        raise TypeError(f"{symbol} works on integers and booleans; got {kind_of(self)}. {form}")

    return refuse


def _refusal(word: str) -> property:
    def refuse(self: Variable) -> Any:
        raise AttributeError(f"a {type(self).__name__} has no .{word}: {WORDS[word]}.")

    return property(refuse)


def attributes(self: Variable) -> list[str]:
    """Return ``dir(x)`` without these names."""
    return [name for name in object.__dir__(self) if name not in WORDS]


def refusals(public: Iterable[str], methods: Iterable[str]) -> dict[str, Any]:
    """Return properties that raise, for these names and for the names of public functions that are no methods; and
    the operators of integers and booleans, which raise too."""
    for name in public:
        if name not in methods:
            WORDS.setdefault(name, f"write ad.{name}(x, ...)")
    for name in methods:
        WORDS.pop(name, None)
    operators = {name: _no_bits(symbol, form) for symbol, (names, form) in BITS.items() for name in names.split()}
    return {word: _refusal(word) for word in WORDS} | operators


_DTYPE = "dtypes are NumPy's: np.float32, np.float64"
_LOOPS = "write Python's for, while and if, and NumPy's functions: all of them are followed, by ad.compile too"
_RNG = "write ad.tensor(np.random.default_rng(0).normal(size=...))"
IN_PACKAGE = {
    **dict.fromkeys(("rand", "randn", "random"), _RNG),
    "as_tensor": "write ad.tensor(x, copy=False)",
    "autograd": "write ad.grad(f)(x), or loss.backward()",
    "bmm": "write np.matmul(a, b)",
    "cat": "write np.concatenate([a, b], axis=0)",
    "check_grads": "write ad.testing.check_derivatives(f, x)",
    "clamp": "write np.clip(x, low, high)",
    "constant": "plain NumPy arrays and numbers are constants; nothing needs to be written",
    "cuda": CPU,
    "curve_fit": "write ad.least_squares(lambda p: model(p, x) - y, p0)",
    "custom_gradient": "write ad.custom_vjp",
    "custom_jvp": "write ad.custom_vjp: forward mode follows from the same rule",
    "defvjp": "write f = ad.custom_vjp(f), and then f.defvjp(fwd, bwd)",
    "derivative": "write ad.grad(f)(x)",
    "detach": "write x.detach(), or ad.stop_gradient(x)",
    "device": CPU,
    "device_put": CPU,
    "elementwise_grad": "write ad.grad(lambda x: np.sum(f(x)))(x)",
    "float16": _DTYPE,
    "from_numpy": "write ad.tensor(a, copy=False)",
    "functional": "write nn.functional, or NumPy's functions and ad.softmax, ad.cross_entropy and so on",
    "func": "the transforms are here: ad.grad, ad.vmap, ad.vjp, ad.jvp, ad.jacrev, ad.jacfwd, ad.hessian",
    "Function": "write ad.custom_vjp: f.defvjp(fwd, bwd)",
    **dict.fromkeys(("functional_call", "make_functional"), "write nn.functional_call(model, params, x)"),
    "gradcheck": "write ad.testing.check_derivatives(f, x)",
    "gradgradcheck": "write ad.testing.check_derivatives(f, x, order=2)",
    "GradientTape": "write loss.backward() and read x.grad, or ad.grad(f)(x)",
    "inference_mode": "write ad.no_grad()",
    "is_grad_enabled": "write ad.is_recording()",
    "jit": "write ad.compile(f)",
    "function": "write ad.compile(f)",
    "make_jaxpr": "write fast = ad.compile(f), and read fast.source after a call; ad.draw(y) draws the graph",
    "lax": _LOOPS,
    **dict.fromkeys(("scan", "fori_loop", "while_loop", "cond", "switch"), _LOOPS),
    "pmap": "write ad.vmap(f) for a batch, or ad.parallel for several processes",
    "pjit": "write ad.compile(f), or ad.parallel for several processes",
    "distributed": "write ad.parallel: collectives over several processes",
    "PRNGKey": _RNG,
    "tree": "transforms take lists, tuples and dicts as they are: ad.grad(f)(params)",
    "tree_map": "transforms take lists, tuples and dicts as they are: ad.grad(f)(params)",
    "tree_util": "transforms take lists, tuples and dicts as they are: ad.grad(f)(params)",
    "block_until_ready": "leave it out: NumPy has computed it",
    "eval_shape": "write f(x).shape",
    "holomorphic_grad": "write ad.grad(f, holomorphic=True)",
    **dict.fromkeys(("hessian_vector_product", "hessian_tensor_product", "make_hvp"), "write ad.hvp(f, (x,), (v,))"),
    "grad_and_aux": "write ad.grad(f, has_aux=True)",
    **dict.fromkeys(("draw_dot", "draw_graph", "make_dot", "plot", "visualize"), "write ad.draw(y)"),
    "enable_x64": _DTYPE,
    "config": "nothing is set for the whole package; dtypes are NumPy's, and ad.strict() and ad.record() are blocks",
    "linearize": "write ad.jvp(f, (x,), (v,))",
    "load": "write nn.load(path)",
    "make_jvp": "write ad.jvp(f, (x,), (v,))",
    "make_vjp": "write ad.vjp(f, x)",
    "manual_seed": "write nn.seed(n), or give rng= to what is random",
    "mm": "write a @ b",
    "multigrad": "write ad.grad(f, argnums=(0, 1))",
    "nn": "write import nn",
    "no_gradient": "write ad.no_grad(), or ad.stop_gradient(x)",
    "numpy": "NumPy's own functions record: import numpy as np, np.tanh(x)",
    "optim": "write nn.optim",
    "Parameter": "write nn.Parameter(x), or ad.tensor(x) outside a module",
    "primitive": "write ad.custom_vjp, or a row with ad.extend.op",
    "remat": "write ad.checkpoint(f)",
    "save": "write nn.save(model, path)",
    "scipy": "the functions are in ad.special, ad.linalg, ad.fft, ad.signal and ad.stats",
    "set_grad_enabled": "write ad.no_grad() or ad.enable_grad()",
    "stop_grad": "write ad.stop_gradient(x)",
    "Value": "write ad.scalar(2.0)",
    "value": "write ad.scalar(2.0) or ad.tensor([2.0])",
}


def no_such_name(
    module: str, name: str, words: Mapping[str, str], known: Iterable[str]
) -> AttributeError | ImportError:
    """Return the error for a name that a module does not have: the form to write, from ``words``, or the nearest name.
    Call it in the module's ``__getattr__``: where ``from module import name`` looks the name up, it is an ImportError,
    because Python would leave out the text of an AttributeError.

    >>> from autodiff import extend
    >>> print(extend.no_such_name("nn", "Lineer", {}, ["Linear", "MLP"]))
    module 'nn' has no attribute 'Lineer'. Did you mean Linear?
    """
    caller = sys._getframe(1).f_back  # beyond __getattr__
    if caller is not None and caller.f_code.co_code[caller.f_lasti] == opmap["IMPORT_FROM"]:
        return ImportError(f"cannot import name {name!r} from {module!r}{_advice(name, words, known)}", name=module)
    text = f"module {module!r} has no attribute {name!r}"
    # With name= and no obj=, Python adds no "Did you mean" of its own behind ours.
    return AttributeError(f"{text}{_advice(name, words, known)}", name=name)


def _advice(name: str, words: Mapping[str, str], known: Iterable[str]) -> str:
    if name in words:
        return f": {words[name]}."
    near = get_close_matches(name, list(known), n=3, cutoff=0.75)
    folded = [k for k in known if k.lower().replace("_", "") == name.lower().replace("_", "")]
    near = list(dict.fromkeys([*folded, *near]))[:3]
    return f". Did you mean {' or '.join(near)}?" if near else ""


def missing_names(module: str, known: Iterable[str], words: Mapping[str, str] | None = None) -> Callable[[str], Any]:
    """Return the ``__getattr__`` of a module: for a name that the module lacks it raises ``no_such_name``.

    >>> from autodiff import extend
    >>> lookup = extend.missing_names("nets", ["Linear"], {"Dense": "write nets.Linear"})
    >>> lookup("Dense")
    Traceback (most recent call last):
    AttributeError: module 'nets' has no attribute 'Dense': write nets.Linear.
    """

    def __getattr__(name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        raise no_such_name(module, name, words or {}, known)

    return __getattr__
