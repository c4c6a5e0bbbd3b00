"""plan_many.py FIRST COUNT [ROUNDS [SEARCHES]]: so many random problems of
plan_gen.py, planned by the vmf-window in PATH, each plan proved by plan_check.py.
Prints how many moves there were, and what is broken; exits 1 if anything is.
"""
import os
import subprocess
import sys
import tempfile

import plan_check
import plan_gen


def plan(folder, kind, seed, options):
    """The problem, and its plan, in a folder."""
    p, *rest = plan_gen.make(kind, seed)
    plan_gen.write(folder, p, *rest)
    subprocess.run(["vmf-window", "-q", *p["args"], *options, "-o",
                    "plan.arrows", "forecast.arrows"], cwd=folder, check=True)


if __name__ == "__main__":
    first, count = int(sys.argv[1]), int(sys.argv[2])
    options = [word for pair in zip(["--rounds", "--searches"], sys.argv[3:])
               for word in pair]
    moves = broken = 0
    for seed in range(first, first + count):
        with tempfile.TemporaryDirectory() as d:
            plan(d, "any", seed, options)
            bad, n, _ = plan_check.check(d)
        moves += n
        broken += bool(bad)
        for line in bad[:3]:
            print(f"seed {seed}: {line}")
    print(f"{count} problems, {moves} moves planned, {broken} plans broken")
    sys.exit(broken > 0)
