"""plan_fleet.py VMS HOSTS_CSV [memory] [workload]: a forecast of so many VMs, 25 a host, on
standard output: a day in 5-minute steps, cpu_mean and its quantiles 0.5 and
0.9; and the hosts into a file.  With "memory" VMs take 4 GB a vCPU and hosts
have 512 GB; with "workload" they have one, web, db or new."""
import sys

import numpy as np
import pyarrow as pa
import pyarrow.ipc as ipc

STEPS, EACH = 288, 2000
vms, table = int(sys.argv[1]), sys.argv[2]
hosts, memory = vms // 25, "memory" in sys.argv[3:]
workload = "workload" in sys.argv[3:]
with open(table, "w") as f:
    f.write("host,cluster,cpus" + ",mem_mb" * memory + "\n")
    f.writelines(f"host-{h:05},cluster-{h // 100:03},64" +
                 ",524288" * memory + "\n" for h in range(hosts))
lists = ["cpu_mean", "cpu_mean_q50", "cpu_mean_q90"]
schema = pa.schema(
    [("id", pa.utf8()), ("host", pa.utf8()), ("cluster", pa.utf8()),
     ("vcpus", pa.int32())] + [("mem_mb", pa.int32())] * memory +
    [("workload", pa.utf8())] * workload +
    [("start", pa.timestamp("s", "UTC"))] +
    [(name, pa.list_(pa.float32())) for name in lists],
    metadata={"vmf:kind": "forecast", "vmf:step": "300"})
rng = np.random.default_rng(1)
t = np.arange(STEPS, dtype=np.float32) / STEPS * 2 * np.pi
off = np.arange(EACH + 1, dtype=np.int32) * STEPS
out = pa.PythonFile(sys.stdout.buffer, "w")
with ipc.new_stream(out, schema) as w:
    for at in range(0, vms, EACH):
        n = min(EACH, vms - at)
        top = rng.uniform(2, 30, (n, 1)).astype(np.float32)
        phase = rng.normal(0, 0.6, (n, 1)).astype(np.float32)
        mean = top * (1.1 + np.sin(t[None] + phase))
        mean += rng.random((n, STEPS), dtype=np.float32) * 4
        v = [mean, mean * np.float32(0.97), mean * np.float32(1.3) + 1]
        host = np.arange(at, at + n) * 7919 % hosts
        w.write_batch(pa.record_batch(
            [pa.array([f"vm-{i:07}" for i in range(at, at + n)]),
             pa.array([f"host-{h:05}" for h in host]),
             pa.array([f"cluster-{h // 100:03}" for h in host]),
             pa.array(cpus := rng.choice([1, 2, 4, 8], n).astype(np.int32))] +
            [pa.array(cpus * 4096)] * memory +
            [pa.array([("web", "db", "web", "new")[i % 4]
                       for i in range(at, at + n)])] * workload +
            [pa.array(np.full(n, 1714521600), schema.field("start").type)] +
            [pa.ListArray.from_arrays(off[:n + 1], pa.array(x.reshape(-1)))
             for x in v], schema=schema))
