"""fleet_input.py FILE VMS STEPS STEP_S: a stream of series of a seeded fleet:
daily and weekly cycles, noise, bursts, a gap in every tenth, a late start in
every twentieth."""
import sys

import numpy as np
import pyarrow as pa

FIRST = 1704067200          # 2024-01-01


def when(t):
    return str(np.datetime64(t, "s")) + "Z"


def loads(rng, n, steps, step_s):
    """n series of so many steps, in percent; NaN: missing."""
    t = np.arange(steps) * step_s / 86400
    level = rng.gamma(2, 10, (n, 1))
    day = rng.gamma(1, 0.3, (n, 1)) * np.cos(
        2 * np.pi * (t - rng.normal(0.6, 0.1, (n, 1))))
    week = 1 - rng.random((n, 1)) * 0.5 * (t % 7 >= 5)
    y = level * np.maximum(0, 1 + day) * week
    y += level * 0.2 * rng.standard_normal((n, steps))
    y += 30 * (rng.random((n, steps)) < 0.01)
    y = np.clip(y, 0, 100)
    for i in range(0, n, 10):
        at = rng.integers(0, steps - steps // 20)
        y[i, at:at + steps // 20] = np.nan
    for i in range(0, n, 20):
        y[i, :steps // 3] = np.nan
    return y.astype(np.float32)


def write(path, vms, steps, step_s):
    schema = pa.schema([
        ("id", pa.utf8()), ("status", pa.utf8()),
        ("start", pa.timestamp("s", "UTC")),
        ("cpu_mean", pa.list_(pa.float32()))], metadata={
            "vmf:kind": "series", "vmf:step": str(step_s),
            "vmf:start": when(FIRST), "vmf:end": when(FIRST + steps * step_s)})
    each = max(1, (1 << 20) // steps)
    with pa.ipc.new_stream(path, schema) as w:
        for at in range(0, vms, each):
            n = min(each, vms - at)
            y = loads(np.random.default_rng([1, at]), n, steps, step_s)
            w.write_batch(pa.record_batch([
                pa.array([f"vm-{i:07d}" for i in range(at, at + n)]),
                pa.array(["ok"] * n),
                pa.array(np.full(n, FIRST), schema.field(2).type),
                pa.ListArray.from_arrays(
                    np.arange(n + 1, dtype=np.int32) * steps,
                    pa.array(y.ravel(), from_pandas=True))], schema=schema))


write(sys.argv[1], *(int(v) for v in sys.argv[2:]))
