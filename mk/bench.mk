# SPDX-License-Identifier: BSD-2-Clause
# What edgeprof costs: see tests/bench/bench.py. Results in $(O)/bench.json.
BENCH_SRC := $(wildcard tests/bench/*.c)
BENCH_BIN := $(BENCH_SRC:%.c=$(O)/%)
PYTHON ?= python3

$(BENCH_BIN): $(O)/%: %.c
	@mkdir -p $(@D)
	$(say) CC $<
	$(Q)$(CC) $(EP_CPPFLAGS) $(EP_CFLAGS) -o $@ $< $(filter %.a,$^) $(if $(filter %.a,$^),-lprotobuf-c -lnanomsg)
$(O)/tests/bench/receive: $(O)/libedgeprof.a | $(PROTO_H)

.PHONY: bench bench-quick bench-build
bench-build: $(O)/edgeprof $(BENCH_BIN)
bench: ## own cost against the bars and the peers (root, minutes)
	@packaging/dependencies.sh build bench || true
	@$(MAKE) --no-print-directory bench-build
	@PYTHONDONTWRITEBYTECODE=1 $(PYTHON) tests/bench/bench.py --build $(O)
bench-quick: bench-build ## the same with fewer rounds and peers (root, under a minute)
	@PYTHONDONTWRITEBYTECODE=1 $(PYTHON) tests/bench/bench.py --build $(O) --quick
