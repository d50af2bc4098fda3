# SPDX-License-Identifier: BSD-2-Clause
# What people call: checks, installation, help.

.PHONY: tests
tests: all $(UNIT_BIN) $(BPFTEST_BIN) $(TOOL_BIN) ## build the tests

.PHONY: check-unit
check-unit: $(UNIT_BIN) ## unit tests of the pure model, readers and the wire (no privileges)
	@set -e; for t in $(UNIT_BIN); do echo "== $${t##*/}"; $$t; done

.PHONY: clean
clean: ## remove the build folder
	rm -rf $(O)

.PHONY: help
help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | sort | while IFS=$$'\t' read -r t h; do printf '  %-16s %s\n' "$$t" "$$h"; done
