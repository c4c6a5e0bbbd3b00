"""The stream against pyarrow, polars and DuckDB.

interop.py write DIR            make streams with all three
interop.py foreign DIR BIN      vmf-cat reads them, value by value
interop.py own DIR BIN UNIT     UNIT/stream rewrites them, all three read that
"""

import base64
import datetime as dt
import decimal
import glob
import json
import math
import os
import subprocess
import sys

import duckdb
import polars as pl
import pyarrow as pa

UTC = dt.timezone.utc


def put(path, table, batch_rows=None, schema=None, **options):
    options = pa.ipc.IpcWriteOptions(**options)
    with pa.ipc.new_stream(path, schema or table.schema, options=options) as w:
        for b in table.to_batches(max_chunksize=batch_rows):
            w.write_batch(b)


def every_type():
    n = 5
    t = [dt.datetime(2024, 5, 1, 12, i, tzinfo=UTC) if i != 2 else None for i in range(n)]
    before = [dt.datetime(1969, 12, 31, 23, 59, 59, 500000, tzinfo=UTC)] * n
    ints = lambda top: [1, None, 3, top, 5]
    lists = [[1.5, None, 3], [], None, [float("nan")], [4]]
    whole = [[1, None, 3], [], None, [2], [4]]
    cols = {
        "id": ["a", "b", None, "d\u00e9", ""],
        "large": pa.array(["x", None, "", "y", "z"], pa.large_utf8()),
        "view": pa.array(["short", None, "a longer text than twelve bytes", "b", ""], pa.string_view()),
        "cat": pa.array(["p", "q", None, "p", "q"]).dictionary_encode(),
        "bool": [True, None, False, True, True],
        "bin": [b"\x00\xff", None, b"", b"abc", b"x"],
        "lbin": pa.array([b"\x00\xff", None, b"", b"abc", b"x"], pa.large_binary()),
        "vbin": pa.array([b"\x00\xff", None, b"", b"abc" * 9, b"x"], pa.binary_view()),
        "f16": pa.array([1.5, None, 2, 3, 4], pa.float16()),
        "f32": pa.array([1.5, None, float("nan"), 3, 4], pa.float32()),
        "f64": [0.1, None, 2.0, 1e300, -4.0],
        "dec": pa.array([decimal.Decimal("12.34"), None] + [decimal.Decimal("-0.01")] * 3, pa.decimal128(38, 2)),
        "naive": pa.array([x and x.replace(tzinfo=None) for x in t], pa.timestamp("us")),
        "zone": pa.array(t, pa.timestamp("ns", "Europe/Zurich")),
        "before": pa.array(before, pa.timestamp("ms", "UTC")),
        "d32": pa.array([dt.date(2024, 5, 1)] * n, pa.date32()),
        "d64": pa.array([dt.date(2024, 5, 1)] * n, pa.date64()),
        "l32": pa.array(lists, pa.list_(pa.float32())),
        "l64": pa.array(lists, pa.list_(pa.float64())),
        "large_list": pa.array(lists, pa.large_list(pa.float32())),
        "odd_child": pa.array(lists, pa.list_(pa.field("element", pa.float32()))),
        "not_null_child": pa.array([[1.5], [], None, [2], [4]], pa.list_(pa.field("x", pa.float64(), nullable=False))),
        "fixed": pa.array([[1, 2], [3, 4], None, [5, None], [6, 7]], pa.list_(pa.float32(), 2)),
        "int_list": pa.array(whole, pa.list_(pa.int16())),
        "null_list": pa.array([[None], [], None, [], []], pa.list_(pa.null())),
        "null": pa.nulls(n),
        "no_f32": pa.nulls(n, pa.float32()),
        "no_text": pa.nulls(n, pa.utf8()),
        "no_cat": pa.nulls(n, pa.dictionary(pa.int8(), pa.utf8())),
        "no_list": pa.nulls(n, pa.list_(pa.float32())),
        "no_time": pa.nulls(n, pa.timestamp("s", "UTC")),
    }
    for bits in (8, 16, 32, 64):
        for kind in ("int", "uint"):
            top = 2 ** (bits - (kind == "int")) - 1
            ty = getattr(pa, f"{kind}{bits}")()
            cols[f"{kind}{bits}"] = pa.array(ints(min(top, 2**63 - 1)), ty)
            cols[f"by_{kind}{bits}"] = pa.array(["p", "q", None, "p", "q"]).dictionary_encode().cast(
                pa.dictionary(ty, pa.utf8()))
    for unit in ("s", "ms", "us", "ns"):
        cols[f"ts_{unit}"] = pa.array(t, pa.timestamp(unit, "UTC"))
    return pa.table(cols)


def readings(n_ids, n):
    """Many ids, so that an index of 8 bits does not do."""
    return pa.table({
        "vm": pa.array([f"vm-{i % n_ids}" for i in range(n)]).dictionary_encode(),
        "time": pa.array([i // n_ids * 300 for i in range(n)], pa.timestamp("s", "UTC")),
        "cpu": pa.array([None if i % 13 == 0 else i % 100 for i in range(n)], pa.float32()),
    })


def growing(path, **options):
    """A dictionary that grows from batch to batch, sent as delta or whole."""
    schema = pa.schema([("vm", pa.dictionary(pa.int32(), pa.utf8())), ("n", pa.int32())])
    names = [f"vm-{i}" for i in range(300)]
    options = pa.ipc.IpcWriteOptions(**options)
    with pa.ipc.new_stream(path, schema, options=options) as w:
        for k in (1, 2, 100, 300):
            codes = pa.array(list(range(k)), pa.int32())
            vm = pa.DictionaryArray.from_arrays(codes, pa.array(names[:k]))
            w.write_batch(pa.record_batch([vm, codes], schema=schema))


def replaced(path):
    """The same codes mean something else in each batch."""
    schema = pa.schema([("vm", pa.dictionary(pa.int8(), pa.utf8()))])
    with pa.ipc.new_stream(path, schema) as w:
        for k in range(3):
            vm = pa.DictionaryArray.from_arrays(pa.array([0, 1, None, 1], pa.int8()),
                                                pa.array([f"a{k}", f"b{k}"]))
            w.write_batch(pa.record_batch([vm], schema=schema))


def write(d):
    t = every_type()
    put(f"{d}/all.arrows", t)
    put(f"{d}/all-lz4.arrows", t, compression="lz4")
    put(f"{d}/all-zstd.arrows", t, compression="zstd")
    put(f"{d}/v4.arrows", t.drop_columns(["view", "vbin"]), metadata_version=pa.ipc.MetadataVersion.V4)
    put(f"{d}/slice.arrows", t.slice(1, 3))
    put(f"{d}/one-row.arrows", t.slice(3, 1))
    put(f"{d}/rows-one-by-one.arrows", t, batch_rows=1)
    put(f"{d}/empty.arrows", t.slice(0, 0))
    put(f"{d}/no-batch.arrows", t.slice(0, 0).from_batches([], schema=t.schema))
    put(f"{d}/readings.arrows", readings(1000, 20000), batch_rows=3000)
    put(f"{d}/two-batches.arrows", readings(3, 20), batch_rows=10)
    growing(f"{d}/dict-delta.arrows", emit_dictionary_deltas=True)
    growing(f"{d}/dict-grown.arrows")
    replaced(f"{d}/dict-replaced.arrows")
    # a dictionary with a null among its values
    put(f"{d}/dict-null.arrows", pa.table({"id": pa.DictionaryArray.from_arrays(
        pa.array([0, 1, None, 2], pa.int16()), pa.array(["x", None, "y"]))}))

    df = pl.DataFrame({
        "id": ["a", "b", None],
        "cat": pl.Series(["u", "v", "u"], dtype=pl.Categorical),
        "enum": pl.Series(["u", None, "v"], dtype=pl.Enum(["v", "u"])),
        "f": [1.0, None, 3.0], "n": [1, None, 3], "on": [True, False, None],
        "l": [[1.0, None], [], None], "ints": [[1, 2], [], None],
        "t": [dt.datetime(2024, 5, 1), None, dt.datetime(2024, 5, 2)],
        "d": [dt.date(2024, 5, 1)] * 3, "none": [None] * 3,
        "arr": pl.Series([[1.0, 2.0], [3.0, 4.0], None], dtype=pl.Array(pl.Float32, 2)),
        "dec": pl.Series([decimal.Decimal("1.25")] * 3, dtype=pl.Decimal(10, 2)),
        "long": ["a longer text than twelve bytes " * k for k in (1, 2, 3)],
    })
    for c in ("uncompressed", "lz4", "zstd"):
        df.write_ipc_stream(f"{d}/polars-{c}.arrows", compression=c)
    df.clear().write_ipc_stream(f"{d}/polars-empty.arrows")
    pl.from_arrow(readings(50, 1000)).write_ipc_stream(f"{d}/polars-readings.arrows")

    con = duckdb.connect()
    con.execute("create type mood as enum ('x', 'y')")
    duck = con.sql("""select 'vm' || i % 3 as id, 'y'::mood as enum, sum(i) as huge, avg(i) as mean,
        count(*) as n, list(i order by i) as l, list(i * 1.5 order by i) as decs, list(i::float order by i) as f,
        timestamp '2024-05-01 12:00:00' as t, timestamptz '2024-05-01 12:00:00+02' as tz,
        date '2024-05-01' as d, 1.25::decimal(9,2) as dec, null as none, i % 3 = 1 as yes,
        12::utinyint as u8 from range(10) r(i) group by i % 3 order by 1""")
    put(f"{d}/duckdb.arrows", duck.to_arrow_table())

    hostile(d)
    refused = {
        "struct": pa.array([{"a": 1}]), "time": pa.array([1], pa.time32("s")),
        "duration": pa.array([1], pa.duration("s")), "list-of-text": pa.array([["a"]]),
        "dictionary": pa.array([7]).dictionary_encode(), "list-of-lists": pa.array([[[1.0]]]),
        "list-of-dictionary": pa.ListArray.from_arrays(
            pa.array([0, 1], pa.int32()), pa.array([1.5], pa.float32()).dictionary_encode()),
        "map": pa.array([[("a", 1)]], pa.map_(pa.utf8(), pa.int32())),
        "run-end": pa.RunEndEncodedArray.from_arrays(pa.array([1], pa.int32()), pa.array([1.0])),
        "decimal256": pa.array([decimal.Decimal(1)], pa.decimal256(50, 2)),
    }
    for name, a in refused.items():
        put(f"{d}/refused-{name}.arrows", pa.table({"x": a}))
    pl.DataFrame({"x": pl.Series([1], dtype=pl.Int128)}).write_ipc_stream(f"{d}/refused-int128.arrows")
    with pa.ipc.new_file(f"{d}/file.arrow", t.schema) as w:
        w.write_table(t)
    # Big-endian: the schema's endianness, set by hand in the bytes.
    put(f"{d}/plain", pa.table({"x": [1.0]}))
    raw = bytearray(open(f"{d}/plain", "rb").read())
    os.unlink(f"{d}/plain")
    open(f"{d}/big-endian.arrows", "wb").write(big_endian(raw))


def hostile(d):
    """Small streams that are large in memory, and names that bite."""
    schema = pa.schema([("vm", pa.dictionary(pa.int32(), pa.utf8()))])
    options = pa.ipc.IpcWriteOptions(emit_dictionary_deltas=True, compression="zstd")
    with pa.ipc.new_stream(f"{d}/hostile-deltas.arrows", schema, options=options) as w:
        names = []
        for k in range(10):
            names.append(str(k) * (2 << 20))
            vm = pa.DictionaryArray.from_arrays(pa.array([k], pa.int32()), pa.array(names))
            w.write_batch(pa.record_batch([vm], schema=schema))

    n = 12
    schema = pa.schema([(f"c{i}", pa.list_(pa.int8())) for i in range(n)])
    options = pa.ipc.IpcWriteOptions(compression="zstd")
    with pa.ipc.new_stream(f"{d}/hostile-turns.arrows", schema, options=options) as w:
        for turn in range(n):
            cols = [pa.array([[0] * (3_000_000 if i == turn else 1)], pa.list_(pa.int8())) for i in range(n)]
            w.write_batch(pa.record_batch(cols, schema=schema))

    names = pa.schema([pa.field("a\033[31mRED\u009b", pa.int64()), pa.field('b,"x', pa.utf8())],
                      metadata={"k\033[2J": "v\033[31m"})
    with pa.ipc.new_stream(f"{d}/hostile-names.arrows", names) as w:
        w.write_batch(pa.record_batch([pa.array([1]), pa.array(["t\u009b\033[1m"])], schema=names))


def big_endian(raw):
    """Turn the schema's endianness to big. Where the field is left out (the
    default, little), its slot is pointed at two bytes that read 1."""
    i32 = lambda p: int.from_bytes(raw[p:p + 4], "little", signed=True)
    u16 = lambda p: int.from_bytes(raw[p:p + 2], "little")
    message = 8 + i32(8)
    header = message + u16(message - i32(message) + 8)
    schema = header + i32(header)
    slot = schema - i32(schema) + 4
    if u16(slot) != 0:
        raw[schema + u16(slot):schema + u16(slot) + 2] = b"\x01\x00"
    else:
        raw[slot:slot + 2] = next(o for o in range(4, 4096) if u16(schema + o) == 1).to_bytes(2, "little")
    return raw


# ---- what vmf makes of a value ----

def time_text(v):
    if isinstance(v, dt.datetime):
        v = v.replace(tzinfo=UTC) if v.tzinfo is None else v.astimezone(UTC)
    else:
        v = dt.datetime(v.year, v.month, v.day, tzinfo=UTC)
    v -= dt.timedelta(microseconds=v.microsecond)
    return v.strftime("%Y-%m-%dT%H:%M:%SZ")


def meaning(v):
    if v is None or (isinstance(v, float) and math.isnan(v)):
        return None
    if isinstance(v, (dt.datetime, dt.date)):
        return time_text(v)
    if isinstance(v, bytes):
        return base64.b64encode(v).decode()
    if isinstance(v, decimal.Decimal):
        return float(v)
    if isinstance(v, list):
        return [meaning(x) for x in v]
    return v


def same(a, b):
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b))
    if isinstance(a, bool) or isinstance(b, bool) or a is None or b is None:
        return a is b
    if isinstance(a, (int, float)) and isinstance(b, (int, float)):
        if isinstance(a, int) and isinstance(b, int):
            return a == b
        return abs(a - b) <= 1e-6 * max(abs(a), abs(b))
    return a == b


def compare(what, rows, expected):
    assert len(rows) == len(expected), f"{what}: {len(rows)} rows, expected {len(expected)}"
    for i, (a, b) in enumerate(zip(rows, expected)):
        assert list(a) == list(b), f"{what}: columns {list(a)}, expected {list(b)}"
        for k in a:
            assert same(a[k], b[k]), f"{what}: row {i} {k}: {a[k]!r}, expected {b[k]!r}"


def expected_rows(path):
    with pa.ipc.open_stream(path) as r:
        t = r.read_all()
    # pyarrow's own ns timestamps need pandas: read them as microseconds.
    cols = []
    for f in t.schema:
        c = t[f.name]
        if pa.types.is_timestamp(f.type) and f.type.unit == "ns":
            c = c.cast(pa.timestamp("us", f.type.tz))
        cols.append(c)
    t = pa.Table.from_arrays(cols, names=t.schema.names)
    return [{k: meaning(v) for k, v in row.items()} for row in t.to_pylist()]


def streams(d):
    found = sorted(p for p in glob.glob(f"{d}/*.arrows")
                   if not os.path.basename(p).startswith(("refused-", "hostile-", "big-endian")))
    assert len(found) >= 20, found
    return found


def foreign(d, bin_dir):
    for path in streams(d):
        out = subprocess.run([f"{bin_dir}/vmf-cat", "--json", path], capture_output=True)
        assert out.returncode == 0, f"{path}: {out.stderr.decode()}"
        rows = [json.loads(line) for line in out.stdout.decode().splitlines()]
        compare(os.path.basename(path), rows, expected_rows(path))


def own(d, bin_dir, unit_dir):
    del bin_dir
    for path in streams(d):
        expected = expected_rows(path)
        for codec in ("none", "lz4", "zstd"):
            for batch in ("1", "3", "100000"):
                if batch == "1" and len(expected) > 1000:
                    continue
                what = f"{os.path.basename(path)} {codec} {batch}"
                to = f"{d}/own"
                subprocess.run([f"{unit_dir}/stream", path, to, codec, batch], check=True)
                with pa.ipc.open_stream(to) as r:
                    t = r.read_all()
                t.validate(full=True)
                compare(what, [{k: meaning(v) for k, v in row.items()} for row in t.to_pylist()], expected)
                df = pl.read_ipc_stream(to)
                compare(what + " polars",
                        [{k: meaning(v) for k, v in row.items()} for row in df.to_dicts()], expected)
                back = duckdb.sql("select * from t").to_arrow_table()
                compare(what + " duckdb",
                        [{k: meaning(v) for k, v in row.items()} for row in back.to_pylist()], expected)


if __name__ == "__main__":
    {"write": write, "foreign": foreign, "own": own}[sys.argv[1]](*sys.argv[2:])
