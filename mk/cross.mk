# SPDX-License-Identifier: BSD-2-Clause
# TARGET=amd64|arm64: static programs, linked with Debian 12's libraries from a
# sysroot in the cache (packaging/sysroot.sh), so that one file runs on every
# userland. `make arm64 GOAL...` means `make TARGET=arm64 GOAL...`.
TARGETS := amd64 arm64
.PHONY: $(TARGETS)
TARGET_GOALS := $(filter $(TARGETS),$(MAKECMDGOALS))
ifneq ($(TARGET_GOALS),)
ifneq ($(words $(TARGET_GOALS)),1)
$(error one target at a time: $(TARGET_GOALS))
endif
TARGET := $(TARGET_GOALS)
endif

ifneq ($(TARGET),)
ifeq ($(filter $(TARGET),$(TARGETS)),)
$(error TARGET=$(TARGET) is none of: $(TARGETS))
endif
ifneq ($(SAN),)
$(error SAN= and TARGET= exclude each other: sanitizers cannot be linked statically)
endif
O ?= build/$(TARGET)
TRIPLET := $(if $(filter arm64,$(TARGET)),aarch64-linux-gnu,x86_64-linux-gnu)
CC := $(TRIPLET)-gcc
AR := $(TRIPLET)-ar
ifneq ($(filter-out clean help,$(or $(MAKECMDGOALS),all)),)
SYSROOT := $(shell packaging/dependencies.sh build packages >&2 && packaging/sysroot.sh $(TARGET))
ifeq ($(SYSROOT),)
$(error no sysroot for $(TARGET): the line above says why)
endif
endif
# The cross compiler looks into a C library of its own before it looks into a sysroot's.
TARGET_INCLUDES := -isystem $(SYSROOT)/usr/include/$(TRIPLET) -isystem $(SYSROOT)/usr/include
TARGET_FLAGS = --sysroot=$(SYSROOT) $(TARGET_INCLUDES) -B$(SYSROOT)/usr/lib/$(TRIPLET) \
	-L$(SYSROOT)/usr/lib/$(TRIPLET) -L$(SYSROOT)/lib/$(TRIPLET) -DEDGEPROF_STATIC \
	$(if $(filter -O0,$(CFLAGS)),,-D_FORTIFY_SOURCE=2) -Wl,-z,relro,-z,now \
	-ffile-prefix-map=$(CURDIR)=. -ffile-prefix-map=$(O)=build -ffile-prefix-map=$(SYSROOT)=/sysroot
# getaddrinfo of a static glibc would load name-service libraries of another: base/names.c.
PROGRAM_LDFLAGS := -static-pie -Wl,--wrap=getaddrinfo,--wrap=freeaddrinfo,-u,__wrap_getaddrinfo
PKG_CONFIG := PKG_CONFIG_LIBDIR=$(SYSROOT)/usr/lib/$(TRIPLET)/pkgconfig:$(SYSROOT)/usr/share/pkgconfig \
	PKG_CONFIG_SYSROOT_DIR=$(SYSROOT) pkg-config
PKG_STATIC := --static
# Static libraries in no particular order. nanomsg names libnsl, which it does not use.
grouped = -Wl,--start-group $(filter-out -lnsl,$(1)) -Wl,--end-group
else
grouped = $(1)
endif

amd64 arm64: all ## the same, static, for that architecture (build/amd64, build/arm64)
