"""Time, memory and files of vmf-train and vmf-predict at the size of fleets.

Series of a seeded fleet are made as a stream (fleet_input.py), a model is
trained and a forecast of 48 steps with nine quantiles made of it.  CPU is user
and system time of both commands; nothing is timed but them.  With --update the
model is one of the day before, which has a row of its own, that is gone on
from.
"""
import argparse
import datetime as dt
import os
import platform
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
QUANTILES = ",".join(str(k / 10) for k in range(1, 10))


def measured(argv):
    begin = time.perf_counter()
    p = subprocess.Popen(argv)
    _, status, u = os.wait4(p.pid, 0)
    p.returncode = os.waitstatus_to_exitcode(status)
    if p.returncode != 0:
        sys.exit(f"fleet: {' '.join(argv)}: exit code {p.returncode}")
    return {"wall": time.perf_counter() - begin,
            "cpu": u.ru_utime + u.ru_stime, "mb": u.ru_maxrss / 1024}


def read(path):
    """Into the page cache."""
    with open(path, "rb") as f:
        while f.read(1 << 20):
            pass


def one(o, tmp, model, vms, steps, step_s):
    """Prints a row; returns the CPU seconds."""
    series, learned, forecast = (os.path.join(tmp, x) for x in
                                 ("series", "model", "forecast"))
    # By a process of its own: this one must stay small, for a child's peak
    # of memory begins with its parent's.
    subprocess.run([sys.executable, os.path.join(HERE, "fleet_input.py"),
                    series, str(vms), str(steps), str(step_s)], check=True)
    read(series)
    thread = ["--threads", str(o.threads)] if o.threads else []
    learn = ["vmf-train", "-q", *thread]
    if o.update:
        begin = dt.datetime(2024, 1, 1) + dt.timedelta(
            seconds=(steps - 86400 // step_s) * step_s)
        t = measured([*learn, "--model", model, "--at",
                      begin.isoformat() + "Z", "-o", learned + ".old",
                      series])
        print(f"| {model}, the day before | {vms:,} | "
              f"{steps - 86400 // step_s:,} x {step_s // 60} min | "
              f"{t['cpu']:.2f} | {t['wall']:.2f} | {t['mb']:.0f} | | | | "
              f"{1000 * t['cpu'] / vms:.3f} | |", flush=True)
        learn += ["--update", learned + ".old"]
    else:
        learn += ["--model", model]
    t = measured([*learn, "-o", learned, series])
    p = measured(["vmf-predict", "-q", "--from", learned, "--horizon", "48",
                  "--quantiles", QUANTILES, *thread, "-o", forecast, series])
    cpu = t["cpu"] + p["cpu"]
    sizes = [os.path.getsize(f) / 1e6 for f in (series, learned, forecast)]
    cells = [model + (", updated" if o.update else ""), f"{vms:,}", f"{steps:,} x {step_s // 60} min",
             f"{t['cpu']:.2f}", f"{t['wall']:.2f}", f"{t['mb']:.0f}",
             f"{p['cpu']:.2f}", f"{p['wall']:.2f}", f"{p['mb']:.0f}",
             f"{1000 * cpu / vms:.3f}", " / ".join(f"{s:.0f}" for s in sizes)]
    print("| " + " | ".join(cells) + " |", flush=True)
    for f in os.listdir(tmp):
        os.unlink(os.path.join(tmp, f))
    return cpu


def main():
    p = argparse.ArgumentParser(
        prog="test/bench/fleet", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--vms", default="10000,100000",
                   help="fleets of 336 hours, each as large as these "
                   "[10000,100000; 1000000 takes 5 GB of disk]")
    p.add_argument("--model", default="auto", help="of the fleets [auto]")
    p.add_argument("--threads", type=int, help="of both commands [all]")
    p.add_argument("--dir", help="folder for the files [$TMPDIR]")
    p.add_argument("--update", action="store_true",
                   help="go on from the model of the day before")
    p.add_argument("--only-vms", action="store_true",
                   help="leave out more steps and five minutes")
    o = p.parse_args()

    def first(command):
        r = subprocess.run(command, shell=True, capture_output=True,
                           text=True, check=False)
        return r.stdout.split("\n")[0].strip()
    cpu = first("sed -n 's/^model name[^:]*: //p' /proc/cpuinfo") or \
        platform.processor()
    print(f"Machine: {cpu}, {os.cpu_count()} cores, load "
          f"{os.getloadavg()[0]:.1f}, {first('uname -sr')}; "
          f"{first('vmf-train -V')}, commit "
          f"{first('git rev-parse --short=12 HEAD')}"
          f"{first('git status --porcelain -uno') and ' and changes'}.\n")
    names = ["model", "VMs", "history", "train CPU s", "wall s", "MB",
             "predict CPU s", "wall s", "MB", "CPU ms a VM",
             "series / model / forecast MB"]
    print("| " + " | ".join(names) + " |")
    print("|" + "---|" * len(names), flush=True)
    grown = []
    with tempfile.TemporaryDirectory(dir=o.dir) as tmp:
        sizes = [int(v) for v in o.vms.split(",")]
        each = [one(o, tmp, o.model, v, 336, 3600) / v for v in sizes]
        for i in range(1, len(sizes)):
            grown.append(f"{sizes[i] / sizes[i - 1]:g} times the VMs take "
                         f"{each[i] / each[i - 1]:.2f} of the CPU a VM")
        if not o.only_vms:
            few = [one(o, tmp, o.model, 5000, h, 3600)
                   for h in (336, 672, 1344, 2688)]
            grown += [f"{336 << k} steps take {few[k] / few[k - 1]:.2f} "
                      f"times the CPU of {336 << (k - 1)}"
                      for k in range(1, len(few))]
            for m in ("arima", "auto"):
                one(o, tmp, m, 400, 8064, 300)
    if grown:
        print("\n" + "; ".join(grown) + ".")


if __name__ == "__main__":
    main()
