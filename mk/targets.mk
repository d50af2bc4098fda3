# SPDX-License-Identifier: BSD-2-Clause
# What people call: demo, checks, installation, help.
include mk/bench.mk mk/lint.mk mk/packages.mk

DEPENDENCIES := packaging/dependencies.sh
include mk/vm.mk
FUZZ_SECONDS ?= 10
E2E_TESTS := $(wildcard tests/e2e/test_*.sh)
export EDGEPROF := $(abspath $(O))/edgeprof
export EDGEPROF_BUILD := $(abspath $(O))

.PHONY: demo
demo: ## install what is needed, build, show the live table on this machine (sudo)
	@$(DEPENDENCIES) build
	@$(MAKE) --no-print-directory -s -j$$(nproc) $(O)/edgeprof
	@packaging/demo.sh $(O)/edgeprof $(DEMO_SECONDS)

.PHONY: tests
tests: all $(UNIT_BIN) $(BPFTEST_BIN) $(TOOL_BIN) ## build the tests

.PHONY: check
check: ## install what tests need, run every test (sudo)
	@$(DEPENDENCIES) build test
	@$(MAKE) --no-print-directory -j$$(nproc) tests
	@$(MAKE) --no-print-directory -j$$(nproc) O=$(O)/san SAN=address,undefined CFLAGS="-O1 -g" san-tests
	@$(MAKE) --no-print-directory vm-short
	@$(MAKE) --no-print-directory packages
	@tests/run.sh $(O)/test-logs $(abspath $(UNIT_BIN)) $(abspath $(SAN_BIN)) $(abspath $(BPFTEST_BIN)) $(abspath $(E2E_TESTS)) \
		$(abspath $(PACKAGE_TESTS)) $(call vm-tests,$(call vm-names,short))

# The unit tests once more, under ASan and UBSan.
SAN_BIN := $(UNIT_SRC:tests/unit/%.c=$(O)/san/tests/unit/san_%)
.PHONY: san-tests
san-tests: $(UNIT_BIN)
	@for t in $(UNIT_BIN); do ln -sf $${t##*/} $${t%/*}/san_$${t##*/}; done

.PHONY: check-unit check-bpf check-e2e
check-unit: $(UNIT_BIN) ## unit tests: model, readers, wire (no privileges)
	@tests/run.sh $(O)/test-logs $(abspath $(UNIT_BIN))
check-bpf: all $(BPFTEST_BIN) ## BPF programs on this kernel (root)
	@tests/run.sh $(O)/test-logs $(abspath $(BPFTEST_BIN))
check-e2e: all $(TOOL_BIN) ## real containers, subscribers, restarts (root); T=NAME for one
	@tests/run.sh $(O)/test-logs $(abspath $(if $(T),tests/e2e/test_$(T).sh,$(E2E_TESTS)))

.PHONY: fuzz
fuzz: $(FUZZ_BIN) ## every parser under libFuzzer, FUZZ_SECONDS each (default 10)
	@set -e; for f in $(FUZZ_BIN); do echo "== $${f##*/}"; mkdir -p $(O)/corpus/$${f##*/}; \
		$$f -max_total_time=$(FUZZ_SECONDS) -print_final_stats=0 -verbosity=0 -close_fd_mask=1 \
			-artifact_prefix=$(O)/corpus/ $(O)/corpus/$${f##*/} $(wildcard tests/fuzz/corpus/$${f##*/}); done

.PHONY: golden
golden: $(UNIT_BIN) ## rewrite the golden files of the unit tests
	GOLDEN=write tests/run.sh $(O)/test-logs $(abspath $(UNIT_BIN))

.PHONY: docs
docs: ## check the man pages, write docs/metrics.md from metrics.def
	@mandoc -T lint -W warning man/*.[0-9]
	@python3 docs/metrics.py include/edgeprof/metrics.def include/edgeprof/abi.h > docs/metrics.md

.PHONY: install
install: all ## install below $(DESTDIR)$(prefix)
	install -D -m 0755 $(O)/edgeprof $(DESTDIR)$(bindir)/edgeprof
	install -D -m 0644 $(O)/libedgeprof.a $(DESTDIR)$(libdir)/libedgeprof.a
	install -D -m 0755 $(O)/libedgeprof.so.$(SOVERSION) $(DESTDIR)$(libdir)/libedgeprof.so.$(SOVERSION)
	ln -sf libedgeprof.so.$(SOVERSION) $(DESTDIR)$(libdir)/libedgeprof.so
	install -D -m 0644 include/edgeprof/client.h $(DESTDIR)$(includedir)/edgeprof/client.h
	install -D -m 0644 $(O)/gen/edgeprof/v1/edgeprof.pb-c.h $(DESTDIR)$(includedir)/edgeprof/v1/edgeprof.pb-c.h
	install -D -m 0644 proto/edgeprof/v1/edgeprof.proto $(DESTDIR)$(prefix)/share/edgeprof/edgeprof/v1/edgeprof.proto
	install -d $(DESTDIR)$(libdir)/pkgconfig
	sed -e 's|@prefix@|$(prefix)|' -e 's|@libdir@|$(libdir)|' -e 's|@includedir@|$(includedir)|' -e 's|@version@|$(VERSION)|' \
		packaging/edgeprof.pc.in > $(DESTDIR)$(libdir)/pkgconfig/edgeprof.pc
	for page in man/*.[0-9]; do install -D -m 0644 $$page $(DESTDIR)$(mandir)/man$${page##*.}/$${page##*/}; done
	install -D -m 0644 packaging/edgeprof.bash-completion $(DESTDIR)$(prefix)/share/bash-completion/completions/edgeprof
	install -D -m 0644 packaging/edgeprof.service $(DESTDIR)$(prefix)/lib/systemd/system/edgeprof.service
	install -D -m 0644 packaging/edgeprof.sysusers $(DESTDIR)$(prefix)/lib/sysusers.d/edgeprof.conf
	install -D -m 0644 packaging/edgeprof-older-systemd.conf $(DESTDIR)$(prefix)/share/edgeprof/older-systemd.conf
	[ -e $(DESTDIR)$(sysconfdir)/edgeprof/edgeprof.conf ] || \
		install -D -m 0644 packaging/edgeprof.conf $(DESTDIR)$(sysconfdir)/edgeprof/edgeprof.conf

.PHONY: uninstall
uninstall: ## remove what install put there, but the configuration
	rm -f $(DESTDIR)$(bindir)/edgeprof $(DESTDIR)$(libdir)/libedgeprof.a $(DESTDIR)$(libdir)/libedgeprof.so* \
		$(DESTDIR)$(libdir)/pkgconfig/edgeprof.pc $(DESTDIR)$(prefix)/lib/systemd/system/edgeprof.service \
		$(DESTDIR)$(prefix)/share/bash-completion/completions/edgeprof $(DESTDIR)$(prefix)/lib/sysusers.d/edgeprof.conf
	rm -rf $(DESTDIR)$(includedir)/edgeprof $(DESTDIR)$(prefix)/share/edgeprof
	for page in man/*.[0-9]; do rm -f $(DESTDIR)$(mandir)/man$${page##*.}/$${page##*/}; done

.PHONY: clean
clean: ## remove the build folder
	rm -rf $(O)

.PHONY: help
help: ## this list
	@grep -hE '^[a-z0-9-]+( [a-z0-9-]+)*:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | sort | \
		while IFS=$$'\t' read -r t h; do printf '  %-14s %s\n' "$$t" "$$h"; done
	@echo 'Variables: O=DIR build folder, V=1 show commands, SAN=address,undefined, DESTDIR= prefix=,'
	@echo '           DEMO_SECONDS=N demo ends by itself, T=NAME one end-to-end test, FUZZ_SECONDS=N'
