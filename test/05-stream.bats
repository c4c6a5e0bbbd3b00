# The stream: what pyarrow, polars and DuckDB write is read, and the other
# way round; damage is an error with its place.  (vmf-cat is tested here too.)

load helper

setup_file() {
	export S="$BATS_FILE_TMPDIR"
	if [ -n "${VMF_PYTHON:-}" ]; then
		"$VMF_PYTHON" "$VMF_ROOT/test/judges/interop.py" write "$S" >"$S/log" 2>&1 ||
			{ cat "$S/log" >&2; return 1; }
	fi
}

needs_judges() {
	[ -n "${VMF_PYTHON:-}" ] || skip "needs pyarrow, polars and duckdb (scripts/check installs them)"
}

small_csv() {
	printf 'vm,time,cpu\na,0,1\na,300,2\nb,0,\nb,300,4\n'
}

@test "all that pyarrow, polars and DuckDB write is read, value by value" {
	needs_judges
	judge "$VMF_ROOT/test/judges/interop.py" foreign "$S" "$VMF_BIN"
}

@test "all that vmf writes is read by pyarrow, polars and DuckDB, with every codec" {
	needs_judges
	judge "$VMF_ROOT/test/judges/interop.py" own "$S" "$VMF_BIN" "${VMF_BIN%/bin}/unit"
}

@test "types without a use here are refused by the column's name" {
	needs_judges
	for f in "$S"/refused-*.arrows; do
		fails 1 "column 'x' has type" vmf-cat "$f"
	done
	fails 1 "has type decimal256(50, 2);" vmf-cat "$S/refused-decimal256.arrows"
	fails 1 "has type int128;" vmf-cat "$S/refused-int128.arrows"
	fails 1 "has type list of list;" vmf-cat "$S/refused-list-of-lists.arrows"
	# Also where its dictionary is missing, whose codes are no numbers.
	fails 1 "has type list of dictionary;" vmf-cat --schema "$S/refused-list-of-dictionary.arrows"
	fails 1 "big-endian" vmf-cat "$S/big-endian.arrows"
	fails 1 "an Arrow IPC file, expected an Arrow IPC stream" vmf-cat "$S/file.arrow"
}

@test "more metadata than anybody has is refused" {
	judge - <<-EOT
		import pyarrow as pa, pyarrow.ipc as ipc
		for n in 1000, 1001, 200000:
		    s = pa.schema([pa.field("x", pa.int64())], {
		        f"k{i}": "v" for i in range(n)})
		    with ipc.new_stream(f"$BATS_TEST_TMPDIR/{n}", s):
		        pass
	EOT
	vmf-cat --schema "$BATS_TEST_TMPDIR/1000" | grep -q k999
	fails 1 "found 1001 entries of metadata in one place, expected at most 1000" \
	    vmf-cat "$BATS_TEST_TMPDIR/1001"
	fails 1 "found 200000 entries" vmf-cat "$BATS_TEST_TMPDIR/200000"
}

@test "a stream cut at any byte is an error that names the byte" {
	small_csv | vmf-ingest -q -o "$S/small.arrows"
	cd "$S" || return 1
	# In a shell of its own: bats looks at each command of a test.  With a
	# sanitizer, which starts 20 times as slowly, every eleventh byte.
	sh -c 'i=0 n=$(wc -c <small.arrows)
	while [ "$i" -lt "$n" ]; do
		head -c "$i" small.arrows >cut
		if vmf-cat --csv cut >/dev/null 2>err; then
			echo "cut at $i of $n was taken for whole"
			exit 1
		fi
		if vmf-cat --schema cut >/dev/null 2>&1; then
			echo "--schema: cut at $i of $n was taken for whole"
			exit 1
		fi
		read -r line <err
		case $line in
		*"cut off at byte"* | *"empty, expected"* | \
		*"text beginning"* | *"expected an Arrow"*) ;;
		*)
			echo "cut at $i: $line"
			exit 1
			;;
		esac
		i=$((i + $1))
	done' sh "${VMF_SMALL:+1}1"
}

@test "bytes after the end marker are an error: streams are not joined by cat" {
	small_csv | vmf-ingest -q -o "$S/one.arrows"
	cat "$S/one.arrows" "$S/one.arrows" >"$S/two.arrows"
	fails 1 "more bytes after the end marker" vmf-cat "$S/two.arrows"
	[[ $stderr == *"not joined by cat, but readings by vmf-dedup FILE ..." ]]
}

@test "text, gzip and zstd in place of a stream are called by name" {
	small_csv >"$S/x.csv"
	fails 1 "text beginning 'vm,time" vmf-cat "$S/x.csv"
	gzip -c "$S/x.csv" >"$S/x.gz"
	fails 1 "gzip, expected an Arrow IPC stream" vmf-cat "$S/x.gz"
	: >"$S/none"
	fails 1 "empty, expected an Arrow IPC stream" vmf-cat "$S/none"
	printf 'a,b' >"$S/short"
	fails 1 "text beginning 'a,b'" vmf-cat "$S/short"
	printf '\001\002' >"$S/short"
	fails 1 "byte 0: found 01 02, expected" vmf-cat "$S/short"
	printf '\377\377\377' >"$S/short"
	fails 1 "cut off at byte 3" vmf-cat "$S/short"
}

@test "vmf-cat: table, CSV, JSON, schema" {
	small_csv | vmf-ingest -q -o "$S/r.arrows"
	[ "$(vmf-cat --csv "$S/r.arrows")" = "vm,time,cpu
a,1970-01-01T00:00:00Z,1
a,1970-01-01T00:05:00Z,2
b,1970-01-01T00:00:00Z,
b,1970-01-01T00:05:00Z,4" ]
	[ "$(vmf-cat "$S/r.arrows" | sed -n 4p)" = "b   1970-01-01T00:00:00Z    -" ]
	[ "$(vmf-cat --json -n 1 "$S/r.arrows")" = '{"vm":"a","time":"1970-01-01T00:00:00Z","cpu":1}' ]
	vmf-cat --json "$S/r.arrows" | jq -es 'length == 4 and .[2].cpu == null'
	vmf-cat --schema "$S/r.arrows" | grep -q '^vmf:kind  *readings$'
	[ "$(vmf-cat --csv --schema "$S/r.arrows" | sed -n 2p)" = 'vm,dictionary of utf8,,' ]
}

@test "vmf-cat: --id, --columns, -n, --no-header, --tz" {
	small_csv | vmf-ingest -q -o "$S/r.arrows"
	[ "$(vmf-cat --csv --id 'b*' --columns cpu,vm --no-header "$S/r.arrows")" = ",b
4,b" ]
	[ "$(vmf-cat --csv -n 0 "$S/r.arrows")" = "vm,time,cpu" ]
	[ "$(vmf-cat --csv -n 1 --columns time --no-header --tz Europe/Zurich "$S/r.arrows")" = "1970-01-01T01:00:00+01:00" ]
	fails 1 "no column 'mem'; there are vm, time, cpu" vmf-cat --columns mem "$S/r.arrows"
	fails 2 "exclude each other" vmf-cat --csv --json "$S/r.arrows"
	fails 2 "not known" vmf-cat --tz Europe/Zuric "$S/r.arrows"
	fails 2 "not known" vmf-cat --tz leapseconds "$S/r.arrows"
	# Nor is it what the environment has: libc would make it UTC.
	[ "$(TZDIR=/nosuch TZ=Asia/Tokyo vmf-cat --csv -n 1 --columns time --no-header --tz Europe/Zurich "$S/r.arrows")" = "1970-01-01T01:00:00+01:00" ]
	fails 1 "--long needs" vmf-cat --long "$S/r.arrows"
	# A character is one, however many bytes it has.
	printf 'vm,time,cpu\né,0,1\néa,0,2\n' | vmf-ingest -q -o "$S/e.arrows"
	[ "$(LC_ALL=C vmf-cat --csv --id '?' --columns cpu --no-header "$S/e.arrows")" = 1 ]
}

@test "vmf-cat: --long gives a line for each step that is not missing" {
	printf 'vm,time,cpu\na,0,1\na,7200,2\nb,3600,4\n' | vmf-ingest -q |
		vmf-aggregate -q --step 1h --stat mean -o "$S/s.arrows"
	[ "$(vmf-cat --long --csv "$S/s.arrows")" = "id,time,cpu_mean
a,1970-01-01T00:00:00Z,1
a,1970-01-01T02:00:00Z,2
b,1970-01-01T01:00:00Z,4" ]
	# Of several lists one may have no item where another has.
	printf 'vm,time,cpu,mem\na,0,1,\na,3600,,2\n' | vmf-ingest -q |
		vmf-aggregate -q --step 1h --stat mean -o "$S/m.arrows"
	[ "$(vmf-cat --long --no-header "$S/m.arrows" | tr -s ' ')" = "a 1970-01-01T00:00:00Z 1 -
a 1970-01-01T01:00:00Z - 2" ]
	[ "$(vmf-cat --long --csv --columns id,time,cpu_mean -n 1 --no-header "$S/s.arrows")" = "a,1970-01-01T00:00:00Z,1" ]
	fails 2 "expected names of columns" vmf-cat --columns '' "$S/s.arrows"
	fails 1 "none of --columns id,start is one" \
	    vmf-cat --long --columns id,start "$S/s.arrows"
}

@test "vmf-cat: odd ids come through CSV and JSON unharmed, control characters not to a table" {
	printf 'vm,time,cpu\n"a,b ""c""",0,1\n"x\ty\033[31m",0,2\n é ,0,3\n' >"$S/odd.csv"
	vmf-ingest -q "$S/odd.csv" -o "$S/odd.arrows"
	vmf-cat --csv --columns vm --no-header "$S/odd.arrows" >"$S/ids"
	grep -qxF '"a,b ""c"""' "$S/ids"
	vmf-cat --json "$S/odd.arrows" | jq -r .vm >"$S/ids"
	grep -qxF 'a,b "c"' "$S/ids"
	! vmf-cat "$S/odd.arrows" | grep -q "$(printf '\033')"
}

@test "vmf-cat: values of every type, the odd ones among them, in each format" {
	cd "$BATS_TEST_TMPDIR" || return 1
	judge - <<-'E'
	import decimal
	import pyarrow as pa, pyarrow.ipc as ipc
	inf = float("inf")
	def put(name, t):
	    with ipc.new_stream(name, t.schema) as w:
	        w.write_table(t)
	put("odd", pa.table({"flag": [True, None], "none": pa.nulls(2),
	    "i": pa.array([-7, None], pa.int64()),
	    "x": pa.array([inf, -inf], pa.float32()),
	    "y": [float("nan"), 123456.789],
	    "b": pa.array([b"\x00\xff\x10", b""], pa.binary()),
	    "text": ["a\nb\t\"c\\", ""],
	    "l": pa.array([[0.5, inf, None], []], pa.list_(pa.float64()))}))
	with ipc.new_stream("bare", pa.schema([])) as w:
	    w.write_batch(pa.RecordBatch.from_struct_array(
	        pa.array([{}, {}], pa.struct([]))))
	put("half", pa.table({"h": pa.array([inf, -inf, float("nan"), 1.5],
	    pa.float16())}))
	D = decimal.Decimal
	put("exact", pa.table({"a": pa.array([D("1.25"), None],
	    pa.decimal32(5, 2)), "b": pa.array([D("-12345678901.5"), None],
	    pa.decimal64(18, 1)), "u": pa.array([[1, 2**63], []],
	    pa.list_(pa.uint64())), "l": [[float(i) for i in range(9)], [None]]}))
	put("big", pa.table({"u": pa.array([1, 2**63], pa.uint64())}))
	t = pa.table([[1], [2]], names=["a", "a"])
	put("twice", t)
	put("many", pa.table([[1]] * 10001, names=[f"c{i}" for i in range(10001)]))
	put("late", pa.table({"id": ["a"], "start": pa.array([2**62],
	    pa.timestamp("s")), "v": [[1.0, 2.0]]}).replace_schema_metadata(
	    {"vmf:kind": "series", "vmf:step": str(2**62)}))
	E
	run -0 vmf-cat --json odd
	assert_line --index 0 '{"flag":true,"none":null,"i":-7,"x":"inf","y":null,"b":"AP8Q","text":"a\nb\t\"c\\","l":[0.5,"inf",null]}'
	assert_line --index 1 '{"flag":null,"none":null,"i":null,"x":"-inf","y":123456.789,"b":"","text":"","l":[]}'
	vmf-cat --json odd | jq -e . >/dev/null
	run -0 vmf-cat --json bare
	assert_output $'{}\n{}'
	run -0 vmf-cat --csv --columns flag,none,i,x,y,b,l odd
	assert_line --index 1 'true,,-7,inf,,AP8Q,"[0.5,inf,null]"'
	assert_line --index 2 ',,,-inf,123456.789,,[]'
	run -0 vmf-cat --columns flag,none,i,x,y,b odd
	assert_line --index 1 --regexp '^true +- +-7 +inf +-? +<3 bytes>$'
	assert_line --index 2 --regexp '^- +- +- +-inf +123456.789 +<0 bytes>$'
	run -0 vmf-cat --csv --no-header half
	assert_output $'inf\n-inf\n\n1.5'
	run -0 vmf-cat --csv --no-header --columns a,b,u exact
	assert_line --index 0 '1.25,-12345678901.5,"[1,9.223372036854776e+18]"'
	assert_line --index 1 ',,[]'
	run -0 vmf-cat --columns l,a exact
	assert_line --index 1 --regexp '^\[0 1 .. 8\] x9 +1.25$'
	assert_line --index 2 --regexp '^\[-\] +-$'
	fails 1 "big: message at byte " vmf-cat big
	[[ $stderr == *"column 'u': row 1 of the batch is out of"* ]]
	fails 1 "twice: column 1: two columns are called 'a', the other is column 0" vmf-cat twice
	fails 1 'many: 10001 columns, expected at most' vmf-cat many
	# A table of more rows than are laid out at once.
	awk 'BEGIN { print "vm,time,cpu"
		for (i = 0; i < 12000; i++) print "vm" i ",0," i % 7 }' </dev/null |
	    vmf-ingest -q | vmf-cat >table
	assert_equal "$(wc -l <table)" 12001
	assert_equal "$(awk 'NR > 1 { n += $3 } END { print n }' table)" 35995
	printf '\377\377\377\377\0\0\0\0' >end
	fails 1 'end: the end marker is at byte 0, before any schema' vmf-cat end
	fails 1 '--id needs a text column called id or vm' vmf-cat --id a odd
	fails 1 'row 0: its steps leave the range of time' vmf-cat --long --csv late
}

@test "an extension type keeps its name where its storage stays, and loses it where not" {
	cd "$BATS_TEST_TMPDIR" || return 1
	judge - <<-'E'
	import duckdb, pyarrow as pa, pyarrow.ipc as ipc, subprocess
	def ext(t, v):
	    return pa.ExtensionArray.from_storage(t, pa.array(v, t.storage_type))
	def put(t):
	    with ipc.new_stream("in", t.schema) as w:
	        w.write_table(t)
	def run(command):
	    subprocess.run(command, shell=True, check=True)
	    with ipc.open_stream("out") as r:
	        t = r.read_all()
	    t.validate(full=True)
	    return t
	def opaque(storage, v):
	    return ext(pa.opaque(storage, "kind", "maker"), v)
	j, lj = pa.json_(pa.string()), pa.json_(pa.large_string())
	t = pa.table({"vm": ext(j, ['"a"', '"b"']),
	    "time": pa.array([0, 1], pa.timestamp("s", "UTC")),
	    "cpu": pa.array([1, 2], pa.float32()),
	    "flag": ext(pa.bool8(), [1, 0]), "none": ext(pa.bool8(), [-3, None]),
	    "j": ext(j, ["1", None]), "lj": ext(lj, ["1", "2"]),
	    "o8": opaque(pa.int8(), [1, 2]), "o32": opaque(pa.int32(), [1, 2]),
	    "u32": opaque(pa.uint32(), [1, 2]), "o64": opaque(pa.int64(), [1, 2]),
	    "f": opaque(pa.float64(), [1, 2]), "h": opaque(pa.float16(), [1, 2]),
	    "b": opaque(pa.bool_(), [True, False])})
	put(t)
	out = run("vmf-dedup -q -o out in")
	types = {f.name: str(f.type) for f in out.schema}
	assert types["flag"] == types["none"] == "bool", types
	assert out["flag"].to_pylist() == [True, False], out["flag"]
	assert out["none"].to_pylist() == [True, None], out["none"]
	for name in "j", "o32", "o64", "f", "b":
	    assert types[name].startswith("extension<"), (name, types)
	for name, plain in (("lj", "string"), ("o8", "int32"), ("u32", "int64"),
	        ("h", "float"), ("vm", "dictionary<")):
	    assert types[name].startswith(plain), (name, types)
	meta = out.schema.field("o8").metadata
	assert meta is None or not any(k.startswith(b"ARROW:") for k in meta), meta
	types = {f.name: str(f.type) for f in run("vmf-aggregate -q --step 1h -o out in").schema}
	assert types["flag"] == "bool" and types["j"].startswith("extension<"), types
	assert types["lj"] == "string", types
	# One whose metadata are no UTF-8 is none of that name any more.
	def bare(meta):
	    f = pa.field("x", pa.int32(), metadata=meta)
	    put(pa.table({"vm": ["a"], "time": pa.array([0], pa.timestamp("s", "UTC")),
	        "x": pa.array([1], pa.int32())}).cast(pa.schema(
	        [("vm", pa.string()), ("time", pa.timestamp("s", "UTC")), f])))
	    return run("vmf-dedup -q -o out in").schema.field("x").metadata or {}
	name, more = b"ARROW:extension:name", b"ARROW:extension:metadata"
	assert bare({name: b"own", more: b"\xff", b"k": b"v"}) == {b"k": b"v"}
	assert bare({name: b"own", more: b"v"}) == {name: b"own", more: b"v"}
	con = duckdb.connect()
	con.execute("set arrow_lossless_conversion = true")
	put(con.sql("select 'a' as vm, timestamp '2020-01-01' as time, 1.5::float as cpu, "
	    "true as on").to_arrow_table())
	assert str(run("vmf-dedup -q -o out in").schema.field("on").type) == "bool"
	E
}

@test "nulls in lists, for which there are no bytes, are as many as a batch has bytes and a million" {
	cd "$BATS_TEST_TMPDIR" || return 1
	judge - <<-'E'
	import pyarrow as pa, pyarrow.ipc as ipc
	def put(name, a, **options):
	    t = pa.table({"l": a})
	    with ipc.new_stream(name, t.schema, options=ipc.IpcWriteOptions(**options)) as w:
	        w.write_table(t)
	offsets = lambda *v: pa.array(v, pa.int32())
	put("claim", pa.ListArray.from_arrays(offsets(0, 200_000_000), pa.nulls(200_000_000)))
	put("fixed", pa.FixedSizeListArray.from_arrays(pa.nulls(200_000_000), 100))
	put("none", pa.Array.from_buffers(pa.list_(pa.float32(), 0), 200_000_000, [None],
	    children=[pa.array([], pa.float32())]))
	put("two", pa.array([[None, None], [], None, [None]], pa.list_(pa.null())))
	put("empty", pa.array([[]] * 5, pa.list_(pa.null())))
	put("million", pa.ListArray.from_arrays(offsets(0, 1_000_000), pa.nulls(1_000_000)))
	put("packed", pa.array([[None]] * 1_000_000, pa.list_(pa.null())), compression="zstd")
	put("many", pa.array([[None]] * 3_000_000, pa.list_(pa.null())))
	E
	fails 1 "column 'l': 200000000 empty lists or nulls in lists" vmf-cat claim
	[[ $stderr == *"message at byte "* ]]
	fails 1 "column 'l': 2000000 empty lists or nulls in lists" vmf-cat fixed
	fails 1 "column 'l': 200000000 empty lists or nulls in lists" vmf-cat none
	run -0 vmf-cat --csv --no-header two
	assert_output $'"[null,null]"\n[]\n\n[null]'
	run -0 vmf-cat --csv --no-header empty
	assert_output $'[]\n[]\n[]\n[]\n[]'
	for f in million packed many; do
		vmf-cat --checksum "$f" >/dev/null
	done
}

@test "damage in a dictionary that grew is told as in one that did not" {
	cd "$BATS_TEST_TMPDIR" || return 1
	judge - <<-'E'
	import io, subprocess, sys
	import pyarrow as pa, pyarrow.ipc as ipc
	schema = pa.schema([("d", pa.dictionary(pa.int32(), pa.string()))])
	def batch(names):
	    return pa.record_batch([pa.DictionaryArray.from_arrays(pa.array([0], pa.int32()),
	        pa.array(names))], schema=schema)
	def told(second, spoil):
	    b = io.BytesIO()
	    w = ipc.new_stream(b, schema)
	    w.write_batch(batch(["aaaa", "bb"]))
	    at = b.tell()
	    w.write_batch(batch(second))
	    w.close()
	    raw = b.getvalue()
	    for old, new in spoil:
	        assert raw.count(old, at) >= 1, (old, raw)
	        raw = raw[:at] + raw[at:].replace(old, new, 1)
	    open("s", "wb").write(raw)
	    p = subprocess.run(["vmf-cat", "s"], capture_output=True, text=True)
	    assert p.returncode == 1 and f"message at byte {at}, column 'dictionary': " in p.stderr, p
	    return p.stderr
	off = lambda *v: b"".join(x.to_bytes(4, "little", signed=True) for x in v)
	for spoil in ([(b"QQ", b"Q\xff")], [(b"QQ", b"Q\0")],
	        [(off(8, 14), off(15, 14))], [(off(8, 14), off(8, 99))],
	        [(off(8, 14), off(-8, 14))]):
	    grown = told(["aaaa", "bb", "QQ", "cccccc"], spoil)
	    other = told(["aaab", "bb", "QQ", "cccccc"], spoil)
	    assert grown == other, (grown, other)
	assert "row 2 of the batch is not valid UTF-8" in told(["aaaa", "bb", "QQ"], [(b"QQ", b"Q\xff")])
	E
}

@test "decimals are rounded once, of any width and scale" {
	cd "$BATS_TEST_TMPDIR" || return 1
	judge - <<-'E'
	import decimal, json, random, subprocess
	import pyarrow as pa, pyarrow.ipc as ipc
	D, rand = decimal.Decimal, random.Random(8)
	decimal.getcontext().prec = 80
	kinds = [(pa.decimal128, 38, s) for s in (-99, -30, -1, 0, 1, 2, 19, 20, 22, 23, 37, 38, 99)]
	kinds += [(pa.decimal64, 18, s) for s in (-5, 0, 3, 18)] + [(pa.decimal32, 9, s) for s in (0, 9)]
	cols, want = {}, {}
	for k, (make, digits, scale) in enumerate(kinds):
	    v = [D(rand.randrange(10 ** rand.randint(1, digits)) * rand.choice((1, -1))).scaleb(-scale)
	         for _ in range(2000)]
	    if (digits, scale) == (38, 22):
	        v[0] = D("0.95")
	    if make is pa.decimal128:
	        v[1] = D(2 ** 53 + 1).scaleb(-scale)
	    # Of an integer: pyarrow's own conversion has ideas about scales.
	    raw = b"".join(int(x.scaleb(scale)).to_bytes(16 if digits == 38 else
	        8 if digits == 18 else 4, "little", signed=True) for x in v)
	    a = pa.Array.from_buffers(make(digits, scale), len(v), [None, pa.py_buffer(raw)])
	    cols[f"c{k}"], want[f"c{k}"] = a, [float(x) for x in v]
	t = pa.table(cols)
	with ipc.new_stream("d", t.schema) as w:
	    w.write_table(t)
	rows = subprocess.run(["vmf-cat", "--json", "d"], capture_output=True, check=True).stdout
	for i, line in enumerate(rows.decode().splitlines()):
	    for name, got in json.loads(line).items():
	        assert got == want[name][i], (name, i, got, cols[name][i])
	assert b'0.95,' in rows.splitlines()[0], rows[:300]
	E
}

@test "text with U+0000 is refused in these words" {
	cd "$BATS_TEST_TMPDIR" || return 1
	judge - <<-'E'
	import pyarrow as pa, pyarrow.ipc as ipc
	for name, t in (("text", pa.table({"id": ["b", "a\0b"]})), ("name", pa.table({"a\0b": [1]}))):
	    with ipc.new_stream(name, t.schema) as w:
	        w.write_table(t)
	E
	fails 1 "column 'id': row 1 of the batch has a U+0000" vmf-cat text
	fails 1 "the name of column 0 has a U+0000" vmf-cat name
}

@test "--max-batch: at most 2G, and named where metadata are larger" {
	small_csv | vmf-ingest -q -o "$S/b.arrows"
	fails 2 "--max-batch: found '8G', expected a size of at most 2G" vmf-cat --max-batch 8G "$S/b.arrows"
	fails 2 "--max-batch: found '2147483649', expected" vmf-dedup --max-batch 2147483649 "$S/b.arrows"
	vmf-cat --max-batch 2G "$S/b.arrows" >/dev/null
	fails 1 "expected at most 100 (--max-batch)" vmf-cat --max-batch 100 "$S/b.arrows"
}

@test "vmf-cat: before a damaged place all is shown, and the exit code is 1" {
	needs_judges
	head -c -8 "$S/two-batches.arrows" >"$S/cut2"
	! vmf-cat --csv "$S/cut2" >"$S/out" 2>"$S/err"
	[ "$(wc -l <"$S/out")" -gt 2 ]
	grep -q "without its end marker" "$S/err"
	! vmf-cat --csv -o - "$S/cut2" >"$S/out2" 2>"$S/err"
	same "$S/out" "$S/out2"
	! vmf-cat --csv -o /dev/stdout "$S/cut2" 2>"$S/err" | cat >"$S/out3"
	same "$S/out" "$S/out3"
	! vmf-cat --csv -o /dev/stdout "$S/cut2" 2>"$S/err" >"$S/out4"
	same "$S/out" "$S/out4"
	! vmf-cat --csv -o "$S/out5" "$S/cut2" 2>"$S/err"
	[ ! -e "$S/out5" ]
}

@test "a stream that asks for much more memory than it has bytes is refused" {
	needs_judges
	not_small
	fails 1 "dictionary of more than" vmf-cat --max-batch 8M "$S/hostile-deltas.arrows"
	# Twelve columns that take turns in being large: 25 MB unpacked each.
	(ulimit -v 150000; vmf-cat --max-batch 32M "$S/hostile-turns.arrows") | wc -c >"$S/n"
	[ "$(cat "$S/n")" -gt 1000 ]
}

@test "vmf-cat --schema: names and metadata cannot command a terminal, nor break CSV" {
	needs_judges
	! vmf-cat --schema "$S/hostile-names.arrows" | grep -qE "$(printf '\033|\302\233')"
	vmf-cat --schema --csv "$S/hostile-names.arrows" | grep -qxF '"b,""x",utf8,,'
	vmf-cat --schema --json "$S/hostile-names.arrows" | jq -e . >/dev/null
	! vmf-cat "$S/hostile-names.arrows" | grep -qE "$(printf '\033|\302\233')"
}

@test "file names that are no UTF-8 do not lose the history" {
	small_csv >"$S/caf"$'\xe9'".csv"
	vmf-ingest -q "$S/caf"$'\xe9'".csv" -o "$S/h.arrows"
	vmf-cat --schema "$S/h.arrows" | grep -q "vmf:history .*'caf?.csv'"
}
