# SPDX-License-Identifier: MIT
"""Fleets whose jobs begin by a wall clock, and what it shows, by zoneinfo.

usage: wall_clock.py fleet ZONE START DAYS STEP_S VMS
           readings as CSV into utc.csv, at the moments of UTC, and wall.csv,
           at what the clock shows, as if that were UTC: nothing where it is
           put forward, and of what it shows twice the later; of each VM as
           much again as its number, by the minute of the clock's day, and
           a little by chance
       wall_clock.py shows ZONE STEP_S TIME
           what the clock shows at TIME, as if that were UTC
       wall_clock.py follows ZONE FORECAST
           exit 1 unless cpu_mean of each step is what a fleet without chance
           has at that minute
"""
import datetime as dt
import random
import sys
import zoneinfo

UTC = dt.timezone.utc


def shows(zone, t, step):
    """Offsets in whole steps, which is what steps can be moved by."""
    off = dt.datetime.fromtimestamp(t, zone).utcoffset().total_seconds()
    return t + int(off / step) * step


def level(minute):
    return 1 + minute / 60


def fleet(zone, start, days, step, vms):
    begin = int(dt.datetime.fromisoformat(start).replace(
        tzinfo=UTC).timestamp())
    wall = {}
    rnd = random.Random(1)
    with open("utc.csv", "w") as f:
        print("vm,time,cpu", file=f)
        for t in range(begin, begin + days * 86400, step):
            for vm in range(vms):
                at = shows(zone, t, step)
                y = level(at % 86400 / 60) * (1 + vm)
                y *= 1 + (vm > 0) * rnd.gauss(0, 0.1)
                print(f"v{vm},{t},{y:.6f}", file=f)
                wall[at, vm] = y
    with open("wall.csv", "w") as f:
        print("vm,time,cpu", file=f)
        for (at, vm), y in wall.items():
            print(f"v{vm},{at},{y:.6f}", file=f)


def follows(zone, forecast):
    import polars as pl

    f = pl.read_ipc_stream(forecast).filter(pl.col("id") == "v0")
    start, mean = f["start"].dt.epoch("s")[0], f["cpu_mean"][0]
    for i, y in enumerate(mean):
        now = dt.datetime.fromtimestamp(start + 3600 * i, zone)
        if not abs(y - level(now.hour * 60)) <= 1e-5:
            sys.exit(f"{now}: {y}")
    print(f"{len(mean)} steps")


zone = zoneinfo.ZoneInfo(sys.argv[2])
if sys.argv[1] == "fleet":
    fleet(zone, sys.argv[3], *(int(x) for x in sys.argv[4:7]))
elif sys.argv[1] == "shows":
    t = dt.datetime.fromisoformat(sys.argv[4]).replace(tzinfo=UTC)
    print("@%d" % shows(zone, int(t.timestamp()), int(sys.argv[3])))
else:
    follows(zone, sys.argv[3])
