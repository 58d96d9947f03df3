"""`make chaos SEEDS=200 FIRST_SEED=1`: one line a seed, then a summary; status 1 on a fault."""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

from chaos.run import LONG, SHORT, Outcome, run


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m chaos", description=__doc__)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--first-seed", type=int, default=1)
    parser.add_argument("--short", action="store_true", help="as `make test` runs it")
    parser.add_argument("--keep", action="store_true", help="keep the files of runs that failed")
    options = parser.parse_args()
    size = SHORT if options.short else LONG
    outcomes = []
    for seed in range(options.first_seed, options.first_seed + options.seeds):
        directory = Path(tempfile.mkdtemp(prefix=f"muster-chaos-{seed}-"))
        outcome = run(seed, size, directory)
        outcomes.append(outcome)
        print(outcome.line(), flush=True)
        for fault in outcome.verdict.faults:
            print(f"    {fault}", flush=True)
        if not (options.keep and outcome.verdict.faults):
            shutil.rmtree(directory)
        else:
            print(f"    see {directory}", flush=True)
    print(summary(outcomes))
    return int(any(outcome.verdict.faults for outcome in outcomes))


def summary(outcomes: list[Outcome]) -> str:
    verdicts = [outcome.verdict for outcome in outcomes]
    failed = [outcome.seed for outcome in outcomes if outcome.verdict.faults]
    return (
        f"{len(outcomes)} seeds, {sum(len(o.acts) for o in outcomes)} faults: "
        f"{sum(v.made for v in verdicts)} reports made, {sum(v.stored for v in verdicts)} stored, "
        f"{sum(v.twice for v in verdicts)} stored twice, "
        f"{sum(v.declared.total() for v in verdicts)} lost and declared, "
        f"{sum(v.undeclared for v in verdicts)} lost without a word; "
        f"seeds that failed: {failed or 'none'}"
    )


if __name__ == "__main__":
    sys.exit(main())
