"""`make chaos SEEDS=200 FIRST_SEED=1`: one line a seed, then a summary; status 1 on a fault."""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

from chaos.run import LONG, SHORT, Outcome, run


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m chaos", description=__doc__)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--first-seed", type=int, default=1)
    parser.add_argument("--short", action="store_true", help="as `make test` runs it")
    parser.add_argument("--keep", action="store_true", help="keep the files of runs that failed")
    parser.add_argument(
        "--results", type=Path, metavar="FILE", help="append a JSON line a seed; sum up all of it"
    )
    options = parser.parse_args()
    size = SHORT if options.short else LONG
    code = commit()
    records = []
    for seed in range(options.first_seed, options.first_seed + options.seeds):
        directory = Path(tempfile.mkdtemp(prefix=f"muster-chaos-{seed}-"))
        outcome = run(seed, size, directory)
        records.append(record(outcome, code))
        print(outcome.line(), flush=True)
        for fault in outcome.verdict.faults:
            print(f"    {fault}", flush=True)
        if not (options.keep and outcome.verdict.faults):
            shutil.rmtree(directory)
        else:
            print(f"    see {directory}", flush=True)
        if options.results:
            with options.results.open("a") as file:
                file.write(json.dumps(records[-1]) + "\n")
    if options.results:
        records = [json.loads(line) for line in options.results.read_text().splitlines()]
    print(summary(records))
    return int(any(record["faults"] for record in records))


def record(outcome: Outcome, code: str) -> dict[str, Any]:
    """What is kept of a seed."""
    verdict = outcome.verdict
    return {
        "seed": outcome.seed,
        "code": code,
        "acts": len(outcome.acts),
        "kinds": Counter(f"{act.actor}: {act.what}" for act in outcome.acts),
        "collectors": outcome.collectors,
        "seconds": round(outcome.seconds, 1),
        "made": verdict.made,
        "stored": verdict.stored,
        "twice": verdict.twice,
        "declared": verdict.declared.total(),
        "undeclared": verdict.undeclared,
        "faults": verdict.faults,
    }


def summary(records: list[dict[str, Any]]) -> str:
    """All seeds in a line."""
    total = {
        key: sum(record[key] for record in records)
        for key in ("acts", "made", "stored", "twice", "declared", "undeclared")
    }
    failed = [record["seed"] for record in records if record["faults"]]
    kinds: Counter[str] = Counter()
    for record in records:
        kinds.update(record["kinds"])
    shared = sum(record["collectors"] > 1 for record in records)
    return (
        f"faults: {', '.join(f'{count} {kind}' for kind, count in sorted(kinds.items()))}\n"
        f"{len(records)} seeds ({shared} with two collectors), {total['acts']} faults: "
        f"{total['made']} reports made, "
        f"{total['stored']} stored, {total['twice']} stored twice, "
        f"{total['declared']} lost and declared, {total['undeclared']} lost without a word; "
        f"seeds that failed: {failed or 'none'}"
    )


def commit() -> str:
    """The commit that is checked out, empty outside a clone."""
    command = ["git", "describe", "--always", "--dirty"]
    done = subprocess.run(
        command, cwd=Path(__file__).parent, capture_output=True, text=True, check=False
    )
    return done.stdout.strip()


if __name__ == "__main__":
    sys.exit(main())
