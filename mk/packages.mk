# SPDX-License-Identifier: BSD-2-Clause
# Debian packages of the static programs (mk/cross.mk), made by packaging/package.sh
# with packaging/debian. They lie beside the build folders: build/packages.
PACKAGES_DIR ?= $(patsubst %/,%,$(dir $(abspath $(O))))/packages

.PHONY: deb
ifeq ($(TARGET),)
deb: ## Debian packages for this architecture; `make arm64 deb` for that one
	@$(MAKE) --no-print-directory TARGET=$(shell dpkg --print-architecture) O=$(if $(filter file,$(origin O)),build,$(O))/$(shell dpkg --print-architecture) deb
else
deb: all
	@rm -rf $(O)/deb/install
	@$(MAKE) --no-print-directory -s TARGET=$(TARGET) O=$(O) DESTDIR=$(abspath $(O))/deb/install prefix=/usr \
		libdir=/usr/lib/$(TRIPLET) sysconfdir=/etc install
	@packaging/package.sh $(TARGET) $(O) $(PACKAGES_DIR)
endif

PACKAGE_TESTS := $(wildcard tests/packages/test_*.sh)
.PHONY: packages check-packages
packages: ## Debian packages for every architecture, in build/packages
	@$(DEPENDENCIES) build packages
	@for arch in $(TARGETS); do $(MAKE) --no-print-directory -j$$(nproc) TARGET=$$arch O=$(O)/$$arch deb || exit 1; done
check-packages: packages ## packages and static programs in other userlands (root)
	@$(DEPENDENCIES) test
	@tests/run.sh $(O)/test-logs $(abspath $(PACKAGE_TESTS))

# What another sysroot changes.
ifneq ($(SYSROOT),)
$(ROOM_OBJ) $(MAIN_OBJ) $(CLIENT_OBJ) $(PROTO_O): $(SYSROOT)/packages
endif
