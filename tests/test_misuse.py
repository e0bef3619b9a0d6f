"""Wrong calls, and what each of them says: the exception, who speaks, what came, and what to write instead.

One table. A call is Python source over these names: ``x`` a Tensor (2, 3), ``y = x * 2``, ``v`` a Tensor (3,), ``m`` a
square one, ``z`` a complex one, ``s`` a Scalar, ``f`` a function to a number, ``net`` a Linear(3, 2), ``opt`` its
optimizer, ``plain`` an array of zeros (2, 3). The message is matched as the user sees it, with its notes.
"""

from __future__ import annotations

import copy
import math
import operator
import pickle
import re
from typing import Any

import numpy as np
import pytest

import autodiff as ad
import nn

Rows = list[tuple[str, type[BaseException], str]]
GRAPH, EXIT, RULE = ad.GraphError, ad.LeavesGraphError, ad.MissingRuleError

SHAPES: Rows = [
    ("x @ x", ValueError, r"matmul: \(2, 3\) @ \(2, 3\): inner sizes 3 and 2 differ"),
    ("x @ 3.0", ValueError, r"matmul needs operands with at least one axis; write a \* b"),
    ("np.dot(x, v[:2])", ValueError, r"\(2, 3\) @ \(2,\): inner sizes 3 and 2 differ"),
    ("x + np.ones(4)", ValueError, r"add: .*shapes \(2,3\) \(4,\).*From the last axis on, lengths must be equal or 1"),
    ("x * ad.tensor(np.ones((5, 2)))", ValueError, r"multiply: .*\(2,3\) \(5,2\).*write x\[:, None\], x\.T"),
    ("np.maximum(x, np.ones(7))", ValueError, r"maximum: .*\(2,3\) \(7,\).*x\.reshape"),
    ("np.clip(x, np.ones(7), 1)", ValueError, r"clip: .*\(2,3\) \(7,\)"),
    ("np.where(np.ones(7) > 0, x, 0)", ValueError, r"where: .*\(7,\) \(2,3\)"),
    ("np.where(x > 0, x)", TypeError, r"where\(\) is missing its argument 'b': where\(condition, a, b\)"),
    ("np.concatenate([x, v], axis=0)", ValueError, r"concatenate of .*\(2, 3\) and .*\(3,\)"),
    ("np.stack([x, v])", ValueError, r"same shape[\s\S]*stack of .*\(2, 3\) and .*\(3,\)"),
    ("x.reshape(5)", ValueError, r"size 6 into shape \(5,\)[\s\S]*reshape of .*\(2, 3\)"),
    ("np.broadcast_to(x, (4, 3))", ValueError, r"requested shape \(4,3\)[\s\S]*broadcast_to of .*\(2, 3\)"),
    ('np.einsum("ijk->i", x)', ValueError, r"'ijk->i' gives 3 subscripts to an operand of shape \(2, 3\)"),
    ('np.einsum("ij,jk->il", x, x.T)', ValueError, r"output subscript 'l'[\s\S]*einsum of .*\(2, 3\) and .*\(3, 2\)"),
    (
        "np.tensordot(x, x, axes=1)",
        ValueError,
        r"tensordot: axes \(1,\) of shape \(2, 3\) and \(0,\) of shape \(2, 3\)",
    ),
    ("np.split(x, 5, axis=1)", ValueError, r"length 3 cannot be split evenly in 5; use np\.array_split"),
    ("np.average(x, weights=np.ones(7))", ValueError, r"weights of shape \(7,\) need the shape of a, \(2, 3\)"),
    ("np.interp(x, [1.0], [1.0, 2.0])", ValueError, r"interp needs xp and fp of one equal axis; got shapes"),
    ("np.convolve(x, v)", ValueError, r"convolve needs two sequences.*\(2, 3\)"),
    ("np.diag(np.ones((2, 2, 2)) * s)", ValueError, r"diag needs one or two axes; got shape \(2, 2, 2\)"),
    ("np.pad(x, -1)", TypeError, r"pad_width is n, \(before, after\).*got -1"),
    ("np.diff(x, n=-1)", ValueError, r"diff needs n >= 0 .*got n=-1 and shape \(2, 3\)"),
    ("np.linalg.inv(x)", np.linalg.LinAlgError, r"inv needs square matrices.*got shape \(2, 3\)"),
    ("np.linalg.det(x)", np.linalg.LinAlgError, r"det needs square matrices.*got shape \(2, 3\)"),
    ("np.linalg.eigh(x)", np.linalg.LinAlgError, r"eigh needs square matrices.*got shape \(2, 3\)"),
    ("np.linalg.matrix_power(x, 2)", np.linalg.LinAlgError, r"matrix_power needs square matrices; got shape \(2, 3\)"),
    ("np.linalg.svd(v)", np.linalg.LinAlgError, r"svd needs matrices; got shape \(3,\)"),
    ("np.linalg.solve(m, np.ones(5))", ValueError, r"solve of .*\(2, 2\) and .*\(5,\)"),
    ('np.linalg.norm(x, ord="foo")', ValueError, r"ord='foo'"),
]
AXES: Rows = [
    ("x.sum(axis=3)", ValueError, r"sum: axis 3 is out of bounds.*got shape \(2, 3\).*Axes count from 0"),
    ("np.mean(x, axis=-4)", IndexError, r"mean: axis -4 is out of bounds.*\(2, 3\)"),
    ("np.var(x, axis=9)", ValueError, r"var: axis 9.*\(2, 3\)"),
    ("np.cumsum(x, axis=5)", ValueError, r"cumsum: axis 5.*\(2, 3\)"),
    ("np.sort(x, axis=3)", ValueError, r"sort: axis 3.*\(2, 3\)"),
    ("np.flip(x, axis=4)", ValueError, r"flip: axis 4.*\(2, 3\)"),
    ("np.roll(x, 1, axis=4)", ValueError, r"roll: axis 4.*\(2, 3\)"),
    ("np.concatenate([x, x], axis=2)", ValueError, r"concatenate: axis 2.*\(2, 3\), \(2, 3\)"),
    ("np.swapaxes(x, 0, 5)", ValueError, r"swapaxes: .*axis 5.*\(2, 3\)"),
    ("np.expand_dims(x, 7)", ValueError, r"expand_dims: axis 7.*\(2, 3\)"),
    ("ad.softmax(x, axis=7)", ValueError, r"softmax: axis 7.*\(2, 3\)"),
    ("np.squeeze(x, axis=0)", ValueError, r"squeeze of .*\(2, 3\)"),
    ("np.max(x, axis=(0, 0))", ValueError, r"duplicate value in 'axis'[\s\S]*max of .*\(2, 3\)"),
    ("np.transpose(x, (0, 1, 2))", ValueError, r"transpose of .*\(2, 3\)"),
    ("x[5]", IndexError, r"index 5 is out of bounds for axis 0 with size 2[\s\S]*getitem of .*\(2, 3\)"),
    ("x[0, 0, 0]", IndexError, r"too many indices[\s\S]*getitem of .*\(2, 3\)"),
    ('x["a"]', IndexError, r"integers, slices[\s\S]*getitem of .*\(2, 3\)"),
    ("x[np.array([True, False, True])]", IndexError, r"boolean index did not match[\s\S]*\(2, 3\)"),
    ("np.take_along_axis(x, np.zeros((2, 3)), axis=1)", IndexError, r"needs integer indices; got float64.*x\[mask\]"),
]
VALUES: Rows = [
    ("ad.tensor([1, 2])", TypeError, r"int64 cannot have a gradient: write dtype=float .* or requires_grad=False"),
    ("ad.tensor(True)", TypeError, r"Tensor of bool cannot have a gradient: write dtype=float"),
    ("ad.tensor([1.0], dtype=int)", TypeError, r"int64 cannot have a gradient"),
    ('ad.tensor(["a", "b"])', TypeError, r"needs numbers; got dtype <U1\. Write np\.asarray\(x, dtype=float\)"),
    ("ad.tensor(None)", TypeError, r"needs numbers; got dtype object"),
    ('ad.tensor({"a": 1.0})', TypeError, r"needs numbers; got dtype object"),
    ('ad.tensor(np.array(["2020-01-01"], "datetime64[D]"))', TypeError, r"needs numbers; got dtype datetime64"),
    ("ad.tensor([[1.0], [1.0, 2.0]])", ValueError, r"numbers in rows of equal length; got a list"),
    ("ad.tensor(np.matrix([[1.0]]))", TypeError, r"a matrix follows other rules.*Write np\.asarray\(x\)"),
    ("ad.tensor(np.ma.array([1.0], mask=[True]))", TypeError, r"MaskedArray follows other rules.*np\.where\(mask"),
    ("ad.tensor(y)", EXIT, r"ad\.tensor\(x\.data\).*write x itself"),
    ("ad.tensor([x, x])", EXIT, r"ad\.array\(\[\.\.\.\]\) for lists of recorded values"),
    ('ad.scalar("1.0")', TypeError, r"ad\.scalar needs a real number; got str"),
    ("ad.scalar(1j)", TypeError, r"needs a real number; got complex"),
    ("ad.scalar(x)", ValueError, r"needs one element; got .*\(2, 3\)\. Write ad\.scalar\(x\[i\]\)"),
    (
        "ad.scalar(np.ones(3))",
        ValueError,
        r"needs one element; got .*\(3,\)\. Write ad\.scalar\(x\[i\]\), or ad\.tensor",
    ),
    ("x + np.array(['a', 'b', 'c'])", TypeError, r"add: <U1 array of shape \(3,\) holds no numbers.*dtype=float"),
    ("x * np.array([None, 1.0, 2.0])", TypeError, r"multiply: object array of shape \(3,\) holds no numbers"),
    ("np.outer(x, None)", TypeError, r"multiply: object array .* holds no numbers"),
    ("x + 'a'", TypeError, r"'Tensor' and 'str'"),
    ("s * 1j", TypeError, r"Scalar and the complex number 1j: a Scalar is real\. Write ad\.tensor"),
    ("ad.relu(z)", TypeError, r"relu has no derivative rule for complex numbers.*np\.real\(x\), np\.imag\(x\)"),
    ("x & x", TypeError, r"&: 'Tensor' and 'Tensor'"),
]
BACKWARD: Rows = [
    ("y.backward()", GRAPH, r"single number to start from; this Tensor has shape \(2, 3\)\. Write \.sum\(\)\.backward"),
    ("y.backward(np.ones(5))", GRAPH, r"shape of the value, \(2, 3\); got float64 array of shape \(5,\)"),
    ("s.backward(np.ones(3))", GRAPH, r"shape of the value, \(\); got .*\(3,\)"),
    ("(z * 1j).sum().backward()", GRAPH, r"needs a real number.*np\.abs\(x\), np\.real\(x\)"),
    ("l = y.sum(); l.backward(); l.backward()", GRAPH, r"already consumed.*sum .*retain_graph=True"),
    ("l = y.sum(); l.backward(); (l * 2).backward()", GRAPH, r"already consumed.*ad\.record\(\) for the source line"),
    ("x.detach().sum().backward()", GRAPH, r"nothing here requires a gradient.*shape \(\).*outside ad\.no_grad\(\)"),
    ("with ad.no_grad(): l = y.sum()\nl.backward()", GRAPH, r"nothing here requires a gradient.*ad\.tensor\(x\)"),
    ("x.detach().retain_grad()", GRAPH, r"retain_grad\(\) on a constant.*ad\.tensor\(x\)"),
    ("x.detach().register_hook(print)", GRAPH, r"register_hook\(\) on a constant"),
    ('x.register_hook("a")', TypeError, r"register_hook needs a function of the gradient; got str"),
    ("x.register_hook(lambda g: np.ones(9)); y.sum().backward()", ValueError, r"hook .*\(2, 3\) returned .*\(9,\)"),
    ("l = (x * x).sum(); x.data = 0 * x.data; l.backward()", ad.StaleValueError, r"overwritten after multiply.*before"),
    ("ad.explain(y, wrt=x)", GRAPH, r"single number; this Tensor has shape \(2, 3\)\. Write \.sum\(\)"),
    ("ad.explain(3.0, wrt=x)", TypeError, r"explain\(loss, wrt=x\).*got float"),
    ("ad.explain(y.sum(), wrt=x, at=9)", IndexError, r"at=9.*shape \(2, 3\)"),
    ("with ad.strict(): np.abs(0 * x).sum().backward()", ad.SingularPointError, r"absolute has no derivative at index"),
    ("with ad.detect_anomaly(): np.log(0 * x)", ad.AnomalyError, r"log made 6 infinities .* shapes \(2, 3\)"),
]
WRITES: Rows = [
    ("x[0] = 1.0", ad.WriteError, r"x\[i\] = v on a leaf.*np\.where\(mask, v, x\).*no_grad"),
    ("x += 1.0", ad.WriteError, r"x \+= v on a leaf.*Write x = x \+ v"),
    ("x @= m", ad.WriteError, r"on a leaf.*no_grad"),
    ("y[0] = np.ones(9)", ValueError, r"\(9,\) into shape \(3,\)[\s\S]*setitem of .*\(2, 3\)"),
    ("y[9] = 1.0", IndexError, r"index 9 is out of bounds[\s\S]*setitem of .*\(2, 3\)"),
    ('y[0] = "a"', ValueError, r"setitem: <U1 array of shape \(\) holds no numbers"),
    ("a = y[0]; y[0] = 1.0; a + 1", ad.StaleValueError, r"view .* overwritten.*take the view again"),
    ("x.data = np.ones(4)", ValueError, r"\(2, 3\) cannot be set to .*\(4,\); broadcast or reshape it"),
    ("y.data = np.ones((2, 3))", ad.WriteError, r"recorded value cannot be set; write x\[\.\.\.\] = v"),
    ("x.grad = np.ones(7)", ValueError, r"shape of the value, \(2, 3\); got .*\(7,\)"),
    ("y.grad = np.ones((2, 3))", GRAPH, r"only the \.grad of a leaf"),
    ("y.requires_grad = False", GRAPH, r"on leaves only; write x\.detach\(\)"),
    ("plain += x", EXIT, r"np\.add\(\.\.\., out=.*For the plain value write \.data.*y = a \+ b"),
    ("plain[...] = x", EXIT, r"storing it in an array.*ad\.array"),
    ("plain[0, 0] = s", EXIT, r"z = ad\.tensor\(np\.zeros\(n\), requires_grad=False\); z\[i\] = x"),
]
EXITS: Rows = [
    ("float(y.sum())", EXIT, r"float\(\).*write \.item\(\).*np\.exp and the like"),
    ("int(s)", EXIT, r"int\(\).*\.item\(\).*np\.rint, np\.floor"),
    ("round(s)", EXIT, r"round\(\).*np\.round"),
    ("math.exp(s)", EXIT, r"math function.*\.item\(\).*np\.exp"),
    ("math.fsum([s, s])", EXIT, r"math function.*\.item\(\)"),
    ("operator.index(s)", TypeError, r"'Scalar' object cannot be interpreted as an integer"),
    ("np.asarray(y)", EXIT, r"np\.asarray or np\.array.*\.data.*ad\.array"),
    ("np.array([s, s])", EXIT, r"ad\.array\(\[\.\.\.\]\)"),
    ("np.vectorize(float)(x)", EXIT, r"np\.vectorize.*the NumPy function itself"),
    ("x.item()", ValueError, r"exactly one element; this Tensor has shape \(2, 3\)"),
    ("bool(y)", ValueError, r"truth of 6 elements is ambiguous: write np\.any\(x\.data\)"),
    ("iter(y.sum())", TypeError, r"iteration over a 0-d Tensor.*\.item\(\)"),
    ("len(y.sum())", TypeError, r"len\(\) of a 0-d Tensor"),
    ("f'{x:d}'", TypeError, r"needs one element; this Tensor has shape \(2, 3\).*np\.array2string"),
    ("pickle.dumps(y)", EXIT, r"only leaves can be copied or pickled.*x\.detach\(\).*x\.data"),
    ("copy.deepcopy(y)", EXIT, r"only leaves can be copied.*x\.detach\(\)"),
    ("copy.copy(s * 2)", EXIT, r"only leaves can be copied.*x\.data"),
    ("np.random.default_rng(0).normal(x)", EXIT, r"np\.asarray.*\.data"),
]
NUMPY: Rows = [
    ("np.exp(x, out=plain)", EXIT, r"np\.exp\(\.\.\., out=\.\.\.\)"),
    ("np.sum(x, out=np.zeros(()))", RULE, r"sum\(\.\.\., out=\.\.\.\) cannot be recorded\. Assign the result"),
    ("np.exp(x, where=np.ones((2, 3), bool))", RULE, r"np\.exp\(\.\.\., where=.*np\.where\(mask, x, 0\)"),
    ("np.exp(x, dtype=object)", RULE, r"exp\(\.\.\., dtype=\.\.\.\) cannot be recorded\. Write \.astype\(dtype\)"),
    ("np.add(x, 1.0, dtype=object)", RULE, r"add\(\.\.\., dtype=.*\.astype\(dtype\)"),
    ("np.exp(x, casting='no')", RULE, r"exp\(\.\.\., casting=\.\.\.\) cannot be recorded"),
    ("x.sum(dim=1)", RULE, r"sum\(\.\.\., dim=\.\.\.\).*Write axis="),
    ("x.sum(axis=0, keepdim=True)", RULE, r"keepdim=\.\.\.\).*Write keepdims="),
    ("ad.softmax(x, dim=1)", RULE, r"softmax\(\.\.\., dim=.*Write axis="),
    ("ad.exp()", TypeError, r"exp\(\) is missing its argument 'x'"),
    ("ad.exp(x, 1, 2, 3)", TypeError, r"too many arguments: exp\(x\)"),
    ("x.mean(1, 2, 3, 4, 5, 6)", TypeError, r"too many arguments: mean\(x, axis=None"),
    ("np.histogram(x)", RULE, r"np\.histogram counts.*np\.histogram\(x\.data\)"),
    ("np.add.at(y, 0, 1.0)", RULE, r"np\.add\.at writes .*Write x\[i\] = v"),
    ("np.fill_diagonal(y, 0)", RULE, r"np\.fill_diagonal writes.*ad\.fill_diagonal"),
    ("np.copyto(plain, x)", RULE, r"np\.copyto writes.*np\.where\(mask, src, dst\)"),
    ("np.put(y, 0, 1.0)", RULE, r"np\.put writes.*x\[i\] = v"),
    ("np.putmask(y, y > 0, 1.0)", RULE, r"np\.putmask writes.*x\[mask\] = v"),
    ("np.save('f.npy', y)", RULE, r"np\.save writes numbers to a file.*x\.data"),
    ("np.bitwise_and(x, x)", RULE, r"np\.bitwise_and takes integers.*x\.data"),
    ("np.spacing(x)", RULE, r"np\.spacing .*Write np\.spacing\(x\.data\)"),
    ("scipy.special.ellipk(x)", RULE, r"ellipk has no derivative rule.*ad\.special.*ad\.custom_vjp.*ellipk\(x\.data\)"),
    ("scipy.special.hyp2f1(1, 1, 1, x)", RULE, r"hyp2f1 has no derivative rule.*ad\.custom_vjp"),
    ("scipy.special.lambertw(x)", RULE, r"lambertw has no derivative rule.*: lambertw\(x\.data\)"),
    ("scipy.special.jv(x, x)", TypeError, r"the order must be one whole number"),
    ("scipy.linalg.inv(m)", EXIT, r"SciPy's functions do that.*np\.linalg and np\.fft record.*ad\.linalg"),
    ("scipy.signal.convolve(x, x)", EXIT, r"SciPy's functions do that.*\.data"),
    ("scipy.stats.norm.logpdf(x)", EXIT, r"ad\.special and ad\.stats"),
    ("scipy.integrate.quad(lambda p: p * s, 0, 1)", EXIT, r"float\(\).*\.item\(\)"),
]
TRANSFORMS: Rows = [
    ("ad.grad(x)", TypeError, r"grad needs a function; got .*\(2, 3\).*y\.backward\(\) and read x\.grad"),
    ("ad.grad(f, 1.0)", TypeError, r"argnums must be an integer or several; got float.*ad\.grad\(f\)\(x\)"),
    ('ad.grad(f)("a")', TypeError, r"argument 0 cannot be differentiated: got str.*argnums="),
    ("ad.grad(f)(np.array([1, 2]))", TypeError, r"int64 array of shape \(2,\)\. Pass floats \(x\.astype\(float\)\)"),
    ("ad.grad(f)(True)", TypeError, r"argument 0 cannot be differentiated: got bool"),
    ("ad.grad(f)()", ValueError, r"argnums=0 but the function was called with 0 positional arguments"),
    ("ad.grad(f, argnums=(0, 5))(1.0)", ValueError, r"argnums=\(0, 5\) .* 1 positional"),
    (
        "ad.grad(lambda v: v)(np.ones(3))",
        TypeError,
        r"single number; it returned .*\(3,\)\. Sum it, or use ad\.jacobian",
    ),
    ("ad.grad(lambda v: None)(1.0)", TypeError, r"single number; it returned NoneType"),
    ("ad.grad(f, has_aux=True)(1.0)", TypeError, r"has_aux=True needs a function that returns \(value, aux\)"),
    ("ad.grad(f)(1j)", TypeError, r"returns a real number.*holomorphic=True"),
    ("ad.value_and_grad(3)", TypeError, r"value_and_grad needs a function; got int"),
    ("ad.vjp(3.0, 1.0)", TypeError, r"vjp needs a function; got float\. Write y, pullback = ad\.vjp\(f, x\)"),
    ("ad.vjp(lambda v: v, np.ones(3))[1](np.ones(4))", ValueError, r"output's shape \(3,\); got .*\(4,\)"),
    ("ad.jvp(f, 1.0, 1.0)", TypeError, r"two sequences of equal length: jvp\(f, \(x,\), \(v,\)\)"),
    ("ad.jvp(f, (np.ones(3),), (np.ones(4),))", ValueError, r"primal's shape \(3,\); got .*\(4,\)"),
    ('ad.jacobian(f, mode="sideways")(np.ones(3))', ValueError, r"mode must be 'reverse', 'forward'.*'sideways'"),
    ("ad.jacobian(3)", TypeError, r"jacobian needs a function; got int"),
    ("ad.hessian(lambda v: v)(np.ones(3))", TypeError, r"single number; it returned .*\(3,\)"),
    ("ad.hvp(f, np.ones(3), np.ones(3))", TypeError, r"hvp\(f, \(x,\), \(v,\)\)"),
    ("ad.hvp(f, (np.ones(3),), (np.ones(4),))", ValueError, r"hvp: a tangent must have .*\(3,\); got .*\(4,\)"),
    ("ad.checkpoint(x)", TypeError, r"checkpoint needs a function; got Tensor\. Write ad\.checkpoint\(f\)\(x\)"),
    (
        "c = [1.0]; h = ad.checkpoint(lambda u: u * c[0])(x); c[0] = 2.0; h.sum().backward()",
        ad.StaleValueError,
        r"did other than at first: multiply .*overwritten since",
    ),
    (
        "c = []; h = ad.checkpoint(lambda u: (c.append(1), u[: len(c)])[1])(x); h.sum().backward()",
        ad.StaleValueError,
        r"did other than at first: getitem",
    ),
    (
        "ad.checkpoint(lambda u: u.__setitem__(0, 1.0) or u)(y).sum().backward()",
        GRAPH,
        r"changes an argument .*Return the new value instead",
    ),
    ("ad.array([x, v])", ValueError, r"parts of one list have different shapes: \(2, 3\), \(3,\)"),
    ("ad.custom_vjp(3)", TypeError, r"custom_vjp needs a function; got int"),
    ("ad.custom_vjp(f)(x)", GRAPH, r"no derivative rule yet: call .*defvjp\(fwd, bwd\) first"),
    ("ad.custom_vjp(f).defvjp(3, 4)", TypeError, r"needs two functions; fwd is int.*returns \(output, residuals\)"),
    ("h = ad.custom_vjp(f); h.defvjp(f, f); h(x)", GRAPH, r"forward function .* must return \(one array, residuals\)"),
    ("with ad.scope(3): pass", TypeError, r"scope needs a name, such as ad\.scope\('encoder'\); got int"),
    ('ad.record("a")', TypeError, r"record takes booleans: ad\.record\(grads=True"),
]
NAMES: Rows = [
    ("ad.Value", AttributeError, r"write ad\.scalar\(2\.0\)"),
    ("ad.GradientTape", AttributeError, r"write loss\.backward\(\) and read x\.grad"),
    ("ad.cat", AttributeError, r"write np\.concatenate"),
    ("ad.float16", AttributeError, r"dtypes are NumPy's"),
    ("ad.asarray([1.0], device='gpu')", ValueError, r"the only device is 'cpu'; got 'gpu'"),
    ("m.to_device('cuda')", ValueError, r"a Tensor lives on the device 'cpu'; got to_device\('cuda'"),
    ("np.from_dlpack(m)", EXIT, r"from_dlpack\(\) of another library"),
    ("complex(m[0, 0])", EXIT, r"complex\(\)"),
    ("m.__array_namespace__(api_version='1999')", ValueError, r"follows the Array API standard 2024\.12"),
    ("ad.tanhh", AttributeError, r"Did you mean tanh"),
    ("ad.functional", AttributeError, r"write nn\.functional"),
    ("x.unsqueeze(0)", AttributeError, r"a Tensor has no \.unsqueeze: write np\.expand_dims"),
    ("x.cuda()", AttributeError, r"NumPy on the CPU; leave it out"),
    ("x.view(3, 2)", AttributeError, r"write \.reshape"),
    ("x.clone()", AttributeError, r"write np\.copy\(x\)"),
    ("x.norm()", AttributeError, r"write np\.linalg\.norm\(x\)"),
    ("x.add_(1)", AttributeError, r"write x \+= y on a value that is no leaf"),
    ("x.grad_fn", AttributeError, r"write ad\.draw\(x\)"),
    ("x.at[0].set(1)", AttributeError, r"write np\.where\(mask, v, x\)"),
    ("x.sort()", AttributeError, r"writes into the array.*np\.sort\(x, axis\)"),
    ("nn.Lineer", AttributeError, r"Did you mean Linear"),
    ("nn.optim.StepLR", AttributeError, r"write nn\.optim\.lr_scheduler\.StepLR"),
    ("nn.optim.Adamm", AttributeError, r"Did you mean Adam"),
    ("nn.DataLoader", AttributeError, r"write nn\.data\.DataLoader\(dataset, batch_size=32\)"),
    ("nn.init.xavier_uniform_", AttributeError, r"write p\.data = nn\.init\.xavier_uniform\(p\.shape\)"),
    ("nn.optim.lr_scheduler.StepLr", AttributeError, r"Did you mean StepLR"),
    ("nn.functional.mse", AttributeError, r"write nn\.functional\.mse_loss"),
    ("nn.metrics.accuraccy", AttributeError, r"Did you mean accuracy"),
    ("ad.linalg.sovle", AttributeError, r"module 'autodiff\.linalg' .*Did you mean solve"),
    ("ad.special.gamaln", AttributeError, r"module 'autodiff\.special' .*Did you mean gammaln"),
    ("ad.fft.fftt", AttributeError, r"module 'autodiff\.fft' .*Did you mean fft"),
    ("ad.stats.normal", AttributeError, r"module 'autodiff\.stats' .*Did you mean norm"),
    ("net.cuda()", AttributeError, r"Linear has no \.cuda: everything is NumPy on the CPU"),
    ("net.register_forward_hook(print)", AttributeError, r"define forward\(self, x\) in a subclass"),
    ("net.fit(plain, plain)", AttributeError, r"write nn\.fit\(model, x, y"),
    ("nn.init.kaiming_normal_", AttributeError, r"nn\.init\.he_normal\(p\.shape\)"),
]
LAYERS: Rows = [
    ("net(np.ones((4, 5)))", ValueError, r"Linear\(in_features=3\) got x with last axis 5: shape \(4, 5\)"),
    ("net(1.0)", ValueError, r"Linear\(in_features=3\) got x with no axis: shape \(\)"),
    ("nn.Linear(-1, 2)", ValueError, r"Linear: in_features must be an integer >= 0, got -1"),
    ("nn.Linear(3.5, 2)", ValueError, r"in_features must be an integer >= 0, got 3\.5"),
    ("nn.Linear(3, 2, dtype=int)", TypeError, r"int64 cannot have a gradient: write dtype=float"),
    ('nn.Linear(3, 2, rng="a")', TypeError, r"Generator, an integer seed or None, got str"),
    ("nn.Sequential(3)", TypeError, r"layer 0 is a int, which cannot be called"),
    ("nn.Sequential([nn.ReLU()])", TypeError, r"layer 0 is a list.*pass modules one by one"),
    ("nn.Sequential(nn.ReLU)", TypeError, r"layer 0 is the class ReLU; write nn\.ReLU\(\.\.\.\)"),
    ("nn.Sequential(nn.ReLU())[5]", IndexError, r"Sequential has 1 layers.*got index 5"),
    ("nn.Sequential(net, nn.Linear(3, 2))(np.ones((4, 3)))", ValueError, r"in_features=3\) got x with last axis 2"),
    ("nn.Module()(x)", NotImplementedError, r"Module has no forward: define forward\(self, x\)"),
    ("nn.Dropout(2.0)", ValueError, r"probability of dropping must be in \[0, 1\], got 2\.0"),
    ('nn.Dropout("a")', TypeError, r"must be a number in \[0, 1\], got 'a'"),
    (
        "nn.Conv2d(3, 8, 3)(np.ones((2, 4, 8, 8)))",
        ValueError,
        r"Conv2d\(in_channels=3\) needs .*got shape \(2, 4, 8, 8\)",
    ),
    ("nn.Conv2d(3, 8, 3, stride=0)", ValueError, r"Conv2d: stride must be an integer >= 1.*got 0"),
    ("nn.Conv2d(3, 8, 3, groups=2)", ValueError, r"groups=2 must divide in_channels and out_channels, \(3, 8\)"),
    ("nn.Conv2d(3, 8, 9)(np.ones((2, 3, 4, 4)))", ValueError, r"kernel of 9 .*axis has 4.*no window fits"),
    ("nn.MaxPool2d(2)(np.ones((4, 4)))", ValueError, r"MaxPool2d needs x of shape \(N, C, H, W\).*got shape \(4, 4\)"),
    ("nn.BatchNorm1d(3)(np.ones((4, 5)))", ValueError, r"BatchNorm1d\(num_features=3\) needs .*got shape \(4, 5\)"),
    ("nn.BatchNorm1d(3)(np.ones((1, 3)))", ValueError, r"more than 1 element in each channel.*got shape \(1, 3\)"),
    ("nn.LayerNorm(3)(np.ones((4, 5)))", ValueError, r"last axes of x must be \(3,\); got shape \(4, 5\)"),
    ("nn.GroupNorm(2, 3)", ValueError, r"num_groups=2 must divide num_channels=3"),
    ("nn.Embedding(10, 3)(np.array([10]))", IndexError, r"embedding: 10 at index \(0,\) is outside 0\.\.9"),
    ("nn.Embedding(10, 3)(np.array([0.5]))", TypeError, r"embedding needs integers, got float64.*x\.astype\(int\)"),
    ("nn.LSTM(3, 4)(np.ones((5, 2, 7)))", ValueError, r"LSTM\(input_size=3\) needs \(T, N, I\).*got shape \(5, 2, 7\)"),
    ("nn.LSTM(3, 0)", ValueError, r"LSTM: hidden_size must be an integer >= 1, got 0"),
    (
        "nn.GRU(3, 4)(np.ones((5, 2, 3)), np.ones((1, 2, 5)))",
        ValueError,
        r"GRU: an initial .*\(1, 2, 4\), got \(1, 2, 5\)",
    ),
    ("nn.RNN(3, 4, nonlinearity='foo')", ValueError, r"nonlinearity must be 'tanh' or 'relu', got 'foo'"),
    ("nn.ModuleList([3])", TypeError, r"ModuleList holds modules; got a int"),
    ("nn.Dropout2d(0.5)(np.ones(3))", ValueError, r"dropout2d needs x of 4 axes; got shape \(3,\)"),
    ("nn.PReLU(5)(x)", ValueError, r"weight of shape \(5,\) must have 1 element or one for each of the 3 channels"),
    ("nn.Flatten(9)(x)", ValueError, r"flatten from axis 9 needs at least 9 axes, got shape \(2, 3\)"),
    ("nn.functional.pad(x, (1, 1), mode='foo')", ValueError, r"mode must be one of constant, reflect.*got 'foo'"),
    ("nn.MLP(2, 3)", TypeError, r"nouts is a list.*nn\.MLP\(2, \[16, 1\]\); got 3"),
    ("nn.Neuron(-1)", ValueError, r"Neuron: nin must be an integer >= 0, got -1"),
    ("nn.Neuron(3)([1.0, 2.0])", ValueError, r"Neuron\(nin=3\) got 2 inputs"),
    ("net.weight = np.ones((2, 3))", TypeError, r"Linear\.weight is a Parameter.*Write weight\.data = "),
    ("net.load_state_dict({})", ValueError, r"missing 'weight', 'bias'\. Nothing was loaded; strict=False"),
    ("net.load_state_dict(3)", TypeError, r"Linear\.load_state_dict needs a dict of arrays by name, got 3"),
    (
        "net.load_state_dict({'weight': np.ones((9, 9)), 'bias': np.ones(2)})",
        ValueError,
        r"'weight' has shape \(2, 3\), the saved array \(9, 9\)",
    ),
    ("net.astype(int)", TypeError, r"Linear\.astype needs a floating dtype, got int64"),
    ("nn.functional_call(net, {'nosuch': 1}, x)", ValueError, r"no parameter 'nosuch'; it has weight, bias"),
    ("nn.functional_call(3, {}, x)", TypeError, r"functional_call needs a Module, got a int"),
    ('nn.seed("a")', TypeError, r"seed needs a whole number or None, got 'a'"),
]
LOSSES: Rows = [
    ("nn.MSELoss()(x, np.ones((3, 2)))", ValueError, r"same shape, got \(2, 3\) and \(3, 2\); reshape one"),
    ("nn.L1Loss()(x, v)", ValueError, r"l1_loss: .*\(2, 3\) and \(3,\)"),
    ('nn.MSELoss(reduction="avg")', ValueError, r"reduction must be 'mean', 'sum' or 'none', got 'avg'"),
    ("nn.CrossEntropyLoss()(x, [0, 3])", ValueError, r"label 3 at index \(1,\) is outside 0\.\.2"),
    ("nn.CrossEntropyLoss()(x, [0.5, 1.0])", TypeError, r"integers 0\.\.2.*got dtype float64.*labels\.astype\(int\)"),
    ('nn.CrossEntropyLoss()(x, ["a", "b"])', TypeError, r"labels must be integers.*<U1"),
    ("nn.CrossEntropyLoss()(x, [0, 1, 2])", ValueError, r"\(2, 3\) need labels of shape \(2,\); got \(3,\)"),
    ("nn.CrossEntropyLoss()(s, 0)", ValueError, r"scores need an axis of classes, got shape \(\)"),
    ("nn.CrossEntropyLoss(weight=[1.0, 2.0])(x, [0, 1])", ValueError, r"weight must have shape \(3,\).*got \(2,\)"),
    (
        "nn.CrossEntropyLoss(label_smoothing=2.0)(x, [0, 1])",
        ValueError,
        r"label_smoothing must be in \[0, 1\], got 2\.0",
    ),
    ("nn.NLLLoss()(x, [0, 7])", ValueError, r"nll_loss: labels must be in 0\.\.2, got 7 at index 1"),
    ("nn.BCELoss()(x + 5, np.ones((2, 3)))", ValueError, r"probability must be in \[0, 1\], got .*with_logits"),
    ("nn.BCEWithLogitsLoss()(x, 2 * np.ones((2, 3)))", ValueError, r"target must be in \[0, 1\], got 2\.0 at index"),
    ("nn.BCEWithLogitsLoss(pos_weight=-1.0)", ValueError, r"pos_weight must be finite and >= 0, got -1\.0"),
    ("nn.HuberLoss(delta=-1)", ValueError, r"HuberLoss: delta must be > 0, got -1"),
    ("ad.bce_with_logits(x, np.ones(5))", ValueError, r"bce_with_logits: .*\(2,3\) \(5,\).*lengths must be equal or 1"),
    ("nn.accuracy(np.ones((4, 3)), np.ones(3))", ValueError, r"scores \(\.\.\., C\) and labels.*\(4, 3\) and \(3,\)"),
]
TRAINING: Rows = [
    ("nn.SGD(net)", TypeError, r"SGD takes parameters, got a Linear: write net\.parameters\(\)"),
    ("nn.SGD([])", ValueError, r"SGD got no parameters; did you pass model\.parameters\(\)"),
    ("nn.SGD(net.weight, lr=0.1)", TypeError, r"iterable of parameters; write SGD\(\[p\]\)"),
    ("nn.SGD([np.ones(3)], lr=0.1)", TypeError, r"parameter 0 is a ndarray; give Parameters"),
    ("nn.SGD([y], lr=0.1)", ValueError, r"parameter 0 was computed by an operation; only leaves"),
    ("nn.SGD(net.parameters(), lr=-1)", ValueError, r"SGD: lr must be a finite number >= 0, got -1"),
    ('nn.SGD(net.parameters(), lr="a")', TypeError, r"SGD: lr must be a number, got 'a'"),
    ("nn.SGD(net.parameters(), lr=0.1, nesterov=True)", ValueError, r"nesterov=True needs momentum > 0"),
    (
        "nn.SGD([{'params': [x], 'lrr': 1}], lr=0.1)",
        TypeError,
        r"a group has 'params' and any of .*got \['lrr', 'params'\]",
    ),
    ("nn.Adam(net.parameters(), betas=(1.0, 0.9))", ValueError, r"betas must be two numbers in \[0, 1\), got \(1\.0"),
    ("nn.Adam(net.parameters(), betas=0.9)", ValueError, r"such as \(0\.9, 0\.999\), got 0\.9"),
    ("nn.Adam(net.parameters(), eps=-1)", ValueError, r"Adam: eps must be a finite number >= 0, got -1"),
    ("opt.load_state_dict({})", ValueError, r"no optimizer's state_dict: it holds nothing"),
    ("opt.load_state_dict(3)", TypeError, r"SGD\.load_state_dict needs what state_dict\(\) returned, got 3"),
    ("nn.clip_grad_norm_(net.parameters(), -1)", ValueError, r"max_norm must be >= 0, got -1"),
    ("nn.clip_grad_norm_(net, 1.0)", TypeError, r"takes parameters, got a Linear: write net\.parameters\(\)"),
    ("nn.clip_grad_norm_([3.0], 1.0)", TypeError, r"parameter 0 is a float; give Parameters"),
    ('nn.clip_grad_value_(net.parameters(), "a")', TypeError, r"clip_value must be a number >= 0, got 'a'"),
    ("nn.optim.lr_scheduler.StepLR(net, 3)", TypeError, r"StepLR needs an optimizer, got a Linear"),
    ("nn.optim.lr_scheduler.StepLR(opt, 0)", ValueError, r"StepLR: step_size must be .*got 0"),
    ("nn.optim.lr_scheduler.CosineAnnealingLR(opt, 0)", ValueError, r"CosineAnnealingLR: T_max must be .*got 0"),
    ("nn.optim.lr_scheduler.LambdaLR(opt, 3)", TypeError, r"LambdaLR: lr_lambda"),
    (
        "nn.data.batches(np.ones((4, 2)), np.ones(3), batch_size=2)",
        ValueError,
        r"different numbers of examples: shapes \(4, 2\), \(3,\)",
    ),
    ("nn.optim.lr_scheduler.StepLR(opt, 'a')", ValueError, r"StepLR: step_size must be an integer >= 1, got 'a'"),
    ("nn.optim.lr_scheduler.MultiStepLR(opt, 3)", TypeError, r"milestones must be a list of steps.*got 3"),
    ("nn.optim.lr_scheduler.ExponentialLR(opt, gamma=-1)", ValueError, r"gamma must be a finite number >= 0, got -1"),
    ("nn.data.batches(3, batch_size=2)", ValueError, r"argument 1 is a single number; the first axis counts examples"),
    ("nn.data.train_test_split(np.ones((4, 2)), np.ones(3))", ValueError, r"different numbers of examples: .*\(3,\)"),
    ("nn.data.load_mnist('nosuch')", FileNotFoundError, r"load_mnist: nosuch does not exist\. Pass the directory"),
    ("nn.data.batches(np.ones((4, 2)), batch_size=0)", ValueError, r"batch_size=0; a batch holds .* at least 1"),
    ("nn.fit(3, plain, plain, loss=nn.MSELoss(), optimizer=opt)", TypeError, r"fit needs a Module.*got a int"),
    (
        "nn.fit(net, plain, np.ones(3), loss=nn.MSELoss(), optimizer=opt)",
        ValueError,
        r"equally long.*\(2, 3\) and \(3,\)",
    ),
    (
        'nn.fit(net, plain, plain, loss="mse", optimizer=opt)',
        TypeError,
        r"loss such as nn\.CrossEntropyLoss\(\).*'mse'",
    ),
    ('nn.fit(net, plain, plain, loss=nn.MSELoss(), optimizer="adam")', TypeError, r"such as nn\.Adam\(.*got 'adam'"),
    ("nn.fit(net, plain, plain, loss=nn.MSELoss(), optimizer=opt, epochs=-1)", ValueError, r"epochs >= 0 .*got -1"),
    ('nn.load("nosuch.npz")', FileNotFoundError, r"there is no file nosuch\.npz"),
    ("nn.training_report(3)", TypeError, r"training_report needs what nn\.fit returns, got a int"),
]
PICTURES_AND_CHECKS: Rows = [
    ("ad.draw()", TypeError, r"needs at least one value, for example ad\.draw\(loss\)"),
    ("ad.draw(3.0)", TypeError, r"takes scalars and tensors of the graph; got float"),
    ("ad.draw(net)", TypeError, r"got Linear\. For a model, draw the loss: ad\.draw\(loss, model=net\)"),
    ("ad.draw(x.detach())", TypeError, r"not part of a graph.*detach\(\)"),
    ('ad.draw(y, level="foo")', ValueError, r"level must be one of 'auto', 'op'.*got 'foo'"),
    ('ad.draw(y, lang="fr")', ValueError, r"lang must be one of 'en', 'zh'; got 'fr'"),
    ('ad.draw(y, focus="nosuch")', ValueError, r"focus='nosuch' names nothing.*did you mean"),
    ('ad.draw(y, focus="nan")', ValueError, r"every value and gradient of this graph is finite"),
    ('ad.draw(y, show="foo")', ValueError, r"subset of value, grad, shape.*got 'foo'"),
    ("ad.draw(y, names=3)", TypeError, r"names=\{'x': x\} or names=locals\(\); got int"),
    ("ad.draw(y, model=3)", TypeError, r"named_parameters\(\), as an nn\.Module does: model=net; got int"),
    ("ad.draw(y, model=nn.Linear(2, 2))", ValueError, r"none of its 2 parameters is in this graph"),
    ('ad.draw(y, radius="a", focus="x")', TypeError, r"radius must be a whole number; got 'a'"),
    ("ad.draw(y, thresholds=(1,))", ValueError, r"four norms.*got \(1,\)"),
    ('ad.draw(y).save("picture.xyz")', ValueError, r"unknown suffix '\.xyz'; known are \.dot"),
    ("ad.draw_compare({})", TypeError, r"takes titles and values: \{'with': loss"),
    ("ad.draw_function(3)", TypeError, r"takes functions, for example ad\.draw_function\(np\.tanh\); got 3"),
    ("ad.explain(np.ones(2)).draw()", ValueError, r"nothing to draw"),
    ("ad.testing.check_derivatives(3)", TypeError, r"first argument must be a function, got int"),
    ("ad.testing.check_derivatives(f)", TypeError, r"no inputs; give arrays, or strategies"),
    ("ad.testing.check_derivatives(f, 1)", TypeError, r"no argument is a floating or complex array"),
    ("ad.testing.check_derivatives(f, 1.0, order=9)", ValueError, r"order=9; write 1 or 2"),
    ('ad.testing.check_derivatives(f, 1.0, modes="foo")', ValueError, r'write "reverse", "forward" or both'),
    ("ad.extend.op(np.tanh, vjp=lambda g: g)", ValueError, r"there is a row named 'tanh' already"),
    (
        "ad.extend.op(lambda q: q, name='q', vjp=lambda g, o: g, doc='')",
        TypeError,
        r"rule of q reads o, which is none of",
    ),
]
TABLE = [
    *SHAPES, *AXES, *VALUES, *BACKWARD, *WRITES, *EXITS, *NUMPY, *TRANSFORMS, *NAMES, *LAYERS, *LOSSES, *TRAINING,
    *PICTURES_AND_CHECKS,
]  # fmt: skip


def names() -> dict[str, Any]:
    x = ad.tensor([[0.5, -1.0, 2.0], [1.0, 3.0, -0.5]])
    net = nn.Linear(3, 2, rng=0)
    found: dict[str, Any] = {"x": x, "y": x * 2, "v": ad.tensor([1.0, 2.0, 3.0]), "s": ad.scalar(0.5)}
    found |= {"m": ad.tensor([[2.0, 1.0], [1.0, 3.0]]), "z": ad.tensor([1 + 1j]), "f": lambda v: np.sum(v * v)}
    found |= {"net": net, "opt": nn.SGD(net.parameters(), lr=0.1), "plain": np.zeros((2, 3))}
    return found | {"ad": ad, "nn": nn, "np": np, "math": math, "operator": operator, "pickle": pickle, "copy": copy}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("call", "error", "message"), TABLE, ids=[call.replace("\n", "; ") for call, _, _ in TABLE])
def test_a_wrong_call_says_what_came_and_what_to_write(
    call: str, error: type[BaseException], message: str, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    known = names()
    for module in re.findall(r"scipy\.\w+", call):
        pytest.importorskip(module)
        known["scipy"] = pytest.importorskip("scipy")
    with pytest.raises(error) as caught:
        exec(call, known)
    text = "\n".join([str(caught.value), *getattr(caught.value, "__notes__", ())])
    assert re.search(message, text), text


def test_the_table_is_long_and_names_each_call_once() -> None:
    calls = [call for call, _, _ in TABLE]
    assert len(calls) == len(set(calls)) >= 150
