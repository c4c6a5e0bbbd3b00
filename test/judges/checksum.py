"""vmf-cat --checksum by its description in vmf-cat(1), over pyarrow.

checksum.py sum FILE...       what vmf-cat --checksum should print of them
checksum.py recast IN OUT     the same values: rows turned round, other
                              batches, types, dictionaries, and compressed
checksum.py spoil IN OUT HOW  not quite the same: a row "lost", "twice", or
                              a value "swapped" with another row's
"""

import math
import struct
import sys

import pyarrow as pa

MASK = (1 << 64) - 1


def mix(x):
    x = x + 0x9E3779B97F4A7C15 & MASK
    x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9 & MASK
    x = (x ^ x >> 27) * 0x94D049BB133111EB & MASK
    return x ^ x >> 31


def hashed(*words):
    h = 0
    for w in words:
        h = mix(h ^ w & MASK)
    return h


def bits(v):
    if v is None or math.isnan(v):
        return 0x7FF8000000000000
    return struct.unpack("<Q", struct.pack("<d", 0.0 if v == 0 else v))[0]


def text(b):
    n = len(b)
    b += bytes(-n % 8)
    return hashed(4, n, *struct.unpack(f"<{len(b) // 8}Q", b))


def value(v, type):
    if v is None or isinstance(v, float) and math.isnan(v):
        return hashed(0)
    if pa.types.is_timestamp(type):
        per = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}[type.unit]
        return hashed(3, v // per)
    if isinstance(v, str):
        return text(v.encode())
    if isinstance(v, bytes):
        return text(v)
    if isinstance(v, list):
        return hashed(5, len(v), *map(bits, v))
    if isinstance(v, float):
        return hashed(2, bits(v))
    return hashed(1, int(v))


def read(path):
    return pa.ipc.open_stream(path).read_all()


def total(paths):
    n, whole, columns = 0, 0, {}
    for t in map(read, paths):
        rows = [0] * t.num_rows
        for name, col in zip(t.column_names, t.columns):
            if pa.types.is_dictionary(col.type):
                col = col.cast(col.type.value_type)
            type = col.type
            if pa.types.is_timestamp(type):
                col = col.cast(pa.int64())
            h = text(name.encode())
            for i, v in enumerate(col.to_pylist()):
                cell = mix(h ^ value(v, type))
                rows[i] = rows[i] + cell & MASK
                columns[name] = columns.get(name, 0) + cell & MASK
        whole = whole + sum(map(mix, rows)) & MASK
        n += t.num_rows
    print(n, "rows")
    print(f"{whole:016x}  *")
    for name in sorted(columns, key=str.encode):
        print(f"{columns[name]:016x}  {name}")


def recast(t):
    """The same values in other types, the last row first."""
    out = []
    for f in t.schema:
        col = t.column(f.name).combine_chunks()
        if isinstance(col, pa.ChunkedArray):
            col = pa.concat_arrays(col.chunks)
        if pa.types.is_dictionary(f.type):
            col = col.cast(f.type.value_type).cast(pa.large_utf8())
        elif pa.types.is_string(f.type):
            col = col.dictionary_encode()
        elif pa.types.is_timestamp(f.type):
            col = col.cast(pa.timestamp("ns", "UTC"))
        elif pa.types.is_float32(f.type):
            col = col.cast(pa.float64())
        elif pa.types.is_int32(f.type):
            col = col.cast(pa.int64())
        elif pa.types.is_list(f.type):
            col = col.cast(pa.large_list(pa.float64()))
        out.append(col)
    names = t.column_names
    t = pa.table(out[::-1], names=names[::-1])
    return t.take(list(range(t.num_rows - 1, -1, -1)))


def spoil(t, how):
    n = t.num_rows
    if how == "lost":
        return t.slice(1)
    if how == "twice":
        return pa.concat_tables([t, t.slice(n - 1)])
    # The column keeps its values; rows 0 and 1 do not keep theirs.
    i = t.schema.get_field_index("cpu")
    order = [1, 0] + list(range(2, n))
    return t.set_column(i, t.schema.field(i), t.column(i).take(order))


def write(t, path, **options):
    options = pa.ipc.IpcWriteOptions(**options)
    with pa.ipc.new_stream(path, t.schema, options=options) as w:
        w.write_table(t, max_chunksize=37)


def main():
    if sys.argv[1] == "sum":
        total(sys.argv[2:])
    elif sys.argv[1] == "recast":
        write(recast(read(sys.argv[2])), sys.argv[3], compression="zstd")
    else:
        write(spoil(read(sys.argv[2]).unify_dictionaries(), sys.argv[4]),
              sys.argv[3], unify_dictionaries=True)


main()
