"""history.py FOLDER VMS: four weeks of hours (hist) and a day of them (day)
of so many VMs, one list, for vmf-aggregate --append."""
import sys

import numpy as np
import pyarrow as pa
import pyarrow.ipc as ipc

FIRST = 1704067200 // 3600


def write(path, vms, first, steps, seed):
    rng = np.random.default_rng(seed)
    when = [str(np.datetime64(h * 3600, "s")) + "Z"
            for h in (first, first + steps)]
    schema = pa.schema([
        ("id", pa.utf8()), ("status", pa.utf8()),
        ("start", pa.timestamp("s", "UTC")),
        ("cpu_mean", pa.list_(pa.float32()))], metadata={
            "vmf:kind": "series", "vmf:step": "3600", "vmf:start": when[0],
            "vmf:end": when[1]})
    each = max(1, (1 << 20) // (4 * steps))
    with ipc.new_stream(path, schema) as w:
        for at in range(0, vms, each):
            n = min(each, vms - at)
            gone = rng.random(n * steps, dtype=np.float32) < 0.002
            gone[0::steps] = gone[steps - 1::steps] = False
            v = pa.array(rng.random(n * steps, dtype=np.float32) * 100,
                         mask=gone)
            w.write_batch(pa.record_batch([
                pa.array([f"vm-{i:07d}" for i in range(at, at + n)]),
                pa.array(["ok"] * n),
                pa.array(np.full(n, first * 3600), schema.field(2).type),
                pa.ListArray.from_arrays(
                    np.arange(n + 1, dtype=np.int32) * steps, v)],
                schema=schema))


write(sys.argv[1] + "/hist", int(sys.argv[2]), FIRST, 28 * 24, 1)
write(sys.argv[1] + "/day", int(sys.argv[2]), FIRST + 28 * 24, 24, 2)
