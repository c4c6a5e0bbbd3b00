# vmf - build, test, install.  "make help" lists the targets.
#
#   MODE=release|asan|lsan|tsan|msan|cov|fuzz   one folder of objects each
#   GPU=auto|0|1     kernels for a GPU; auto: where there is nvcc, see below
#   ISAL=auto|0|1    gzip by ISA-L; auto: where libisal is installed
#   XGB=auto|0|1     trees by XGBoost; auto: where libxgboost is installed
#   DNNL=auto|0|1    lstm by oneDNN; auto: where libdnnl is installed
#   CUDNN=auto|0|1   lstm on a GPU by cuDNN 9, with GPU=1; auto: where its
#                    headers are, the library being loaded at run time
#   DEV=1            warnings are errors
#   CC= CXX= CFLAGS= LDFLAGS= PREFIX=/usr/local DESTDIR=
#   CUDA_HOME= NVCC= NVCCFLAGS=  (-lineinfo for profilers)

MODE ?= release
GPU ?= auto
ISAL ?= auto
XGB ?= auto
DNNL ?= auto
CUDNN ?= auto
PREFIX ?= /usr/local
DESTDIR ?=
# -g1: the lines of a report are known.  -O1: files take half the time to compile.
CFLAGS ?= $(if $(filter asan,$(MODE)),-O1 -g1,-O2 $(if \
	$(filter fuzz,$(MODE)),-g1,-g))
V ?= 0

VERSION := $(shell cat VERSION)
COMMIT := $(shell git rev-parse --short=12 HEAD 2>/dev/null || echo unknown)

# nvcc: that of CUDA_HOME, that in the path, or where CUDA is put.
NVCC := $(or $(NVCC),$(firstword $(wildcard $(CUDA_HOME)/bin/nvcc) \
	$(shell command -v nvcc) $(wildcard /usr/local/cuda/bin/nvcc)))
CUDA_HOME := $(or $(CUDA_HOME),$(patsubst %/bin/nvcc,%,$(NVCC)))

# auto: release with CUDA 12 or later, whose nvcc has the C++ of the kernels.
# Not with the sanitizers: they cannot look into kernels, and CUDA's driver
# wants addresses that they keep for themselves.  GPU=1 insists.
ifeq ($(GPU),auto)
GPU := $(or $(if $(filter release,$(MODE)),$(if $(NVCC),$(shell \
	$(NVCC) --version 2>/dev/null | awk '/release/ { \
	sub(/.*release /, ""); if ($$0 + 0 >= 12) print 1 }'))),0)
endif
ifeq ($(GPU)$(NVCC),1)
$(error GPU=1 needs nvcc of CUDA 12 or later: set NVCC= or CUDA_HOME=)
endif

ifeq ($(ISAL),auto)
ISAL := $(if $(shell pkg-config --exists libisal 2>/dev/null && echo y)$(\
	wildcard /usr/include/isa-l/igzip_lib.h),1,0)
endif

ifeq ($(XGB),auto)
XGB := $(if $(wildcard /usr/include/xgboost/c_api.h),1,0)
endif

ifeq ($(DNNL),auto)
DNNL := $(if $(wildcard /usr/include/oneapi/dnnl/dnnl.h),1,0)
endif

# cuDNN's headers: CUDA's folder, or where a system's packages put them.  A
# stand-in of cuDNN is built with them too, whatever GPU says: CUDNN_H.
CUDNN_H := $(if $(filter 0,$(CUDNN)),,$(if $(CUDA_HOME),$(shell \
	grep -ls 'define CUDNN_MAJOR 9$$' $(CUDA_HOME)/include/cudnn_version.h \
	/usr/include/cudnn_version.h /usr/include/*-linux-gnu/cudnn_version.h)))
ifeq ($(CUDNN),auto)
CUDNN := $(if $(filter 1,$(GPU)),$(if $(CUDNN_H),1,0),0)
endif

B := build/$(MODE)-gpu$(GPU)
Q := $(if $(filter 1,$(V)),,@)

CMDS := $(patsubst cmd/%.c,%,$(sort $(wildcard cmd/vmf-*.c)))
GPU_SRC := $(if $(filter 1,$(GPU)),gpu/device.c gpu/lanes.cu,gpu/none.c) \
	gpu/lstm_$(if $(filter 11,$(GPU)$(CUDNN)),cudnn,none).c
# Of files that stand in for each other where a library is not there, one.
NOT_SRC := $(if $(filter 1,$(DNNL)),lib/learn/lstm_none.c, \
	lib/learn/lstm_dnnl.c lib/learn/lstm_dnnl_cell.c)
# First what takes longest to compile, so that no core waits for it at last.
LIB_SRC := $(GPU_SRC) $(filter-out $(NOT_SRC),$(sort $(wildcard lib/*/*.c)))
LIB_OBJ := $(patsubst %,$(B)/%.o,$(basename $(LIB_SRC)))
# What is C++ is so for CUDA's sake, and no command needs it.
HAVE_CXX := $(shell command -v $(firstword $(CXX)) 2>/dev/null)
UNIT_SRC := $(sort $(wildcard test/unit/*.c \
	$(if $(HAVE_CXX),test/unit/*.cc)))
UNITS := $(patsubst test/unit/%,%,$(basename $(UNIT_SRC)))
FUZZERS := $(patsubst test/fuzz/%.c,%,$(sort $(wildcard test/fuzz/*.c)))
BINS := $(CMDS:%=$(B)/bin/%)
# Installed as vmf-NAME.
SCRIPTS := nightly plan-to-virsh plan-to-openstack
MAN := $(sort $(wildcard man/*.[1-8]))

# Float rules are not optimisation: NaN means missing, and the same input
# gives the same bytes.  Never -ffast-math.
FLOAT := -ffp-contract=off
WARN := -Wall -Wextra -Wshadow -Wconversion -Wmissing-prototypes \
	-Wstrict-prototypes -Wpointer-arith -Wno-psabi $(if $(DEV),-Werror)
HARDEN := -fPIE -fstack-protector-strong
MODE_release := $(HARDEN) -D_FORTIFY_SOURCE=2
MODE_asan := -fsanitize=address,undefined -fno-sanitize-recover=all \
	-fno-omit-frame-pointer
# At release's speed; only leaks are found.
MODE_lsan := -fsanitize=leak -fno-omit-frame-pointer
MODE_tsan := -fsanitize=thread
MODE_cov := --coverage -O0 -fprofile-update=prefer-atomic
MODE_msan := -fsanitize=memory -fsanitize-memory-track-origins \
	-fno-sanitize-recover=all -fno-omit-frame-pointer
MODE_fuzz := -fsanitize=address,undefined,fuzzer-no-link \
	-fno-sanitize-recover=all
MODE_FLAGS := $(MODE_$(MODE))
ifeq ($(MODE_FLAGS),)
$(error MODE is '$(MODE)', expected release, asan, lsan, tsan, msan, cov or fuzz)
endif
LINK_release := -pie -Wl,-z,relro,-z,now
# What may fail, and in $(B)/torture does where test/torture/fault.c says so.
FAULTY := malloc calloc realloc read pread64 write writev pwrite64 open64 \
	mkostemp64 freopen64 close rename unlink fsync fchmod fstat64 stat64 \
	lseek64 realpath fflush pthread_create pthread_mutex_init \
	pthread_cond_init
LINK_MODE := $(LINK_$(MODE)) $(filter -fsanitize% --coverage,$(MODE_FLAGS))

# No folder of this machine in what is built: the same bytes anywhere.
ALL_CFLAGS := -std=c11 -ffile-prefix-map=$(CURDIR)=. \
	-D_XOPEN_SOURCE=700 -D_DEFAULT_SOURCE \
	-D_FILE_OFFSET_BITS=64 $(FLOAT) $(WARN) $(CFLAGS) $(MODE_FLAGS) \
	$(if $(filter 1,$(ISAL)),-DVMF_ISAL) \
	$(if $(filter 1,$(XGB)),-DVMF_XGB) -Ilib -Icmd
# A command is linked with those that it uses; starting costs by the library.
# glibc opens it when a thread is first cancelled, and aborts where it cannot:
# with no descriptor or memory left, say.
LIBGCC_S := -Wl,--push-state,--no-as-needed -lgcc_s -Wl,--pop-state
LIBS := -Wl,--as-needed $(if $(filter 1,$(XGB)),-lxgboost) \
	$(if $(filter 1,$(DNNL)),-ldnnl -lgomp) \
	$(if $(filter 1,$(ISAL)),-lisal) -lcsv -lz -lzstd -llz4 -lcjson \
	-lpthread -lm $(LIBGCC_S)

# Of the GPU only what commands that compute pull out of libvmf.a.  The
# runtime is linked in: a machine without CUDA runs the same binaries.
# Machine code for 8.x, 9.0 and, where nvcc knows it, 10.x, and PTX for what
# comes later, which the driver has to compile first; with DEV=1, to be made in
# half the time, for 9.0, and PTX for all others.
ifeq ($(GPU),1)
ALL_CFLAGS += $(if $(filter-out /usr,$(CUDA_HOME)),-isystem $(CUDA_HOME)/include)
LIBS += -L$(CUDA_HOME)/lib64 -lcudart_static -ldl -lrt
PTX_80 := 80,code=compute_80
CODE_80 := 80,code=sm_80 90,code=compute_90
CODE_100 := 100,code=sm_100
KNOWS_100 := $(filter sm_100,$(shell $(NVCC) --list-gpu-code))
NVCC_FLAGS := -std=c++20 -O2 -fmad=false -cudart static \
	-gencode=arch=compute_90,code=sm_90 \
	$(addprefix -gencode=arch=compute_,$(if $(DEV),$(PTX_80),$(CODE_80) \
	$(if $(KNOWS_100),$(CODE_100)))) \
	-Xcompiler -fPIE,-fno-exceptions,-fno-threadsafe-statics \
	$(if $(DEV),-Werror all-warnings) \
	$(if $(filter default,$(origin CXX)),,-ccbin $(CXX)) -Ilib $(NVCCFLAGS)
endif

.PHONY: all test check check-deep units tortured torture torture-damage torture-foreign torture-carry torture-night torture-soak torture-scale accuracy bench bench-gpu bench-models fleet fuzz fuzzers install uninstall clean help FORCE bench-quantiles
.DELETE_ON_ERROR:
# Objects of commands and tests are kept, though no rule names them.
.SECONDARY:

all: $(BINS) $(B)/libvmf.a	## build every command into build/MODE-gpuN/bin
	$(Q)$(if $(filter build/%,$(B)),ln -sfn $(B:build/%=%)/bin build/bin)

# Rewritten only when the command line changes; every object needs it.
FLAGS_TEXT := $(CC) $(CXX) $(ALL_CFLAGS) $(LDFLAGS) $(LIBS) \
	$(if $(filter 1,$(GPU)),$(NVCC) $(NVCC_FLAGS)) cuDNN: $(CUDNN) $(CUDNN_H)
$(B)/flags: FORCE
	$(Q)mkdir -p $(@D)
	$(Q)echo '$(FLAGS_TEXT)' | cmp -s - $@ || echo '$(FLAGS_TEXT)' >$@
FORCE:

$(B)/%.o: %.c $(B)/flags
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

# C++ of the kernels: designated initialisers, and nothing of its library.
NOT_CXX := -std=c11 -Wmissing-prototypes -Wstrict-prototypes
CXX_FLAGS := -std=gnu++20 -fno-exceptions -fno-rtti \
	-Wno-missing-field-initializers $(filter-out $(NOT_CXX),$(ALL_CFLAGS))
$(B)/%.o: %.cc $(B)/flags
	$(Q)mkdir -p $(@D)
	$(Q)$(CXX) $(CXX_FLAGS) -MMD -MP -c -o $@ $<

$(B)/%.o: %.cu $(B)/flags
	$(Q)mkdir -p $(@D)
	$(Q)$(NVCC) $(NVCC_FLAGS) -MMD -MP -c -o $@ $<

# The version and the way it was built that -V shows.
$(B)/cmd/said.o $(B)/cmd/options.o: VERSION
$(B)/cmd/said.o $(B)/cmd/options.o: ALL_CFLAGS += -DVMF_VERSION='"$(VERSION)"' \
	-DVMF_BUILD='"$(CC) $(CFLAGS) MODE=$(MODE) GPU=$(GPU)"'

$(B)/libvmf.a: $(LIB_OBJ)
	$(Q)rm -f $@
	$(Q)$(AR) rcsD $@ $(LIB_OBJ)

# An archive, so that a command has no more of it than it uses.
CMD_SHARED := $(patsubst %.c,$(B)/%.o,$(filter-out cmd/vmf-%,$(wildcard cmd/*.c)))
$(B)/libcmd.a: $(CMD_SHARED)
	$(Q)rm -f $@
	$(Q)$(AR) rcsD $@ $(CMD_SHARED)

$(B)/bin/%: $(B)/cmd/%.o $(B)/libcmd.a $(B)/libvmf.a
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(LINK_MODE) $(LDFLAGS) -o $@ $^ $(LIBS)

$(B)/torture/%: $(B)/cmd/%.o $(B)/test/torture/fault.o $(B)/libcmd.a $(B)/libvmf.a
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(LINK_MODE) $(FAULTY:%=-Wl,--wrap=%) $(LDFLAGS) -o $@ $^ $(LIBS)

$(B)/unit/%: $(B)/test/unit/%.o $(B)/libvmf.a
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(LINK_MODE) $(LDFLAGS) -o $@ $(filter %.o,$^) \
		$(filter %.a,$^) $(LIBS)

$(B)/fuzz/%: $(B)/test/fuzz/%.o $(B)/libvmf.a
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(LINK_MODE) -fsanitize=fuzzer $(LDFLAGS) -o $@ \
		$(filter %.o,$^) -Wl,--start-group $(filter %.a,$^) \
		-Wl,--end-group $(LIBS)

# Commands without their mains, of which it calls what reads options.
$(B)/fuzz/options: $(patsubst %.c,$(B)/%.o,$(sort $(wildcard \
	test/fuzz/options/*.c))) $(B)/libcmd.a

# What a device is measured with: of vmf no more than the lanes and what they
# stand on, and none of its libraries, so that it can be built where they are
# not, and what was built runs where there is but a driver.
LANES_OBJ := $(patsubst %,$(B)/lib/base/%.o,cpu decimal err mem num thread \
	time) $(patsubst %,$(B)/lib/kernel/%.o,lanes_avx2 lanes_avx512 lanes_plain) \
	$(patsubst %,$(B)/lib/forecast/%.o,combine fence forecast panel quantile \
	snaive) $(B)/gpu/device.o $(B)/gpu/lanes.o
CUDA_LIBS = -L$(CUDA_HOME)/lib64 -lcudart_static -ldl -lrt -lpthread -lm
$(B)/test/bench/gpu.o: ALL_CFLAGS += -Igpu
$(B)/bench/gpu: $(B)/test/bench/gpu.o $(LANES_OBJ)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(LINK_MODE) $(LDFLAGS) -o $@ $^ $(CUDA_LIBS)

# Tasks so small that the few series of a test make many of them, and one of
# their blocks may be more than the host's part.
$(B)/test/bench/panel.o: lib/forecast/panel.c $(B)/flags
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -DDEVICE_BLOCKS_MIN=1 \
		-D'VMF_DEVICE_HOST_BYTES=(INT64_C(4) << 20)' -MMD -MP -c \
		-o $@ $<
$(B)/unit/device: $(B)/test/bench/panel.o

# The same unit, by a device that there is.
$(B)/test/bench/device.o: test/unit/device.cc $(B)/flags
	$(Q)mkdir -p $(@D)
	$(Q)$(CXX) $(CXX_FLAGS) -DVMF_REAL_DEVICE -MMD -MP -c -o $@ $<
$(B)/bench/device: $(B)/test/bench/device.o $(B)/test/bench/panel.o \
	$(filter-out $(B)/lib/forecast/panel.o,$(LANES_OBJ))
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(LINK_MODE) $(LDFLAGS) -o $@ $^ $(CUDA_LIBS)

$(B)/bench/quantiles: $(B)/test/bench/quantiles.o $(B)/libvmf.a
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(LINK_MODE) $(LDFLAGS) -o $@ $^ $(LIBS)
bench-quantiles: all $(B)/bench/quantiles

$(B)/bench/scan: $(B)/test/bench/scan.o $(B)/libvmf.a
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(LINK_MODE) $(LDFLAGS) -o $@ $^ $(LIBS)

# A unit with cuDNN's headers, and cuDNN's part of vmf in it.
CUDA_INC := $(if $(filter-out /usr,$(CUDA_HOME)),-isystem $(CUDA_HOME)/include)
$(B)/test/unit/lstm_cudnn.o: ALL_CFLAGS += $(if $(CUDNN_H),-DVMF_CUDNN \
	$(CUDA_INC))

units: $(UNITS:%=$(B)/unit/%)
fuzzers: $(FUZZERS:%=$(B)/fuzz/%)

test: all units $(if $(filter 1,$(GPU)),bench-gpu)	## build and run the tests of this MODE
	$(Q)VMF_B=$(B) sh test/run

check:	## the tests, a sample of failures made on purpose, fuzzers (scripts/check installs what it needs)
	$(Q)sh test/check

check-deep:	## what takes hours: all torture, fuzzing, other builds and analysers
	$(Q)sh scripts/check-deep

bench-gpu: $(B)/bench/gpu $(B)/bench/device	## build what test/bench/gpu runs on a machine with a GPU
	$(Q)echo '$(COMMIT)$(shell git diff --quiet HEAD 2>/dev/null || \
		echo ' (changed)')' >$(B)/bench/commit

bench: all $(B)/bench/scan	## speed and memory beside DuckDB and polars (BENCH="--rows 1000000" for less)
	$(Q)python3 test/bench/run --parts $(B)/bench/scan $(BENCH)
	$(Q)$(MAKE) bench-models

bench-models: all	## the forecasting part of bench: fleets, some accuracy; ten minutes
	$(Q)sh test/bench/fleet --model arima --vms 2000,20000
	$(Q)sh test/bench/accuracy --set H/short,H/24 --peer-vms 20 \
		--arima-vms 5 --limit 60

fleet: all	## fleets of 10 k and 100 k VMs trained and forecast (FLEET="--vms 1000000")
	$(Q)sh test/bench/fleet $(FLEET)

tortured: $(CMDS:%=$(B)/torture/%)

FAULTY_MODE := $(if $(filter lsan,$(MODE)),lsan,asan)
torture:	## make every call that can fail fail in turn (TORTURE="--sample 3" for some)
	$(Q)$(MAKE) MODE=$(FAULTY_MODE) GPU=0 tortured
	$(Q)VMF_FAULTY=build/$(FAULTY_MODE)-gpu0 \
		python3 test/torture/run $(TORTURE)

$(B)/torture/foreign.so: test/torture/foreign.c
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) -std=c11 $(WARN) -O2 -fPIC -shared -o $@ $<

# Plain C, whatever the build: a sanitizer makes a process large.
$(B)/torture/starter: test/torture/starter.c
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) -std=c11 -D_DEFAULT_SOURCE $(WARN) -O2 -o $@ $<

torture-foreign: all $(B)/torture/foreign.so	## and calls of the libraries that vmf is linked with (FOREIGN="--calls 5")
	$(Q)VMF_B=$(B) python3 test/torture/foreign $(FOREIGN)

torture-damage: all $(B)/torture/starter	## damage streams in every place that says how to read them
	$(Q)VMF_B=$(B) python3 test/torture/damage $(DAMAGE)

torture-carry: all units	## programs fail or are killed under scripts/plan-to-virsh and plan-to-openstack
	$(Q)VMF_B=$(B) python3 test/torture/carry $(CARRY)

torture-soak: all	## 96 nights one after the other, some hurt: memory, descriptors, files
	$(Q)$(MAKE) MODE=$(MODE) GPU=$(GPU) tortured
	$(Q)VMF_B=$(B) python3 test/torture/soak $(SOAK)

torture-scale: all	## a night of a large fleet in 1 GB (SCALE="--vms 1000000")
	$(Q)VMF_B=$(B) sh test/torture/scale $(SCALE)

torture-night: all	## the same to whole nights, and kill some (NIGHT="--faults 20 --kills 20")
	$(Q)$(MAKE) MODE=asan GPU=0 tortured
	$(Q)VMF_B=$(B) python3 test/torture/night $(NIGHT)

fuzz:	## build the fuzzers with clang and run each for FUZZ_S seconds (30)
	$(Q)$(MAKE) MODE=fuzz GPU=0 CC=clang fuzzers
	$(Q)sh test/fuzz/run build/fuzz-gpu0/fuzz $${FUZZ_S:-30}

accuracy: all	## the accuracy table (ACCURACY="--set H/short --limit 10" for a part)
	$(Q)sh test/bench/accuracy $(ACCURACY)

install: all	## copy commands, man pages and scripts to DESTDIR/PREFIX
	install -d $(DESTDIR)$(PREFIX)/bin
	install -m 755 $(BINS) $(DESTDIR)$(PREFIX)/bin
	$(Q)for s in $(SCRIPTS); do install -m 755 scripts/$$s \
		$(DESTDIR)$(PREFIX)/bin/vmf-$$s || exit 1; done
	install -d $(DESTDIR)$(PREFIX)/share/vmf
	install -m 644 scripts/night.sh scripts/carry.sh scripts/moves.sh \
		$(DESTDIR)$(PREFIX)/share/vmf
	$(Q)for m in $(MAN); do \
		d=$(DESTDIR)$(PREFIX)/share/man/man$${m##*.}; \
		install -d $$d && install -m 644 $$m $$d || exit 1; done

uninstall:	## remove what install copied
	rm -f $(CMDS:%=$(DESTDIR)$(PREFIX)/bin/%) \
		$(SCRIPTS:%=$(DESTDIR)$(PREFIX)/bin/vmf-%) \
		$(DESTDIR)$(PREFIX)/share/vmf/night.sh \
		$(DESTDIR)$(PREFIX)/share/vmf/carry.sh \
		$(DESTDIR)$(PREFIX)/share/vmf/moves.sh
	$(Q)rmdir $(DESTDIR)$(PREFIX)/share/vmf 2>/dev/null || true
	$(Q)for m in $(MAN); do \
		rm -f $(DESTDIR)$(PREFIX)/share/man/man$${m##*.}/$${m#man/}; done

clean:	## remove build/
	rm -rf build

help:	## this list
	$(Q)grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | \
		sed -E 's/^([a-z-]+):.*##[ \t]*/\1\t/' | expand -t 17
	$(Q)echo 'variables: MODE=release|asan|lsan|tsan|msan|cov|fuzz GPU=auto|0|1 DEV=1 V=1 CC= CXX= CFLAGS= LDFLAGS= ISAL=0 XGB=0 DNNL=0 CUDNN=0 NVCC= CUDA_HOME= PREFIX= DESTDIR='

-include $(LIB_OBJ:.o=.d) $(wildcard $(B)/cmd/*.d $(B)/test/*/*.d $(B)/test/fuzz/*/*.d)
