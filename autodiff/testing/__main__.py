"""`python -m autodiff.testing module:function`: check a function from the command line.

Exit codes: 0 right, 1 wrong, 2 the command is wrong, 3 inconclusive.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import Any

__all__ = ["main"]

_FIRST = 10  # examples behind the first verdict, which should not keep anyone waiting


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m autodiff.testing",
        description="Check the derivatives of a function.",
        epilog='for example: python -m autodiff.testing numpy:matmul --signature "(m,k),(k,n)->(m,n)"',
    )
    parser.add_argument("target", help='the function, as "module:function"')
    parser.add_argument(
        "--vjp", metavar="MODULE:FUNCTION", help="check this rule(g, y, *arrays) instead of the engine's derivative"
    )
    parser.add_argument("--shape", action="append", metavar="2,3", help="shape of an argument; repeat for several")
    parser.add_argument("--signature", metavar="TEXT", help='shapes with shared letters: "(m,k),(k,n)->(m,n)"')
    parser.add_argument("--domain", nargs=2, type=float, metavar=("LOW", "HIGH"), help="open interval of the entries")
    parser.add_argument("--order", type=int, default=1, choices=(1, 2), help="2 checks second derivatives as well")
    parser.add_argument("--examples", type=int, default=100)
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
