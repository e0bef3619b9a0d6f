"""The tables of calls that PyTorch has too, by family. PyTorch takes NumPy's ``axis`` and ``keepdims`` as well."""

from __future__ import annotations

from itertools import product

from oracle_entries import Entry, entries

# ---- elementwise
_ONE = {
    "x": "negative positive square sin cos tan arctan sinh cosh tanh arcsinh exp exp2 expm1 abs sinc sign floor "
    "ceil trunc deg2rad rad2deg nan_to_num absolute",
    "p": "reciprocal sqrt log log2 log10 log1p",
    "u": "arcsin arccos arctanh",
}
_TWO = {
    "x, {}": "add subtract multiply maximum minimum hypot fmax fmin copysign logaddexp logaddexp2 arctan2",
    "{}, p": "divide true_divide remainder",
    "p, {}": "float_power",
}
ELEMENTWISE = entries(
    "elementwise",
    [
        *(f"np.{name}({x})" for x, names in _ONE.items() for name in names.split()),
        "np.arccosh(1 + p)",
        "np.cbrt(p) ~ p ** (1 / 3)",
        "np.cbrt(x) ~ torch.sign(x) * torch.abs(x) ** (1 / 3)",
        "np.rint(x) ~ torch.round(x)",
        "np.round(x, decimals=1)",
        "np.fix(x)",
        "np.fabs(x) ~ torch.abs(x)",
        "np.fmod(x, p)",
        "np.mod(x, p) ~ torch.remainder(x, p)",
        "np.floor_divide(x, p) ~ torch.floor(x / p)",
        "np.heaviside(x, y) ~ torch.heaviside(x.detach(), y.detach())",
        "np.ldexp(x, counts)",
        "np.clip(x, -1.0, 1.0)",
        "np.clip(x, -1.0, None)",
        "np.clip(x, b - 1, b + 1)",
        "np.degrees(x) ~ torch.rad2deg(x)",
        "np.radians(x) ~ torch.deg2rad(x)",
        "np.i0(x)",
        # arguments of different shapes: broadcasting is undone
        *(
            f"np.{name}({operands.format(other)})"
            for operands, names in _TWO.items()
            for name in names.split()
            for other in ("y", "b", "c", "s")
            if not (name in ("fmax", "fmin", "copysign") and other == "s")
        ),
        *(f"np.power(p, {other}) ~ torch.pow(p, {other})" for other in ("y", "b", "c", "s")),
        *(f"x {sign} {other}" for sign in "+-*" for other in ("y", "b", "c", "s", "2.5", "x")),
        *(f"{other} / p" for other in ("y", "b", "c", "s", "2.5", "p")),
        *(f"p ** {other}" for other in ("2", "3", "-1", "0.5", "0", "1", "b", "s", "2.5", "p")),
        "x ** 3",
        "x ** 2",
        "2.0 ** x",
        "x % p",
        "x // p ~ torch.floor(x / p)",
        "2.5 - x",
        "-x",
        "+x",
        "abs(x)",
        "np.where(mask, x, y)",
        "np.where(mask, x, b)",
        "np.where(mask, 1.0, x)",
        "np.where(x > 0, x * y, y)",
        "np.where(mask, np.sqrt(p), x)",
    ],
)

# ---- reductions
_AXES = ("", ", axis=0", ", axis=1", ", axis=-1, keepdims=True")
_AXES3 = (", axis=(0, 2)", ", axis=(1, 2), keepdims=True", ", axis=1", ", axis=-1")
REDUCTIONS = entries(
    "reductions",
    [
        *(f"np.{name}(x{axis})" for name, axis in product(("sum", "mean", "nansum", "nanmean"), _AXES)),
        *(f"np.{name}(d{axis})" for name, axis in product(("sum", "mean", "amax", "amin", "nansum"), _AXES3)),
        *(f"np.prod({x}{axis})" for x, axis in product(("x", "p"), ("", ", axis=0", ", axis=-1, keepdims=True"))),
        *(f"np.prod(d{axis})" for axis in (", axis=0", ", axis=1, keepdims=True", ", axis=-1")),
        *(f"np.{name}({x}{axis})" for name, x, axis in product(("amax", "amin"), "xd", ("", ", axis=0"))),
        *(
            f"np.{name}(x{axis}, ddof={ddof}) ~ torch.{name}(x{their_axis}, correction={ddof})"
            for name, ddof, (axis, their_axis) in product(
                ("var", "std"),
                (0, 1),
                (
                    ("", ""),
                    (", axis=0", ", dim=0"),
                    (", axis=1", ", dim=1"),
                    (", axis=-1, keepdims=True", ", dim=-1, keepdim=True"),
                ),
            )
        ),
        *(
            f"np.{name}(d, axis={axis}, ddof={ddof}) ~ torch.{name}(d, dim={axis}, correction={ddof})"
            for name, axis, ddof in product(("var", "std"), ("(0, 2)", "1", "(1, 2)"), (0, 1))
        ),
        "np.sum(x, where=mask) ~ torch.sum(torch.where(mask, x, 0.0))",
        "np.sum(x, axis=1, where=mask, initial=2.0) ~ torch.sum(torch.where(mask, x, 0.0), 1) + 2",
        "np.prod(x, axis=0, where=mask) ~ torch.prod(torch.where(mask, x, 1.0), 0)",
        "np.max(x, axis=1, where=mask, initial=-9.0) ~ torch.amax(torch.where(mask, x, -9.0), 1)",
        "np.mean(x, where=mask) ~ torch.mean(x[mask])",
        "np.var(x, where=mask) ~ torch.var(x[mask], correction=0)",
        "np.average(x, axis=1, weights=q) ~ (x * q).sum(1) / q.sum(1)",
        "np.ptp(x, axis=1) ~ torch.amax(x, 1) - torch.amin(x, 1)",
        "np.cumsum(x, axis=0)",
        "np.cumsum(d, axis=1)",
        "np.cumsum(d, axis=-1)",
        "np.cumprod(x, axis=1)",
        "np.cumprod(d, axis=0)",
        "np.cumprod(d, axis=2)",
        "np.cumsum(x) ~ torch.cumsum(x.ravel(), 0)",
        "np.maximum.accumulate(d, axis=1) ~ torch.cummax(d, 1)[0]",
        "np.minimum.accumulate(d, axis=2) ~ torch.cummin(d, 2)[0]",
        "ad.weighted_sum([x, b], [q, y], c) ~ x * q + b * y + c",
        "np.trapezoid(x, axis=1)",
        "np.trapezoid(x, dx=0.5, axis=0)",
        "np.trapezoid(x, p, axis=1)",
        "np.cov(x)",
        "np.cov(x, ddof=0) ~ torch.cov(x, correction=0)",
        "np.corrcoef(x)[0, 1]",
        "np.count_nonzero(x > 0) * x",
        "np.diff(x)",
        "np.diff(d, axis=1)",
        "np.diff(d, 2)",
        "np.diff(x, axis=1, prepend=c)",
        "np.gradient(v)",
        "np.gradient(v, 0.5) ~ torch.gradient(v, spacing=0.5)",
        "np.gradient(d, axis=1) ~ torch.gradient(d, dim=1)",
        "x.sum(axis=1)",
        "x.mean()",
        "x.prod(axis=0)",
        "x.cumsum(axis=1)",
        "x.max() ~ x.amax()",
        "x.std(axis=1, ddof=1) ~ x.std(1)",
        "x.var() ~ x.var(correction=0)",
    ],
)

# ---- order
_LEVELS = ("0.0", "0.25", "0.3", "0.5", "0.9", "1.0")
ORDER = entries(
    "order",
    [
        "np.sort(v) ~ torch.sort(v)[0]",
        *(f"np.sort(d, axis={axis}) ~ torch.sort(d, dim={axis})[0]" for axis in (0, 1, 2, -1)),
        "np.sort(v)[::-1] ~ torch.sort(v, descending=True)[0]",
        "np.partition(v, 2)[2] ~ torch.kthvalue(v, 3)[0]",
        "v[np.argsort(v)] ~ v[torch.argsort(v)]",
        "np.take_along_axis(d, np.argsort(d.data if hasattr(d, 'detach') else d, axis=1), axis=1)"
        " ~ torch.take_along_dim(d, torch.argsort(d, dim=1), dim=1)",
        *(f"np.quantile(v, {level})" for level in _LEVELS),
        *(f"np.quantile(d, {level}, axis={axis})" for level, axis in product(("0.3", "0.5", "0.85"), (0, 1, 2))),
        "np.quantile(d, 0.4, axis=1, keepdims=True) ~ torch.quantile(d, 0.4, dim=1, keepdim=True)",
        *(
            f"np.quantile(v, 0.37, method={method!r}) ~ torch.quantile(v, 0.37, interpolation={method!r})"
            for method in ("linear", "lower", "higher", "midpoint", "nearest")
        ),
        "np.quantile(x, const([0.2, 0.7]), axis=1)",
        "np.percentile(v, 40.0) ~ torch.quantile(v, 0.4)",
        "np.nanquantile(x, 0.4, axis=1)",
        "np.median(v) ~ torch.quantile(v, 0.5)",
        "np.median(h) ~ torch.quantile(h, 0.5)",
        "np.median(d, axis=2) ~ torch.quantile(d, 0.5, dim=2)",
        "np.median(d, axis=1) ~ torch.median(d, dim=1)[0]",
        "np.nanmedian(v) ~ torch.nanmedian(v)",
        "np.max(v) ~ torch.topk(v, 1)[0][0]",
    ],
)

# ---- shapes and joins
SHAPES = entries(
    "shapes",
    """
np.reshape(d, (6, 4))
np.reshape(d, (-1,))
np.reshape(d, (4, 3, 2))
np.ravel(d)
np.transpose(x) ~ x.T
np.transpose(d, (2, 0, 1)) ~ d.permute(2, 0, 1)
np.transpose(d, (0, 2, 1)) ~ d.permute(0, 2, 1)
np.permute_dims(d, (1, 2, 0)) ~ d.permute(1, 2, 0)
np.matrix_transpose(d) ~ d.mT
d.mT
x.T
np.swapaxes(d, 0, 2)
np.swapaxes(d, -1, 1)
np.moveaxis(d, 0, -1)
np.moveaxis(d, (0, 1), (1, 0))
np.rollaxis(d, 2) ~ torch.moveaxis(d, 2, 0)
np.squeeze(c) ~ torch.squeeze(c)
np.squeeze(c, axis=1)
np.expand_dims(x, 1) ~ x.unsqueeze(1)
np.expand_dims(x, (0, -1)) ~ x.unsqueeze(0).unsqueeze(-1)
np.broadcast_to(b, (2, 3))
np.broadcast_to(c, (2, 3))
np.broadcast_to(s, (2, 2))
np.broadcast_arrays(b, c)[0] * x ~ torch.broadcast_tensors(b, c)[0] * x
np.flip(d) ~ torch.flip(d, (0, 1, 2))
np.flip(d, axis=1) ~ torch.flip(d, (1,))
np.flip(d, axis=(0, 2)) ~ torch.flip(d, (0, 2))
np.fliplr(x)
np.flipud(x)
np.roll(x, 1)
np.roll(d, 2, axis=1) ~ torch.roll(d, 2, 1)
np.roll(d, (1, -1), axis=(0, 2)) ~ torch.roll(d, (1, -1), (0, 2))
np.rot90(x)
np.rot90(x, 2)
np.rot90(x, 3)
np.rot90(d, 1, (1, 2))
np.tile(x, (2, 1))
np.tile(x, (1, 2))
np.tile(b, (2, 2))
np.tile(d, (2, 1, 2))
np.repeat(x, 2) ~ torch.repeat_interleave(x, 2)
np.repeat(x, 2, axis=1) ~ torch.repeat_interleave(x, 2, 1)
np.repeat(x, rows, axis=1) ~ torch.repeat_interleave(x, rows, 1)
np.concatenate([x, y])
np.concatenate([x, c], axis=1)
np.concatenate([x, y, x], axis=-1)
np.concat([x, y], axis=0)
np.stack([x, y])
np.stack([x, y], axis=1)
np.stack([x, y, x], axis=-1)
np.hstack([x, c])
np.vstack([x, b])
np.dstack([x, y])
np.column_stack([x, c])
np.append(x, y, axis=1) ~ torch.cat([x, y], 1)
np.append(x, y) ~ torch.cat([x.ravel(), y.ravel()])
np.block([[x, y], [y, x]]) ~ torch.cat([torch.cat([x, y], 1), torch.cat([y, x], 1)])
np.split(v, [2, 5]) ~ torch.tensor_split(v, [2, 5])
np.split(h, 4) ~ torch.tensor_split(h, 4)
np.split(d, 2, axis=2) ~ torch.tensor_split(d, 2, dim=2)
np.array_split(v, 3) ~ torch.tensor_split(v, 3)
np.hsplit(x, 3)
np.vsplit(x, 2)
np.dsplit(d, 2)
np.unstack(x) ~ torch.unbind(x)
np.unstack(d, axis=1) ~ torch.unbind(d, 1)
np.atleast_1d(s)
np.atleast_2d(b)
np.atleast_3d(d)
np.diag(b)
np.diag(A)
np.diag(A, 1)
np.diag(b, -1)
np.diagflat(x)
np.diagflat(b, 1)
np.diagonal(A)
np.diagonal(d, 1, 0, 2)
np.diagonal(AA, axis1=1, axis2=2) ~ torch.diagonal(AA, dim1=1, dim2=2)
np.trace(A)
np.tril(A)
np.tril(A, 1)
np.tril(AA, -1)
np.triu(A)
np.triu(A, -1)
np.triu(AA, 1)
np.vander(b) ~ torch.stack([b**2, b, b**0], 1)
np.vander(b, 4) ~ torch.stack([b**3, b**2, b, b**0], 1)
np.vander(b, increasing=True) ~ torch.stack([b**0, b, b**2], 1)
np.meshgrid(b, e) ~ torch.meshgrid(b, e, indexing="xy")
np.meshgrid(b, e, indexing="ij") ~ torch.meshgrid(b, e, indexing="ij")
np.pad(x, 1) ~ F.pad(x, (1, 1, 1, 1))
np.pad(x, ((1, 0), (0, 2))) ~ F.pad(x, (0, 2, 1, 0))
np.pad(x, 1, constant_values=3.0) ~ F.pad(x, (1, 1, 1, 1), value=3.0)
np.pad(x, ((0, 0), (2, 1)), mode="reflect") ~ F.pad(x, (2, 1), mode="reflect")
np.pad(x, ((0, 0), (2, 1)), mode="edge") ~ F.pad(x, (2, 1), mode="replicate")
np.pad(x, ((0, 0), (2, 1)), mode="wrap") ~ F.pad(x, (2, 1), mode="circular")
np.pad(d, ((0, 0), (1, 2), (2, 1)), mode="reflect") ~ F.pad(d, (2, 1, 1, 2), mode="reflect")
np.pad(d, ((0, 0), (1, 2), (2, 1)), mode="edge") ~ F.pad(d, (2, 1, 1, 2), mode="replicate")
np.linspace(s, 2 * s, 5) ~ s + s * torch.arange(5) / 4
np.astype(x, np.float64) ~ x.double()
np.full_like(x, s) ~ s.expand(2, 3)
np.copy(x) ~ x.clone()
x.reshape(3, 2)
x.ravel()
x.flatten()
x.swapaxes(0, 1)
x.squeeze()
x.astype(float) ~ x.double()
ad.array([[s, 2 * s], [s * s, 1.0]]) ~ torch.stack([torch.stack([s, 2 * s]), torch.stack([s * s, 0 * s + 1])])
""",
)

# ---- indexing
INDEXING = entries(
    "indexing",
    [
        *(
            f"{operand}[{index}]"
            for operand, indices in {
                "x": ("0", "-1", "1, 2", "0, -1", ":", "...", "None", ":, None", "mask", "rows", ":, rows"),
                "v": ("2:5", ":-2", "::2", "1::3", "-3:", "3:3", "None, 1:3", "[0, 0, 6, -1]", "v > 0", "cols"),
                "d": (
                    "0",
                    "1, :, 2",
                    "..., 0",
                    ":, 1",
                    ":, 1:, ::2",
                    "0, ..., 1:3",
                    "rows",
                    "rows, rows + 1",
                    ":, rows",
                    ":, :, cols",
                    "rows, :, rows",
                    "rows, 1:",
                    "..., rows",
                    "0, cols",
                    "mask",
                    ":, None, 0",
                    "d > 0",
                    "1, mask[0]",
                    "[1, 0], [2, 0]",
                ),
                "A": ("[0, 1, 2], [0, 1, 2]", "1:, :-1", "np.arange(3), rows", "::2, ::2", "A > 1"),
            }.items()
            for index in indices
        ),
        "np.take(x, rows) ~ torch.take(x, rows)",
        "np.take(x, cols, axis=1) ~ x[:, cols]",
        "np.take(d, rows, axis=1) ~ torch.index_select(d, 1, rows)",
        "np.take_along_axis(x, along, axis=1) ~ torch.gather(x, 1, along)",
        "np.compress(const([True, False, True]), x, axis=1) ~ x[:, [True, False, True]]",
        "np.extract(mask, x) ~ torch.masked_select(x, mask)",
        "np.select([mask, x > 1], [x, y], -x) ~ torch.where(mask, x, torch.where(x > 1, y, -x))",
        "np.delete(v, 2) ~ torch.cat([v[:2], v[3:]])",
        "np.insert(v, 2, s) ~ torch.cat([v[:2], s[None], v[2:]])",
        "np.bincount(rows, b) ~ torch.index_add(0 * b[:2], 0, rows, b)",
        "x.take(rows)",
    ],
)

# ---- products
PRODUCTS = entries(
    "products",
    """
A @ B
A @ b
b @ A
b @ b
AA @ A
A @ AA
AA @ AA
AA @ b
AA @ R
Wide @ Tall
np.matmul(d, e)
np.matmul(x, A)
np.matvec(AA, b) ~ (AA @ b[:, None])[..., 0]
np.vecmat(b, AA) ~ b @ AA
np.dot(A, B) ~ torch.mm(A, B)
np.dot(A, b) ~ torch.mv(A, b)
np.dot(b, b)
np.dot(d, e) ~ d @ e
np.inner(x, y)
np.inner(b, b)
np.inner(d, e)
np.outer(b, e)
np.outer(x, y) ~ torch.outer(x.ravel(), y.ravel())
np.vdot(b, b)
np.vdot(x, y) ~ torch.vdot(x.ravel(), y.ravel())
np.vecdot(x, y) ~ torch.linalg.vecdot(x, y)
np.linalg.vecdot(x, b) ~ torch.linalg.vecdot(x, b)
np.kron(x, y)
np.kron(b, e)
np.kron(A, x)
np.cross(x, y) ~ torch.cross(x, y, dim=1)
np.cross(A, B, axis=0) ~ torch.cross(A, B, dim=0)
np.linalg.cross(x, b) ~ torch.linalg.cross(x, b[None])
np.tensordot(x, y, 2) ~ torch.tensordot(x, y, 2)
np.tensordot(x, A, 1) ~ torch.tensordot(x, A, 1)
np.tensordot(d, x, ([0, 1], [0, 1])) ~ torch.tensordot(d, x, ([0, 1], [0, 1]))
np.tensordot(d, d4, ([0, 2], [0, 2])) ~ torch.tensordot(d, d4, ([0, 2], [0, 2]))
np.tensordot(d, d4, ([1, 2], [1, 2])) ~ torch.tensordot(d, d4, ([1, 2], [1, 2]))
np.tensordot(b, e, 0) ~ torch.tensordot(b, e, 0)
np.einsum("ij->", x)
np.einsum("ij->j", x)
np.einsum("ij->ji", x)
np.einsum("ii->", A)
np.einsum("ii->i", A)
np.einsum("bii->b", AA)
np.einsum("ij,ij->ij", x, y)
np.einsum("ij,ij", x, y)
np.einsum("ij,j->i", x, b)
np.einsum("ij,j", x, b)
np.einsum("ij,jk->ik", x, A)
np.einsum("ij,kj->ik", x, y)
np.einsum("i,j->ij", b, e)
np.einsum("bij,bjk->bik", AA, AA)
np.einsum("bij,j->bi", AA, b)
np.einsum("...ij,...jk->...ik", AA, A)
np.einsum("...k,k->...", d, e)
np.einsum("ijk,ij->k", d, x)
np.einsum("ijk,ijk->", d, d4)
np.einsum("ijk,ilk->jl", d, d4)
np.einsum("ij,jk,kl->il", x, A, B)
np.einsum("i,ij,j->", b, A, b)
np.einsum("ab,cd->abcd", x, y)
np.einsum(x, [0, 1], y, [2, 1], [0, 2])
np.linalg.multi_dot([x, A, B])
np.linalg.multi_dot([b, A, R])
np.linalg.outer(b, e) ~ torch.outer(b, e)
np.convolve(v, e, "valid") ~ F.conv1d(v[None, None], e.flip(0)[None, None])[0, 0]
np.convolve(v, e) ~ F.conv1d(v[None, None], e.flip(0)[None, None], padding=3)[0, 0]
np.correlate(v, e, "valid") ~ F.conv1d(v[None, None], e[None, None])[0, 0]
np.polyval(b, x) ~ (b[0] * x + b[1]) * x + b[2]
""",
)

# ---- linear algebra: a decomposition is compared where it does not depend on signs or phases
_ORDERS = ("None", "1", "-1", "2", "-2", "inf", "-inf", "'fro'", "'nuc'")
_VECTOR_ORDERS = ("1", "2", "3", "2.5", "0.5", "-1", "inf", "-inf")
LINALG = entries(
    "linear algebra",
    [
        *(f"np.linalg.{name}({a})" for name, a in product(("det", "inv", "pinv", "svdvals", "cond"), ("A", "AA"))),
        *(f"np.linalg.{name}({a})" for name, a in product(("pinv", "svdvals", "cond"), ("Tall", "Wide"))),
        *(f"np.linalg.{name}(sym({a}))" for name, a in product(("eigvalsh", "det", "inv"), ("A", "AA"))),
        *(f"np.linalg.cholesky(spd({a}))" for a in ("A", "AA")),
        *(f"np.linalg.slogdet({a})[1]" for a in ("A", "AA", "B")),
        *(f"abs(np.linalg.eigh(sym({a}))[1])" for a in ("A", "AA")),
        *(f"np.linalg.eigh(sym({a}))[0]" for a in ("A", "AA")),
        *(
            f"abs(np.linalg.svd({a}, full_matrices=False)[{k}])"
            for a, k in product(("A", "AA", "Tall", "Wide"), (0, 1, 2))
        ),
        *(f"abs(np.linalg.qr({a})[{k}])" for a, k in product(("A", "AA", "Tall"), (0, 1))),
        "abs(np.linalg.qr(Wide)[1])",
        *(f"np.linalg.matrix_power(A, {n})" for n in (0, 1, 2, 3, 5, -1, -2)),
        "np.linalg.matrix_power(AA, 3)",
        *(f"np.linalg.solve({a}, {right})" for a, right in product(("A", "AA"), ("R", "B"))),
        "np.linalg.solve(A, b)",
        "np.linalg.solve(AA, b[:, None])",
        "np.linalg.lstsq(Tall, e)[0] ~ torch.linalg.lstsq(Tall, e[:, None]).solution[:, 0]",
        *(
            f"ad.linalg.polar({a})[{k}] ~ (lambda k: ({u}))(torch.linalg.svd({a}, full_matrices=False))"
            for a in ("A", "Tall")
            for k, u in enumerate(("k[0] @ k[2]", "k[2].mT @ torch.diag(k[1]) @ k[2]"))
        ),
        "abs(np.roots(p[0])) ~ abs(torch.linalg.eigvals(torch.cat([-p[0, 1:][None] / p[0, 0], const([[1.0, 0.0]])])))",
        "ad.linalg.circulant(e) ~ e[(torch.arange(4)[:, None] - torch.arange(4)) % 4]",
        "ad.linalg.solve_toeplitz(b + 5 * const([1.0, 0, 0]), R)"
        " ~ torch.linalg.solve((b + 5 * const([1.0, 0, 0]))[(torch.arange(3)[:, None] - torch.arange(3)).abs()], R)",
        "np.linalg.lstsq(A, R)[0] ~ torch.linalg.lstsq(A, R).solution",
        "np.linalg.tensorinv(np.reshape(A, (3, 3)), ind=1)",
        "np.linalg.tensorsolve(A, b)",
        *(f"np.linalg.norm(A, {order})" for order in _ORDERS),
        *(f"np.linalg.norm(Wide, {order})" for order in _ORDERS),
        *(f"np.linalg.norm(AA, {order}, (1, 2))" for order in _ORDERS),
        *(f"np.linalg.matrix_norm(AA, ord={order})" for order in ("1", "2", "'fro'", "'nuc'", "inf")),
        *(f"np.linalg.vector_norm(v, ord={order})" for order in _VECTOR_ORDERS),
        *(
            f"np.linalg.vector_norm(d, ord={order}, axis=1, keepdims=True)"
            f" ~ torch.linalg.vector_norm(d, ord={order}, dim=1, keepdim=True)"
            for order in _VECTOR_ORDERS
        ),
        *(f"np.linalg.norm(x, {order}, 1)" for order in ("1", "2", "3", "inf")),
        *(f"np.linalg.norm({a})" for a in ("x", "v", "d")),
        "np.linalg.trace(AA) ~ torch.einsum('bii->b', AA)",
        "np.linalg.diagonal(AA)",
        "abs(np.linalg.eigvals(A)).sum()",
        "(np.linalg.eigvals(AA) ** 2).sum()",
        "np.real(np.linalg.eig(A)[0]).prod()",
        "ad.linalg.expm(A / 4) ~ torch.matrix_exp(A / 4)",
        "ad.linalg.expm(AA / 4) ~ torch.matrix_exp(AA / 4)",
        "ad.linalg.solve_triangular(A, R) ~ torch.linalg.solve_triangular(A, R, upper=True)",
        "ad.linalg.solve_triangular(A, R, lower=True) ~ torch.linalg.solve_triangular(A, R, upper=False)",
        "ad.linalg.solve_triangular(A, R, unit_diagonal=True)"
        " ~ torch.linalg.solve_triangular(A, R, upper=True, unitriangular=True)",
        "ad.linalg.solve_triangular(A, R, trans=1) ~ torch.linalg.solve_triangular(A.T, R, upper=False)",
        "ad.linalg.cho_solve((np.linalg.cholesky(spd(A)), True), R)"
        " ~ torch.cholesky_solve(R, torch.linalg.cholesky(spd(A)))",
        "ad.linalg.lu_factor(A)[0] ~ torch.linalg.lu_factor(A)[0]",
        "ad.linalg.sqrtm(spd(A)) ~ (lambda s, v: v * torch.sqrt(s) @ v.mT)(*torch.linalg.eigh(spd(A)))",
        "ad.linalg.solve_sylvester(A, B, A @ B) ~ torch.linalg.solve(torch.kron(A, torch.eye(3).double())"
        " + torch.kron(torch.eye(3).double(), B.T.contiguous()), (A @ B).ravel()).reshape(3, 3)",
        "ad.linalg.block_diag(A, x) ~ torch.block_diag(A, x)",
    ],
)

# ---- Fourier transforms: every norm, lengths odd and even, cut and padded
_NORMS = ('"backward"', '"ortho"', '"forward"')
FOURIER = entries(
    "Fourier",
    [
        *(
            f"np.fft.{name}({x}, norm={norm})"
            for name, x, norm in product(("fft", "ifft", "rfft", "ihfft"), ("v", "h"), _NORMS)
        ),
        *(f"np.fft.{name}(o, norm={norm})" for name, norm in product(("fft", "ifft", "irfft", "hfft"), _NORMS)),
        *(f"np.fft.{name}(v, {n})" for name, n in product(("fft", "ifft", "rfft", "ihfft"), (4, 5, 9))),
        *(f"np.fft.{name}(o, {n})" for name, n in product(("fft", "ifft", "irfft", "hfft"), (4, 5, 7, 10, 12))),
        *(f"np.fft.{name}(z, {n}, 0)" for name, n in product(("fft", "ifft", "irfft"), (1, 2, 3))),
        *(
            f"np.fft.{name}(z, norm={norm})"
            for name, norm in product(("fft2", "ifft2", "fftn", "ifftn", "irfft2", "irfftn"), _NORMS)
        ),
        *(f"np.fft.{name}(d, norm={norm})" for name, norm in product(("rfft2", "rfftn", "fftn"), _NORMS)),
        *(
            f"np.fft.{name}(d, {s}, {axes}) ~ torch.fft.{name}(d, {s}, {axes})"
            for name, (s, axes) in product(
                ("fftn", "rfftn", "ifftn"), (("(3, 5)", "(0, 1)"), ("(2, 2)", "(2, 0)"), ("None", "(1,)"))
            )
        ),
        "np.fft.irfft2(z, (2, 5), (0, 1))",
        "np.fft.irfftn(z, (3, 4), (1, 0))",
        "np.fft.irfft(v)",
        "np.fft.hfft(v, 6)",
        *(f"np.fft.{name}({x})" for name, x in product(("fftshift", "ifftshift"), ("v", "h", "d"))),
        "np.fft.fftshift(d, 1)",
        "np.fft.ifftshift(d, (0, 2))",
        "np.abs(np.fft.rfft(v)) ** 2",
        "np.fft.irfft(np.fft.rfft(v) * np.fft.rfft(v), 7)",
        "ad.signal.lfilter([1.0, 0.0], ad.array([1.0, s]), e) ~ "
        "torch.linalg.solve(torch.eye(4, dtype=e.dtype) + s * torch.diag(torch.ones(3, dtype=e.dtype), -1), e)",
    ],
)

# ---- special functions
SPECIAL = entries(
    "special functions",
    [
        *(f"special.{name}(x)" for name in "expit erf erfc erfcx ndtr log_ndtr i0 i0e i1 i1e sinc".split()),
        *(f"special.{name}(p)" for name in "digamma gammaln psi entr".split()),
        *(f"special.{name}(r)" for name in "logit ndtri".split()),
        "special.erfinv(u)",
        *(f"special.polygamma({n}, p)" for n in (0, 2, 3)),
        *(f"special.multigammaln(p + 3, {k})" for k in (1, 2, 4)),
        *(f"special.{name}({other}, p)" for name, other in product(("xlogy", "xlog1py"), ("x", "b", "c", "s", "2.0"))),
        *(
            f"special.logsumexp(d, axis={axis}) ~ special.logsumexp(d, dim={axis})"
            for axis in ("0", "1", "(0, 2)", "(0, 1, 2)")
        ),
        "special.logsumexp(x, axis=1, keepdims=True) ~ torch.logsumexp(x, 1, keepdim=True)",
        "special.logsumexp(x, axis=1, b=p) ~ torch.log((p * torch.exp(x)).sum(1))",
        *(f"special.{name}(d, axis={axis})" for name, axis in product(("softmax", "log_softmax"), (0, 1, 2))),
        "special.softmax(x) ~ torch.softmax(x.ravel(), 0).reshape(2, 3)",
        *(f"special.logcumsumexp(d, axis={axis}) ~ torch.logcumsumexp(d, {axis})" for axis in (0, 1, 2)),
        "special.log_expit(x) ~ F.logsigmoid(x)",
        "special.betaln(p, q) ~ torch.lgamma(p) + torch.lgamma(q) - torch.lgamma(p + q)",
        "special.beta(p, q) ~ torch.exp(torch.lgamma(p) + torch.lgamma(q) - torch.lgamma(p + q))",
        "special.gamma(p) ~ torch.exp(torch.lgamma(p))",
        "special.rel_entr(p, q) ~ p * torch.log(p / q)",
        "special.kl_div(p, q) ~ p * torch.log(p / q) - p + q",
        "special.huber(1.5, x) ~ F.huber_loss(x, 0 * x, 'none', delta=1.5)",
        "special.pseudo_huber(1.5, x) ~ 2.25 * (torch.sqrt(1 + (x / 1.5) ** 2) - 1)",
        "special.boxcox(p, x) ~ (p**x - 1) / x",
        "special.boxcox1p(p, x) ~ ((1 + p) ** x - 1) / x",
        "special.inv_boxcox(p, r) ~ (1 + r * p) ** (1 / r)",
        "special.inv_boxcox1p(p, r) ~ (1 + r * p) ** (1 / r) - 1",
        "special.binom(p + 3, q) ~ torch.exp(torch.lgamma(p + 4) - torch.lgamma(q + 1) - torch.lgamma(p - q + 4))",
        "special.kv(0.5, p) ~ torch.sqrt(torch.pi / (2 * p)) * torch.exp(-p)",
        "special.kve(1.5, p) ~ torch.sqrt(torch.pi / (2 * p)) * (1 + 1 / p)",
        "special.exprel(x) ~ torch.expm1(x) / x",
        "special.gammainc(2.0, p) ~ 1 - torch.exp(-p) * (1 + p)",
        "special.gammaincc(3.0, p) ~ torch.exp(-p) * (1 + p + p * p / 2)",
        "special.betainc(2.0, 1.0, r) ~ r ** 2",
        "special.stdtr(2.0, x) ~ 0.5 + x / (2 * torch.sqrt(2 + x * x))",
        "special.erfcinv(r) ~ torch.erfinv(1 - r)",
        "special.rgamma(p) ~ torch.exp(-torch.lgamma(p))",
        "special.poch(p, q) ~ torch.exp(torch.lgamma(p + q) - torch.lgamma(p))",
        "special.iv(0.5, p) ~ torch.sqrt(2 / (torch.pi * p)) * torch.sinh(p)",
        "special.ive(1.5, p) ~ torch.sqrt(2 / (torch.pi * p)) * (torch.cosh(p) - torch.sinh(p) / p) * torch.exp(-p)",
        "special.owens_t(x, 1.0) ~ special.ndtr(x) * special.ndtr(-x) / 2",
        "special.jv(0.5, p) ~ torch.sqrt(2 / (torch.pi * p)) * torch.sin(p)",
        "special.yv(-1.5, p) ~ torch.sqrt(2 / (torch.pi * p)) * (torch.cos(p) - torch.sin(p) / p)",
        "special.hyp0f1(0.5, -p * p / 4) ~ torch.cos(p)",
        "special.hyp1f1(1.0, 2.0, x) ~ torch.expm1(x) / x",
        "special.hyp1f1(p, p, y) ~ torch.exp(y) + 0 * p",
        "special.hyp2f1(1.0, 1.0, 2.0, -p) ~ torch.log1p(p) / p",
        "special.hyp2f1(p, 2.0, 2.0, u) ~ (1 - u) ** -p",
        "stats.f.cdf(p, 2.0, 4.0) ~ 1 - (1 + p / 2) ** -2",
        "stats.beta.cdf(r, 2.0, 2.0) ~ r * r * (3 - 2 * r)",
        "special.gammainc(2.5, p) ~ special.gammainc(const(2.5), p)",
        "special.gammaincc(2.5, p) ~ special.gammaincc(const(2.5), p)",
    ],
)

# ---- networks: activations and losses
ACTIVATIONS = entries(
    "activations",
    [
        *(
            f"ad.{name}(x) ~ F.{name}(x)"
            for name in "relu elu selu celu gelu mish softsign softplus hardswish hardtanh relu6 softshrink "
            "hardshrink tanhshrink logsigmoid leaky_relu silu".split()
        ),
        "ad.sigmoid(x) ~ torch.sigmoid(x)",
        "ad.gelu(x, approximate='tanh') ~ F.gelu(x, approximate='tanh')",
        *(f"ad.elu(x, alpha={alpha}) ~ F.elu(x, alpha={alpha})" for alpha in (0.5, 2.0)),
        *(f"ad.celu(x, alpha={alpha}) ~ F.celu(x, alpha={alpha})" for alpha in (0.5, 2.0)),
        *(f"ad.leaky_relu(x, {slope}) ~ F.leaky_relu(x, {slope})" for slope in (0.2, -0.5)),
        *(f"ad.softshrink(x, {level}) ~ F.softshrink(x, {level})" for level in (0.2, 1.0)),
        *(f"ad.hardshrink(x, {level}) ~ F.hardshrink(x, {level})" for level in (0.2, 1.0)),
        "ad.hardtanh(x, -0.5, 1.5) ~ F.hardtanh(x, -0.5, 1.5)",
        "ad.threshold(x, 0.3, -2.0) ~ F.threshold(x, 0.3, -2.0)",
        "ad.prelu(x, s) ~ F.prelu(x, s[None])",
        "ad.prelu(x, b) ~ F.prelu(x, b)",
        *(f"ad.glu(d, axis={axis}) ~ F.glu(d, {axis})" for axis in (0, 2)),
        *(f"ad.softmin(d, axis={axis}) ~ F.softmin(d, dim={axis})" for axis in (0, 1, 2)),
        *(f"ad.softmax(d, axis={axis}) ~ F.softmax(d, dim={axis})" for axis in (0, 1, 2)),
        *(f"ad.log_softmax(d, axis={axis}) ~ F.log_softmax(d, dim={axis})" for axis in (0, 1, 2)),
        "ad.logsumexp(d, axis=1) ~ torch.logsumexp(d, 1)",
        "ad.linear(x, A, b) ~ F.linear(x, A, b)",
        "ad.linear(x, A) ~ F.linear(x, A)",
    ],
) + entries("activations", ["ad.hardsigmoid(x) ~ F.relu6(x + 3) / 6"])  # PyTorch's own slope is 1/6 in float32
_REDUCTIONS = ("mean", "sum", "none")
LOSSES = entries(
    "losses",
    [
        *(
            f"nn.functional.{name}(x, y, reduction={reduction!r}) ~ F.{name}(x, y, reduction={reduction!r})"
            for name, reduction in product(("mse_loss", "l1_loss", "huber_loss", "smooth_l1_loss"), _REDUCTIONS)
        ),
        *(
            f"nn.functional.cross_entropy(l, labels, {options}) ~ F.cross_entropy(l, labels, {options})"
            for options in (
                *(f"reduction={reduction!r}" for reduction in _REDUCTIONS),
                "label_smoothing=0.2",
                "ignore_index=4",
            )
        ),
        *(
            f"nn.functional.binary_cross_entropy(r, mask * 1.0, reduction={reduction!r})"
            f" ~ F.binary_cross_entropy(r, mask * const(1.0), reduction={reduction!r})"
            for reduction in _REDUCTIONS
        ),
        *(
            f"nn.functional.binary_cross_entropy_with_logits(x, mask * 1.0, reduction={reduction!r})"
            f" ~ F.binary_cross_entropy_with_logits(x, mask * const(1.0), reduction={reduction!r})"
            for reduction in _REDUCTIONS
        ),
        *(
            f"nn.functional.{name}(x, signs, reduction={reduction!r}) ~ F.{name}(x, signs, reduction={reduction!r})"
            for name, reduction in product(("soft_margin_loss", "hinge_embedding_loss"), _REDUCTIONS)
        ),
        *(
            f"nn.functional.{name}(x, counts * 1.0, {options}) ~ F.{name}(x, counts * const(1.0), {options})"
            for name, options in (
                ("poisson_nll_loss", "full=True"),
                ("poisson_nll_loss", "full=False"),
                ("mse_loss", "reduction='sum'"),
            )
        ),
        *(
            f"nn.functional.multilabel_soft_margin_loss(x, mask * 1.0, {options})"
            f" ~ F.multilabel_soft_margin_loss(x, mask * const(1.0), {options})"
            for options in ("reduction='mean'", "reduction='sum'", "reduction='none'")
        ),
        "nn.functional.multilabel_soft_margin_loss(x, mask * 1.0, np.array([1.0, 2.0, 0.5]))"
        " ~ F.multilabel_soft_margin_loss(x, mask * const(1.0), const([1.0, 2.0, 0.5]))",
        "nn.functional.gaussian_nll_loss(x, y, p) ~ F.gaussian_nll_loss(x, y, p)",
        "nn.functional.gaussian_nll_loss(x, y, p, full=True) ~ F.gaussian_nll_loss(x, y, p, full=True)",
        "nn.functional.kl_div(x, p, reduction='batchmean') ~ F.kl_div(x, p, reduction='batchmean')",
        "nn.functional.kl_div(x, y, log_target=True, reduction='sum')"
        " ~ F.kl_div(x, y, log_target=True, reduction='sum')",
        "nn.functional.margin_ranking_loss(x, y, signs) ~ F.margin_ranking_loss(x, y, signs)",
        "nn.functional.triplet_margin_loss(x, y, p) ~ F.triplet_margin_loss(x, y, p)",
        "nn.functional.cosine_embedding_loss(x, y, signs[:, 0]) ~ F.cosine_embedding_loss(x, y, signs[:, 0])",
        "nn.functional.nll_loss(ad.log_softmax(l, axis=1), labels) ~ F.nll_loss(F.log_softmax(l, 1), labels)",
    ],
) + entries(
    "losses",
    [
        "nn.functional.multi_margin_loss(l, labels) ~ F.multi_margin_loss(l, labels)",
        *(
            f"nn.functional.multilabel_margin_loss(x, np.array([[2, 0, -1], [1, -1, 0]]), reduction={reduction!r})"
            f" ~ F.multilabel_margin_loss(x, torch.tensor([[2, 0, -1], [1, -1, 0]]), reduction={reduction!r})"
            for reduction in _REDUCTIONS
        ),
    ],
    orders=1,
)

# ---- windows, images and normalization: one text for both, in which F is ``nn.functional`` or PyTorch's
WINDOWS = entries(
    "images",
    [
        *(
            f"F.conv2d(image, kernel, b[:2], {options})"
            for options in (
                "1",
                "2",
                "(1, 2), (1, 0)",
                "padding=1",
                "padding='same'",
                "dilation=(1, 2)",
                "dilation=2, padding=2",
            )
        ),
        *(
            f"F.conv1d(d, signal, {options})"
            for options in ("None", "None, 2", "None, 1, 2, 2", "None, padding='same'")
        ),
        "F.conv1d(d, np.reshape(R, (3, 1, 2)), groups=3) ~ F.conv1d(d, R.reshape(3, 1, 2), groups=3)",
        *(
            f"F.conv_transpose2d(image[:, :2], kernel, None, {options})"
            for options in ("1", "2", "2, 1", "2, 1, 1", "(2, 1), dilation=2")
        ),
        *(
            f"F.{kind}_pool2d(image, {options})"
            for kind in ("max", "avg")
            for options in ("2", "3, 1", "(2, 3), (1, 2)", "3, 2, 1", "2, ceil_mode=True")
        ),
        *(f"F.{kind}_pool1d(d, {options})" for kind in ("max", "avg") for options in ("2", "3, 1, 1")),
        "F.max_pool2d(image, 2, dilation=2)",
        "F.avg_pool2d(image, 3, 2, 1, count_include_pad=False)",
        "F.adaptive_avg_pool2d(image, (2, 3))",
        "F.adaptive_max_pool2d(image, 2)",
        "F.unfold(image, 2)",
        "F.unfold(image, (2, 3), padding=1, stride=2)",
        "F.fold(np.reshape(image, (2, 12, 5)), (2, 6), 2) ~ F.fold(image.reshape(2, 12, 5), (2, 6), 2)",
        "F.layer_norm(x, (3,), b, b)",
        "F.layer_norm(image, (4, 5))",
        "F.layer_norm(d, (4,), e, None, 1e-2)",
        "F.rms_norm(x, (3,), b, 1e-2)",
        "F.rms_norm(image, (4, 5), None, 1e-5)",
        "F.group_norm(image, 3)",
        "F.group_norm(image, 1, b, b)",
        "F.instance_norm(image)",
        "F.instance_norm(image, None, None, b, b)",
        "F.batch_norm(image, None, None, b, b, True)",
        "F.batch_norm(x, None, None, training=True)",
        "F.batch_norm(x, const([0.5, 1.0, -1.0]), const([1.5, 1.0, 2.0]), b, b)",
        "F.bilinear(x, R[:2], signal[:, :, :2])",
        "F.embedding(rows, x)",
        "F.embedding(cols, A)",
        "F.pixel_shuffle(np.reshape(d, (1, 4, 2, 3)), 2) ~ F.pixel_shuffle(d.reshape(1, 4, 2, 3), 2)",
        "F.pixel_unshuffle(image[..., :4], 2)",
        *(f"F.interpolate(image, scale_factor=2, mode={mode!r})" for mode in ("nearest", "bilinear")),
        "F.interpolate(image, (3, 7), mode='bilinear', align_corners=True)",
        "F.interpolate(d, 7, mode='linear')",
        *(
            f"F.interpolate(image, {size}, mode='bicubic', align_corners={corners})"
            for size, corners in (("(3, 7)", True), ("(3, 7)", False), ("(9, 2)", False), ("scale_factor=1.5", False))
        ),
        *(f"F.pad(image, (1, 2, 0, 1), {mode!r})" for mode in ("constant", "reflect", "replicate", "circular")),
    ],
)

# ---- distances, and images read at places
_PAIR = "image[..., :2], np.tanh(np.reshape(image[0, ..., 1:], (2, 3, 4, 2)))"
_ITS_PAIR = "image[..., :2], torch.tanh(image[0, ..., 1:].reshape(2, 3, 4, 2))"
DISTANCES = entries(
    "distances",
    [
        *(f"F.cosine_similarity(d, 1 / d, axis={k}) ~ F.cosine_similarity(d, 1 / d, dim={k})" for k in (0, 1, 2)),
        "F.cosine_similarity(x, b, -1)",
        *(f"F.pairwise_distance(x, y, {p})" for p in ("1", "2", "3.0", "2, 0.0")),
        "F.pairwise_distance(x, y, keepdim=True)",
        *(
            f"F.normalize(d, {p}, axis={axis}) ~ F.normalize(d, {p}, dim={axis})"
            for p, axis in (("1", 0), ("2", 1), ("3.0", 2), ("2", -1))
        ),
    ],
) + entries(
    "distances",
    [
        "F.cdist(d, d[:, :2] + 0.3) ~ torch.cdist(d, d[:, :2] + 0.3, compute_mode='donot_use_mm_for_euclid_dist')",
        *(f"F.cdist(A, B, {p}) ~ torch.cdist(A, B, {p})" for p in ("1", "3.0", "float('inf')")),
        *(f"F.pdist(A, {p})" for p in ("1", "2", "3.0")),
        *(
            f"F.grid_sample({_PAIR}, {options}) ~ F.grid_sample({_ITS_PAIR}, {options})"
            for options in (
                f"padding_mode={padding!r}, mode={mode!r}, align_corners={corners}"
                for padding, mode, corners in product(
                    ("zeros", "border", "reflection"), ("bilinear", "nearest"), (True, False)
                )
            )
        ),
        *(
            f"F.affine_grid(np.reshape(h[:6], (1, 2, 3)), (1, 2, 3, 4), align_corners={corners})"
            f" ~ F.affine_grid(h[:6].reshape(1, 2, 3), (1, 2, 3, 4), align_corners={corners})"
            for corners in (True, False)
        ),
        "F.affine_grid(np.reshape(d[0], (1, 3, 4)), (1, 2, 3, 2, 2), False)"
        " ~ F.affine_grid(d[0].reshape(1, 3, 4), (1, 2, 3, 2, 2), False)",
        "F.max_pool2d(image, 2, return_indices=True)[0]",
        "F.max_unpool2d(image[:, :, :2, :2], np.arange(24).reshape(2, 3, 2, 2) % 16, 2)"
        " ~ F.max_unpool2d(image[:, :, :2, :2], torch.arange(24).reshape(2, 3, 2, 2) % 16, 2)",
    ],
    orders=1,
)

# ---- distributions
DISTRIBUTIONS = entries(
    "distributions",
    """
stats.norm.logpdf(x, b, p) ~ D.Normal(b, p).log_prob(x)
stats.norm.cdf(x, b, p) ~ D.Normal(b, p).cdf(x)
stats.norm.pdf(x, 0.5, 2.0) ~ D.Normal(const(0.5), const(2.0)).log_prob(x).exp()
stats.norm.sf(x, b, p) ~ 1 - D.Normal(b, p).cdf(x)
stats.laplace.logpdf(x, y, p) ~ D.Laplace(y, p).log_prob(x)
stats.laplace.cdf(x, y, p) ~ D.Laplace(y, p).cdf(x)
stats.cauchy.logpdf(x, y, p) ~ D.Cauchy(y, p).log_prob(x)
stats.cauchy.cdf(x, y, p) ~ D.Cauchy(y, p).cdf(x)
stats.t.logpdf(x, q, b, p) ~ D.StudentT(q, b, p).log_prob(x)
stats.expon.logpdf(q, scale=p) ~ D.Exponential(1 / p).log_prob(q)
stats.expon.cdf(q, scale=p) ~ D.Exponential(1 / p).cdf(q)
stats.gamma.logpdf(q, p) ~ D.Gamma(p, const(1.0)).log_prob(q)
stats.gamma.logpdf(q, p, scale=c) ~ D.Gamma(p, 1 / c).log_prob(q)
stats.gamma.cdf(q, 2.5) ~ D.Gamma(const(2.5), const(1.0)).cdf(q)
stats.beta.logpdf(r, p, q) ~ D.Beta(p, q).log_prob(r)
stats.chi2.logpdf(q, p) ~ D.Chi2(p).log_prob(q)
stats.lognorm.logpdf(q, c) ~ D.LogNormal(const(0.0), c).log_prob(q)
stats.lognorm.cdf(q, c) ~ D.LogNormal(const(0.0), c).cdf(q)
stats.halfnorm.logpdf(q, scale=p) ~ D.HalfNormal(p).log_prob(q)
stats.halfnorm.cdf(q, scale=p) ~ D.HalfNormal(p).cdf(q)
stats.uniform.logpdf(r, 0.0, c + 1) ~ D.Uniform(const(0.0), c + 1).log_prob(r)
stats.pareto.logpdf(q + 3, c, scale=1.2) ~ D.Pareto(const(1.2), c).log_prob(q + 3)
stats.weibull_min.logpdf(q, p, scale=c) ~ D.Weibull(c, p).log_prob(q)
stats.weibull_min.cdf(q, p, scale=c) ~ D.Weibull(c, p).cdf(q)
stats.bernoulli.logpmf(mask, r) ~ D.Bernoulli(r).log_prob(mask * const(1.0))
stats.poisson.logpmf(counts, p) ~ D.Poisson(p).log_prob(counts * const(1.0))
stats.binom.logpmf(counts, 5, r) ~ D.Binomial(const(5.0), r).log_prob(counts * const(1.0))
stats.geom.logpmf(counts + 1, r) ~ D.Geometric(r).log_prob(counts * const(1.0))
stats.nbinom.logpmf(counts, p, r) ~ D.NegativeBinomial(p, 1 - r).log_prob(counts * const(1.0))
stats.multivariate_normal.logpdf(x, b, spd(A)) ~ D.MultivariateNormal(b, spd(A)).log_prob(x)
stats.gumbel_r.logpdf(x, y, p) ~ D.Gumbel(y, p).log_prob(x)
stats.gumbel_r.cdf(x, y, p) ~ D.Gumbel(y, p).cdf(x)
stats.gumbel_r.ppf(r, y, p) ~ D.Gumbel(y, p).icdf(r)
stats.halfcauchy.logpdf(q, scale=p) ~ D.HalfCauchy(p).log_prob(q)
stats.halfcauchy.cdf(q, scale=p) ~ D.HalfCauchy(p).cdf(q)
stats.invgamma.logpdf(q, p, scale=c) ~ D.InverseGamma(p, c + 0 * p).log_prob(q)
stats.vonmises.logpdf(x, p, y) ~ p * torch.cos(x - y) - torch.log(2 * torch.pi * torch.special.i0(p))
stats.dirichlet.logpdf(np.array([0.2, 0.3, 0.5]), p[0]) ~ D.Dirichlet(p[0]).log_prob(const([0.2, 0.3, 0.5]))
stats.dirichlet.entropy(p[0]) ~ D.Dirichlet(p[0]).entropy()
stats.multivariate_normal.entropy(b, spd(A)) ~ D.MultivariateNormal(b, spd(A)).entropy()
stats.norm.ppf(r, y, p) ~ D.Normal(y, p).icdf(r)
stats.expon.ppf(r, scale=p) ~ D.Exponential(1 / p).icdf(r)
stats.laplace.ppf(r, y, p) ~ D.Laplace(y, p).icdf(r)
stats.cauchy.ppf(r, y, p) ~ D.Cauchy(y, p).icdf(r)
stats.lognorm.ppf(r, c) ~ D.LogNormal(const(0.0), c).icdf(r)
stats.weibull_min.ppf(r, p, scale=c) ~ D.Weibull(c, p).icdf(r)
stats.wishart.logpdf(spd(A), 4.5, spd(A)) ~ D.Wishart(const(4.5), spd(A)).log_prob(spd(A))
stats.norm.logsf(x) ~ torch.special.log_ndtr(-x)
stats.logistic.logpdf(x) ~ -x - 2 * F.softplus(-x)
""",
)

# ---- complex numbers
COMPLEX = entries(
    "complex numbers",
    [
        *(f"np.{name}(z)" for name in "negative square reciprocal sqrt exp log log10 log2 log1p expm1 sin cos".split()),
        *(f"np.{name}(z)" for name in "tan arcsin arccos arctan sinh cosh tanh arcsinh arccosh arctanh".split()),
        *(f"np.{name}(z)" for name in "abs absolute real angle imag".split()),
        "np.conj(z)",
        "np.conjugate(z) ~ torch.conj(z)",
        *(f"z {sign} {other}" for sign in "+-*" for other in ("w", "x", "b", "c", "s", "(2 - 1j)")),
        *(f"{other} / z" for other in ("w", "x", "b", "s", "(2 - 1j)")),
        *(f"z ** {other}" for other in ("2", "3", "-1", "0.5", "w", "x", "(1 + 0.5j)")),
        "p ** z",
        "2.0 ** z",
        "np.where(mask, z, x) ~ torch.where(mask, z, x + 0j)",
        "np.where(mask, z, np.conj(z))",
        *(
            f"np.{name}(z{axis})"
            for name, axis in product(("sum", "mean", "prod"), ("", ", axis=0", ", axis=1, keepdims=True"))
        ),
        "np.cumsum(z, axis=1)",
        "np.cumprod(z, axis=1)",
        "np.var(z, axis=1) ~ torch.var(z, 1, correction=0)",
        "np.std(z, axis=1) ~ torch.std(z, 1, correction=0)",
        "z[::-1] ~ torch.flip(z, (0,))",
        "z[:, rows]",
        "z[mask]",
        "np.reshape(z, (3, 2))",
        "np.transpose(z) ~ z.T",
        "np.concatenate([z, w], axis=1)",
        "np.stack([z, w])",
        "np.roll(z, 1, axis=1) ~ torch.roll(z, 1, 1)",
        "np.diag(Z)",
        "np.trace(Z)",
        "np.tril(Z)",
        "np.diff(z)",
        "Z @ ZR",
        "Z @ np.conj(Z)",
        "A @ ZR ~ A.to(ZR.dtype) @ ZR",
        "np.vdot(o, o)",
        "np.vdot(z, w) ~ torch.vdot(z.ravel(), w.ravel())",
        "np.vecdot(z, w) ~ torch.linalg.vecdot(z, w)",
        "np.inner(z, w)",
        "np.outer(o, o)",
        "np.kron(z, w)",
        "np.einsum('ij,jk->ik', Z, ZR)",
        "np.einsum('ij,ij->', z, np.conj(w))",
        "np.tensordot(z, w, 2) ~ torch.tensordot(z, w, 2)",
        "np.linalg.det(Z)",
        "np.linalg.inv(Z)",
        "np.linalg.solve(Z, ZR)",
        "np.linalg.pinv(Z)",
        "np.linalg.svdvals(Z)",
        "np.linalg.slogdet(Z)[1]",
        "np.linalg.matrix_power(Z, 3)",
        "np.linalg.norm(Z)",
        "np.linalg.norm(Z, 'nuc')",
        "np.linalg.norm(Z, 2)",
        "np.linalg.norm(Z, 1)",
        *(f"np.linalg.norm(o, {order})" for order in _VECTOR_ORDERS),
        "np.linalg.vector_norm(z, ord=3, axis=1) ~ torch.linalg.vector_norm(z, ord=3, dim=1)",
        "np.linalg.eigvalsh(Z + np.conj(Z).T) ~ torch.linalg.eigvalsh(Z + Z.mH)",
        "np.linalg.cholesky(spd(Z))",
        "abs(np.linalg.eigvals(Z)).sum()",
        "ad.linalg.expm(Z / 4) ~ torch.matrix_exp(Z / 4)",
        "x * 1j + y ~ torch.complex(y, x)",
        "np.real(z) * np.imag(w)",
        "np.abs(x + 1j * y)",
        "np.exp(1j * x)",
        "np.angle(x + 1j * p)",
        "np.sinc(z) ~ torch.sin(torch.pi * z) / (torch.pi * z)",
    ],
)

ENTRIES: list[Entry] = [
    entry
    for table in (
        ELEMENTWISE, REDUCTIONS, ORDER, SHAPES, INDEXING, PRODUCTS, LINALG, FOURIER, SPECIAL, ACTIVATIONS, LOSSES,
        WINDOWS, DISTANCES,
        DISTRIBUTIONS, COMPLEX,
    )
    for entry in table
]  # fmt: skip
