"""Forecasts of hosts and VMs apart, and as vmf-predict --reconcile makes them
add up, on Bitbrains' hours; no trace says where its VMs were, so hosts are
made by a hash of the VMs' names.  in-venv sums.py [HOSTS [MODEL [END...]]]:
windows of 48 hours that end at END, learned from what is before them."""
import os
import subprocess
import sys
import tempfile
import zlib

import numpy as np
import pyarrow.ipc as ipc

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
os.environ["PATH"] += ":" + ROOT + "/build/bin"
DATA = os.environ.get("VMF_DATA", ROOT + "/../shared/data")
HOSTS = int(sys.argv[1]) if len(sys.argv) > 1 else 20
MODEL = sys.argv[2] if len(sys.argv) > 2 else "auto"
ENDS = sys.argv[3:] or ["2013-08-20T00:00:00Z", "2013-08-23T00:00:00Z",
                        "2013-08-26T00:00:00Z"]


def sh(*command, **more):
    return subprocess.run(command, check=True, **more)


def rows(name):
    with ipc.open_stream(name) as r:
        return {x["id"]: x for x in r.read_all().to_pylist()}


def scores(forecast, series):
    out = subprocess.run(
        f"vmf-eval -q --forecast {forecast} {series} | "
        "vmf-cat --csv --no-header --columns mase,crps,nd,coverage80 | head -n 1",
        shell=True, check=True, capture_output=True).stdout.decode()
    return [float(x) for x in out.split(",")]


def of_sums():
    """Root mean square errors of the hosts' expected cores: of their own
    forecasts, of the sums of their VMs', and of what adds up."""
    vms, hosts, totals, truth = (rows(x) for x in (
        "v.arrows", "h.arrows", "hr.arrows", "hosts.arrows"))
    err = []
    for name, h in hosts.items():
        t, first = truth[name], truth[name]["start"]
        k = int((h["start"] - first).total_seconds()) // 3600
        real = np.array(t["cpu_cores"], float)[k:k + 48]
        mine = [v for v in vms.values() if v["host"] == name and
                v["cpu_mean"]]
        c = np.array([v["vcpus"] for v in mine], float)
        up = c @ np.array([v["cpu_mean"] for v in mine], float) / 100
        own = np.array(h["cpu_mean"], float) * c.sum() / 100
        new = np.array(totals[name]["cpu_mean"], float) * c.sum() / 100
        err.append([x - real for x in (own, up, new)])
    return np.sqrt(np.nanmean(np.square(np.array(err)), axis=(0, 2)))


with tempfile.TemporaryDirectory() as work:
    os.chdir(work)
    sh("tar", "-xzf", DATA + "/bitbrains_rnd/rnd-2013-8.tar.gz")
    sh("find . -name '*.csv' | sort | xargs vmf-ingest -q --map bitbrains | "
       "vmf-dedup -q >readings", shell=True)
    sh("vmf-aggregate -q --step 1h --stat mean -o vms.arrows readings",
       shell=True)
    with open("vms.csv", "w") as f:
        print("vm,host", file=f)
        for name in rows("vms.arrows"):
            print(f"{name},host-{zlib.crc32(name.encode()) % HOSTS:02}",
                  file=f)
    sh("vmf-aggregate", "-q", "--step", "1h", "--stat", "mean", "--join",
       "vms.csv", "-o", "vms.arrows", "readings")
    sh("vmf-aggregate", "-q", "--step", "1h", "--stat", "mean", "--by",
       "host", "--join", "vms.csv", "-o", "hosts.arrows", "readings")
    print("end                   of     what        MASE    CRPS      ND"
          "  cover80  | cores RMSE")
    for end in ENDS:
        at = (np.datetime64(end[:-1]) - np.timedelta64(48, "h"))
        for x, series in (("v", "vms"), ("h", "hosts")):
            sh("vmf-train", "-q", "--model", MODEL, "--at", f"{at}Z", "-o",
               "model", series + ".arrows")
            sh("vmf-predict", "-q", "--from", "model", "--at", f"{at}Z",
               "-o", x + ".arrows", series + ".arrows")
        sh("vmf-predict", "-q", "--reconcile", "h.arrows", "-o",
           "vr.arrows", "v.arrows")
        sh("vmf-predict", "-q", "--reconcile", "h.arrows", "--totals", "-o",
           "hr.arrows", "v.arrows")
        own, up, new = of_sums()
        for of, what, series, more in (
                ("v", "apart", "vms", ""), ("vr", "reconciled", "vms", ""),
                ("h", "apart", "hosts", f"{own:.4f}, of sums {up:.4f}"),
                ("hr", "reconciled", "hosts", f"{new:.4f}")):
            s = scores(of + ".arrows", series + ".arrows")
            print(f"{end}  {series:5}  {what:10}  {s[0]:.4f}  {s[1]:.4f}  "
                  f"{s[2]:.4f}  {s[3]:.4f}   | {more}", flush=True)
