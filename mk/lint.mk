# SPDX-License-Identifier: BSD-2-Clause
# Every lint is a target of its own; `make lint` runs all of them and shows all
# that they find.
LINT := tests/lint
LINT_C = $(shell $(LINT)/sources.sh '*.c' '*.h')
LINT_SH = $(shell $(LINT)/sources.sh '*.sh')
LINT_PY = $(shell $(LINT)/sources.sh '*.py')
BPF_VERIFY := $(O)/tests/lint/bpf_verify

$(BPF_VERIFY): $(O)/%: $(O)/%.o $(O)/librooms.a
	$(Q)$(CC) $(EP_CFLAGS) $(EP_LDFLAGS) $(PROGRAM_LDFLAGS) -o $@ $^ $(EP_LIBS)

LINTS := layers spdx names size format cppcheck shell python budget clang
.PHONY: lint lint-proof $(LINTS:%=lint-%) bpf-budget
lint: ## every static check; missing tools are named and fail
	@$(LINT)/tools.sh
	@$(MAKE) --no-print-directory -k $(LINTS:%=lint-%)

lint-layers:
	@echo "== layers"; $(LINT)/layers.py userspace
lint-spdx:
	@echo "== SPDX"; $(LINT)/spdx.sh
lint-names:
	@echo "== names"; $(LINT)/names.sh
lint-size:
	@echo "== sizes"; $(LINT)/function_size.py $(LINT_C) $(LINT_PY)
lint-format:
	@echo "== clang-format"; clang-format --dry-run -Werror $(LINT_C)
# The BPF programs are left to clang and the verifier: cppcheck knows neither.
lint-cppcheck:
	@echo "== cppcheck"; cppcheck -q -j$$(nproc) --enable=warning,performance,portability --std=c11 --inline-suppr \
		--library=$(LINT)/cppcheck.cfg --suppressions-list=$(LINT)/cppcheck.supp --error-exitcode=1 \
		-D_GNU_SOURCE -Iuserspace -Iinclude $(filter-out bpf/%,$(LINT_C))
# SC2016: what single quotes hold is meant literally; SC2317: it does not see what a trap calls.
lint-shell:
	@echo "== shellcheck"; shellcheck -x -e SC2016,SC2317 $(LINT_SH)
lint-python:
	@echo "== python"; for f in $(LINT_PY); do \
		python3 -c 'import sys; compile(open(sys.argv[1]).read(), sys.argv[1], "exec")' $$f || exit 1; done
lint-budget: $(BPF_OBJ) $(BPF_VERIFY)
	@echo "== BPF budget"; $(LINT)/bpf_budget.sh check $(O)
lint-clang:
	@echo "== clang"; $(MAKE) --no-print-directory -sk -j$$(nproc) O=$(O)/clang CC=$(CLANG) all tests bench-build >/dev/null

bpf-budget: $(BPF_OBJ) $(BPF_VERIFY) ## take the BPF programs' sizes of now as the budget (root)
	@$(LINT)/bpf_budget.sh write $(O)

lint-proof: ## break a scratch copy in every way the lints know; each must fail
	@$(LINT)/prove.sh $(abspath $(O))/proof
