"""`python -m autodiff.testing module:function` checks a function from the command line, and `python -m autodiff.testing
tanh` a row of the registry; without a name every row is checked, with few examples of each.

Exit codes: 0 right, 1 wrong, 2 the command is wrong, 3 inconclusive.
"""

from __future__ import annotations

import argparse
import sys
import warnings
from collections.abc import Sequence
from typing import Any

__all__ = ["main"]

_FIRST = 10  # examples of a first, quick verdict


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m autodiff.testing",
        description="Check the derivatives of a function.",
        epilog='for example: python -m autodiff.testing numpy:matmul --signature "(m,k),(k,n)->(m,n)"',
    )
    parser.add_argument(
        "target", nargs="?", help='the function, as "module:function", or the name of a row; without it: every row'
    )
    parser.add_argument(
        "--vjp", metavar="MODULE:FUNCTION", help="check this rule(g, y, *arrays) instead of the engine's derivative"
    )
    parser.add_argument("--shape", action="append", metavar="2,3", help="shape of an argument; repeat for several")
    parser.add_argument("--signature", metavar="TEXT", help='shapes with shared letters: "(m,k),(k,n)->(m,n)"')
    parser.add_argument("--domain", nargs=2, type=float, metavar=("LOW", "HIGH"), help="open interval of the entries")
    parser.add_argument(
        "--order", type=int, choices=(1, 2), help="2 checks second derivatives as well: the default for rows"
    )
    parser.add_argument("--examples", type=int, help="default: 100 of a function, 50 of a row, 4 of each of all rows")
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument(
        "--power", action="store_true", help="report which planted mistakes these inputs can never show"
    )
    parser.add_argument("--write", action="store_true", help="print a pytest file instead of checking")
    parser.add_argument("--processes", action="store_true", help="compare with two fresh processes, bit for bit")
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit code."""
    parser = _parser()
    args = parser.parse_args(argv)
    if args.target is None or ":" not in args.target:
        return _rows(parser, args)
    args.order, args.examples = args.order or 1, args.examples or 100
    sys.path.insert(0, "")  # functions of the current directory, as for `python -m`
    from autodiff.testing.test_file_writer import find_function, write_tests

    domain = tuple(args.domain) if args.domain else None
    try:
        if args.write:
            print(write_tests(args.target, args.signature, domain, args.order), end="")
            return 0
        f = find_function(args.target)
        rule = find_function(args.vjp) if args.vjp else None
        inputs = _inputs(f, args, domain)
    except (ValueError, ImportError) as error:
        print(f"{parser.prog}: {error}", file=sys.stderr)
        return 2
    return _check(f, rule, inputs, args)


def _rows(parser: argparse.ArgumentParser, args: argparse.Namespace) -> int:
    """Check one row of the registry, or every one; a row has strategies for its own operands."""
    from autodiff.ops import OPS
    from autodiff.testing.row_check import check_op

    unused = [name for name in ("vjp", "shape", "signature", "domain", "power", "write") if getattr(args, name)]
    if args.target not in OPS and args.target is not None:
        print(
            f'{parser.prog}: {args.target!r} is no row of the registry; write a row, such as "tanh", or '
            '"module:function", for example "mylib.ops:swish"',
            file=sys.stderr,
        )
        return 2
    if unused:
        print(f"{parser.prog}: a row draws its own inputs: leave out --{unused[0]}", file=sys.stderr)
        return 2
    names = list(OPS) if args.target is None else [args.target]
    examples = args.examples or (4 if args.target is None else 50)
    # the few examples of a row may all be at jumps: a run of every row accepts more weak comparisons
    weak = 0.2 if args.target is not None else 0.5
    options: dict[str, Any] = dict(order=args.order or 2, examples=examples, seed=args.seed, max_weak=weak)
    reports = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of NumPy: the operands are chosen to be extreme
        for name in names:
            report = check_op(name, processes=args.processes, raises=False, **options)
            reports.append(report)
            if len(names) == 1 or report.failures:
                print(report.to_json() if args.json else report, flush=True)
    wrong = [r.name for r in reports if r.failures]
    unproven = [r.name for r in reports if not r.failures and r.inconclusive]
    if len(names) > 1:
        print(f"{len(names)} rows: {len(wrong)} wrong, {len(unproven)} inconclusive {' '.join(unproven)}".rstrip())
    return 1 if wrong else 3 if unproven else 0


def _inputs(f: Any, args: argparse.Namespace, domain: Any) -> list[Any]:
    from autodiff.testing.inputs import strategies
    from autodiff.testing.test_file_writer import array_arguments

    interval = domain or strategies.REAL
    if domain and not domain[0] < domain[1]:
        raise ValueError(f"--domain {domain[0]} {domain[1]}: the lower end comes first")
    if args.signature:
        return [strategies.signature(args.signature, interval)]
    if args.shape:
        return [
            strategies.tensors(tuple(int(n) for n in text.split(",") if n.strip()), interval) for text in args.shape
        ]
    count = array_arguments(f)
    return [strategies.tensors(domain=interval) if count == 1 else strategies.broadcastable(count, interval)]


def _check(f: Any, rule: Any, inputs: list[Any], args: argparse.Namespace) -> int:
    from autodiff.testing.check import check_derivatives
    from autodiff.testing.planted_mistakes import power

    options: dict[str, Any] = dict(vjp=rule, order=args.order, seed=args.seed, raises=False, processes=args.processes)
    try:
        report = check_derivatives(f, *inputs, examples=min(args.examples, _FIRST), **options)
        if not report.failures and args.examples > _FIRST:
            if not report.inconclusive:
                print(f"first {_FIRST} examples: no mistake; searching {args.examples}", file=sys.stderr, flush=True)
            report = check_derivatives(f, *inputs, examples=args.examples, **options)
    except (TypeError, ValueError) as error:
        print(f"{args.target}: {error}", file=sys.stderr)
        return 2
    print(report.to_json() if args.json else report)
    if args.power and report.ok:
        print(power(f, *inputs, vjp=rule, seed=args.seed))
    return 1 if report.failures else 3 if report.inconclusive else 0


if __name__ == "__main__":
    sys.exit(main())
