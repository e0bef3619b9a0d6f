"""The quality of the derivative checks: planted bugs found, false alarms, resolution, cost, and other libraries'
checkers.

    python benchmarks/derivative_checks.py [--streams 5] [--runs 10000] [--bugs 100] [--seed N] [--explain] [--peers]
    [--quick]

Prints one table. `--streams`: independent searches for every planted bug; `--runs`: examples over all right
functions; a bug is found when the wrong rule is rejected and the right rule accepted. The seed is new unless given,
and printed.
"""

from __future__ import annotations

import argparse
import sys
import time
import warnings
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from peer_checkers import PEERS, peer_accepts

from autodiff.testing.check import Options, check_subject
from autodiff.testing.inputs.shrinking import call_strategy, explore
from autodiff.testing.properties.table import Tally, selected
from autodiff.testing.subjects.function_under_test import pair_subject

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "support"))
from planted_bugs import BUGS
from planted_bugs_engine import ENGINE_BUGS
from planted_functions import CORRECT


def false_alarms(runs: int, seed: int) -> dict[str, Any]:
    """Check every right function on new examples."""
    each = -(-runs // len(CORRECT))
    tally, flagged, done, slow = Tally(), [], 0, []
    started = time.process_time()
    for k, (name, entry) in enumerate(CORRECT.items()):
        begun = time.process_time()
        options = Options(selected("default"), seed + k, each, dtypes=(np.float64, np.float32))
        report = check_subject(pair_subject(entry.f, entry.rule, name), (entry.inputs,), None, options, explain=False)
        done += report.examples
        tally.merge(report.tally)
        slow.append(((time.process_time() - begun) / max(report.examples, 1), name))
        if report.failures:
            flagged += [f"{name}: {f.finding.property} {f.finding.message}" for f in report.failures]
    compared = {
        s: sum(c[s] for p, c in tally.counts.items() if p in ("P01", "P09"))
        for s in ("pass", "fail", "weak", "unresolved")
    }
    total = max(sum(compared.values()), 1)
    return {
        "functions": len(CORRECT),
        "runs": done,
        "flagged": flagged,
        "weak": compared["weak"] / total,
        "unresolved": compared["unresolved"] / total,
        "median": float(np.median(tally.resolutions)),
        "p95": float(np.quantile(tally.resolutions, 0.95)),
        "ms": 1e3 * (time.process_time() - started) / max(done, 1),
        "slowest": sorted(slow)[-3:],
    }


def found_bugs(streams: int, limit: int, seed: int) -> dict[str, Any]:
    """Search every planted bug several times independently, without shrinking."""
    missed: list[str] = []
    per_stream, needed = [], []
    for stream in range(streams):
        count = 0
        for name, bug in BUGS.items():
            options = Options(selected("default"), seed + 1000 * stream, limit, stop_early=True)
            pair = pair_subject(bug.f, bug.rule, name)
            report = check_subject(pair, (bug.inputs,), None, options, explain=False)
            count += bool(report.failures)
            needed.append(report.examples)
            if not report.failures:
                missed.append(f"stream {stream}: {name}")
        for name, engine_bug in ENGINE_BUGS.items():
            found = bool(engine_bug.wrong(limit, seed + 1000 * stream, False).failures)
            count += found
            if not found:
                missed.append(f"stream {stream}: {name}")
            if stream == 0 and engine_bug.right(20, seed, False).failures:
                missed.append(f"stream {stream}: {name} (the right one is rejected too)")
        per_stream.append(count)
        print(f"  stream {stream}: {count} of {len(BUGS) + len(ENGINE_BUGS)}", flush=True)
    return {"missed": missed, "per_stream": per_stream, "within_10": float(np.mean(np.array(needed) <= 10))}


def explained_bugs(limit: int, seed: int) -> dict[str, Any]:
    """Search every planted bug once more, with shrinking and explanation."""
    kinds: Counter[str] = Counter()
    wrong, larger, small = [], [], 0
    for name, bug in {**BUGS, **ENGINE_BUGS}.items():
        if name in BUGS:
            options = Options(selected("default"), seed, limit)
            report = check_subject(pair_subject(bug.f, bug.rule, name), (bug.inputs,), None, options)
        else:
            report = bug.wrong(limit, seed, True)
        if not report.failures:
            continue
        kind, size = report.failures[0].kind, min(f.size for f in report.failures)
        kinds["right" if kind in bug.kind.split("|") else "wrong"] += 1
        if kind not in bug.kind.split("|"):
            wrong.append(f"{name} ({kind})")
        small += size <= 4
        if size > 4:
            larger.append(f"{name} ({size})")
    return {"kinds": kinds, "wrong": wrong, "larger": larger, "small": small}


def peers(seed: int, examples: int) -> list[str]:
    """Check the same bugs and functions by other libraries' checkers, at one point and on generated examples."""
    lines = []
    for peer in PEERS:
        caught = {"one": 0, "many": 0}
        alarms, runs, possible = 0, 0, 0
        for k, bug in enumerate(BUGS.values()):
            cases: list[Any] = []
            explore(call_strategy((bug.inputs,), None), cases.append, examples, seed + k)
            verdicts = [
                (peer_accepts(peer, bug.f, bug.rule, c), peer_accepts(peer, bug.f, bug.right, c)) for c in cases
            ]
            known = [(w, r) for w, r in verdicts if w is not None and r is not None]
            if not known:
                continue
            possible += 1
            caught["one"] += any(r and not w for w, r in known[-1:])
            caught["many"] += any(r and not w for w, r in known)
            alarms += sum(not r for _, r in known)
            runs += len(known)
        if runs:
            lines.append(
                f"{peer:<34}{caught['one']:>4} / {caught['many']} of {possible} bugs "
                f"(one point / {examples} generated), "
                f"{alarms / runs:.1%} false alarms"
            )
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--streams", type=int, default=5)
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--bugs", type=int, default=100, help="examples within which a bug must be found")
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument(
        "--peers", action="store_true", help="also run torch gradcheck, jax check_vjp and autograd check_grads"
    )
    parser.add_argument("--explain", action="store_true", help="also shrink and explain every bug (slow)")
    parser.add_argument("--quick", action="store_true", help="one stream, 1,000 runs")
    args = parser.parse_args()
    seed = args.seed if args.seed is not None else int(np.random.SeedSequence().entropy % 2**31)
    warnings.simplefilter("ignore")
    np.seterr(all="ignore")
    print(f"seed {seed}")
    right = false_alarms(1000 if args.quick else args.runs, seed)
    print(
        f"right functions            {right['functions']}, {right['runs']:,} examples, "
        f"{len(right['flagged'])} false alarms"
    )
    for line in right["flagged"]:
        print(f"    {line}")
    print(f"weak, unresolved           {right['weak']:.2%}, {right['unresolved']:.2%}")
    print(f"resolution                 median {right['median']:.1e}, 95th percentile {right['p95']:.1e}")
    print(
        f"time                       {right['ms']:.1f} ms an example (slowest: "
        + ", ".join(f"{n} {1e3 * t:.0f} ms" for t, n in right["slowest"])
        + ")",
        flush=True,
    )
    bugs = found_bugs(1 if args.quick else args.streams, args.bugs, seed)
    print(
        f"planted bugs found         {bugs['per_stream']} of {len(BUGS) + len(ENGINE_BUGS)}; "
        f"{bugs['within_10']:.0%} within 10 examples"
    )
    for line in bugs["missed"]:
        print(f"    missed: {line}")
    if args.explain:
        told = explained_bugs(args.bugs, seed)
        named = told["kinds"].total()
        print(
            f"kind named rightly         {told['kinds']['right']} of {named} "
            f"({told['kinds']['right'] / max(named, 1):.0%}); "
            f"wrongly: {', '.join(told['wrong']) or 'none'}"
        )
        print(
            f"shrunk to 4 numbers        {told['small']} of {named}; larger: {', '.join(told['larger']) or 'none'}",
            flush=True,
        )
    if args.peers:
        for line in peers(seed, 12):
            print(line, flush=True)


if __name__ == "__main__":
    main()
