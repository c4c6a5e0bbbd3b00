"""What vmf is measured against, one query a process:

    peers.py duckdb|polars azure|bitbrains OUT FILE...
    peers.py check SERIES ANSWER...

The query is hourly mean, maximum and count a VM, sorted by VM and hour, into
a parquet file.  Its wall and CPU seconds, without starting Python and
importing the library, are printed as JSON.  check holds the answers against
the series that vmf-aggregate wrote.
"""
import json
import resource
import sys
import time


def usage():
    u = resource.getrusage(resource.RUSAGE_SELF)
    return u.ru_utime + u.ru_stime


def duckdb_query(shape, out, files):
    import duckdb

    if shape == "azure":
        rows = (f"read_csv({files}, header = false, columns = "
                "{'t': 'BIGINT', 'id': 'VARCHAR', 'mi': 'DOUBLE', "
                "'ma': 'DOUBLE', 'v': 'DOUBLE'})")
        select = "id, t // 3600 AS h, avg(v) mean, max(ma) max, count(v) n"
    else:
        rows = (f"read_csv({files}, delim = ';', header = true, "
                "filename = true, all_varchar = false)")
        select = ("parse_filename(filename, true) AS id, "
                  "\"Timestamp [ms]\"::BIGINT // 3600 AS h, "
                  "avg(\"\tCPU usage [%]\") mean, max(\"\tCPU usage [%]\") max, "
                  "count(\"\tCPU usage [%]\") n")
    con = duckdb.connect()
    return lambda: con.execute(
        f"COPY (SELECT {select} FROM {rows} GROUP BY ALL ORDER BY 1, 2) "
        f"TO '{out}' (FORMAT parquet)")


def polars_query(shape, out, files):
    import polars as pl

    if shape == "azure":
        lf = pl.scan_csv(files, has_header=False,
                         new_columns=["t", "id", "mi", "ma", "v"])
    else:
        lf = pl.scan_csv(files, separator=";", include_file_paths="id",
                         has_header=True)
        name = {c: c.strip() for c in lf.collect_schema().names()}
        lf = lf.rename(name).select(
            pl.col("id").str.extract(r"([^/]*)\.csv$"),
            t=pl.col("Timestamp [ms]"), v=pl.col("CPU usage [%]")
            .cast(pl.String).str.strip_chars().cast(pl.Float64))
        lf = lf.with_columns(ma=pl.col("v"))
    lf = (lf.group_by("id", (pl.col("t") // 3600).alias("h"))
          .agg(pl.col("v").mean().alias("mean"),
               pl.col("ma").max().alias("max"),
               pl.col("v").count().alias("n"))
          .sort("id", "h"))
    return lambda: lf.collect(engine="streaming").write_parquet(out)


def check(series, answers):
    import numpy as np
    import pyarrow.ipc as ipc
    import pyarrow.parquet as pq

    t = ipc.open_stream(series).read_all().combine_chunks()
    lists = {}
    for k in ("mean", "max", "count"):
        c = t.column("cpu_" + k).combine_chunks()
        lists[k] = c.flatten().to_numpy(zero_copy_only=False)
        off = c.offsets.to_numpy()
    n = np.diff(off)
    first = t.column("start").cast("int64").to_numpy() // 3600
    hour = np.arange(off[-1]) - np.repeat(off[:-1] - first, n)
    ids = np.repeat(t.column("id").to_numpy(zero_copy_only=False), n)
    have = lists["count"] > 0
    for path in answers:
        a = pq.read_table(path)
        same = {
            "ids": (ids[have] == a.column("id").to_numpy(
                zero_copy_only=False)),
            "hours": hour[have] == a.column("h").to_numpy(),
            "counts": lists["count"][have] == a.column("n").to_numpy(),
            "maxima": lists["max"][have] == a.column("max").to_numpy()
            .astype("float32"),
            "means": np.isclose(lists["mean"][have],
                                a.column("mean").to_numpy(), 2e-7, 1e-9),
        }
        for what, eq in same.items():
            if not np.all(eq):
                sys.exit(f"{path}: {what} differ")
    print(json.dumps({"rows": int(have.sum())}))


def main():
    what, args = sys.argv[1], sys.argv[2:]
    if what == "check":
        check(args[0], args[1:])
        return
    make = {"duckdb": duckdb_query, "polars": polars_query}[what]
    query = make(args[0], args[1], args[2:])
    wall, cpu = time.perf_counter(), usage()
    query()
    print(json.dumps({
        "wall": time.perf_counter() - wall, "cpu": usage() - cpu,
        "mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))


main()
