# SPDX-License-Identifier: BSD-2-Clause
# The VM lab (tests/vm/README.md): the static programs on distribution kernels
# under QEMU. G=GUEST... and T=TOPIC... choose, VM_JOBS guests run at a time.
VM_LAB := tests/vm/lab.py
VM_JOBS ?= 2
VM_ARCHES := arm64 amd64
vm-names = $(if $(G),$(G),$(shell $(VM_LAB) names $(1) $(T)))
export EDGEPROF_VM_BUILD := $(abspath $(O))
export VM_JOBS
# Runs the guests, then lets tests/run.sh count what they told.
define vm-check
@[ -n "$(1)" ] || { echo "check-vm: no guest to run$(if $(T),: none of the set lists the topic $(T))"; exit 1; }
@rm -rf $(1:%=$(O)/vm/%)
@$(VM_LAB) fetch $(1) >/dev/null || true # a guest without a kernel fails by name
@mkdir -p $(O)/vm-tests && for g in $(1); do ln -sf $(abspath $(VM_LAB)) $(O)/vm-tests/vm-$$g; done
@VM_TOPICS="$(T)" $(VM_LAB) all $(1) || true
endef
vm-tests = $(patsubst %,$(abspath $(O))/vm-tests/vm-%,$(1))

.PHONY: vm-build vm-short check-vm check-vm-all vm-budget
vm-build:
	@$(DEPENDENCIES) build packages vm
	@for arch in $(VM_ARCHES); do $(MAKE) --no-print-directory -j$$(nproc) TARGET=$$arch O=$(O)/$$arch \
		all tests $(O)/$$arch/tests/lint/bpf_verify || exit 1; done
vm-short: vm-build
	$(call vm-check,$(call vm-names,short))
check-vm: vm-short ## guests with other kernels under QEMU, the short set; T=TOPIC, G=GUEST
	@tests/run.sh $(O)/test-logs $(call vm-tests,$(call vm-names,short))
check-vm-all: vm-build ## every guest (minutes); T=TOPIC, G=GUEST
	$(call vm-check,$(call vm-names,full))
	@tests/run.sh $(O)/test-logs $(call vm-tests,$(call vm-names,full))
vm-budget: vm-build ## take what each kernel's verifier does now as the budget
	@VM_BUDGET=write VM_TOPICS=objects $(VM_LAB) all $(shell $(VM_LAB) names full objects)
