# SPDX-License-Identifier: BSD-2-Clause
# edgeprof: plain Make. `make help` lists the targets.
#   O=DIR              build folder (default build)
#   V=1                show the commands
#   WERROR=0           warnings do not stop the build
#   SAN=address,undefined   sanitizers for user space
#   CC= CLANG= CROSS_COMPILE=   toolchain
#   TARGET=amd64|arm64 static programs (mk/cross.mk), in build/TARGET
MAKEFLAGS += --no-builtin-rules
.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
SHELL := /bin/bash

VERSION := $(shell cat VERSION)
include mk/cross.mk
O ?= build
prefix ?= /usr
bindir ?= $(prefix)/bin
libdir ?= $(prefix)/lib
includedir ?= $(prefix)/include
mandir ?= $(prefix)/share/man
sysconfdir ?= /etc

ifeq ($(origin CC),default)
CC := $(CROSS_COMPILE)gcc
endif
CLANG ?= clang
LLVM_STRIP ?= llvm-strip
PKG_CONFIG ?= $(CROSS_COMPILE)pkg-config
WERROR ?= 1

V ?= 0
ifeq ($(V),1)
Q :=
say = @:
else
Q := @
say = @printf '  %-8s %s\n'
endif

# --- what is built -------------------------------------------------------------
FAMILIES  := $(notdir $(basename $(basename $(wildcard bpf/*.bpf.c))))
BPF_OBJ   := $(FAMILIES:%=$(O)/bpf/%.bpf.o)
PROTO     := $(wildcard proto/edgeprof/v1/*.proto)
PROTO_C   := $(PROTO:proto/%.proto=$(O)/gen/%.pb-c.c)
PROTO_H   := $(PROTO_C:.c=.h)
PROTO_O   := $(PROTO_C:.c=.o)
ROOMS     := base model source wire core sink app client
MAIN_SRC  := userspace/app/main.c
ROOM_SRC  := $(filter-out $(MAIN_SRC),$(foreach room,$(ROOMS),$(wildcard userspace/$(room)/*.c)))
ROOM_OBJ  := $(ROOM_SRC:%.c=$(O)/%.o) $(O)/userspace/source/objects.o
MAIN_OBJ  := $(MAIN_SRC:%.c=$(O)/%.o)
CLIENT_SRC := $(wildcard userspace/client/*.c)
CLIENT_OBJ := $(CLIENT_SRC:userspace/%.c=$(O)/pic/%.o) $(PROTO_C:$(O)/gen/%.c=$(O)/pic/gen/%.o)
SOVERSION := 0
UNIT_SRC  := $(wildcard tests/unit/test_*.c)
UNIT_BIN  := $(UNIT_SRC:%.c=$(O)/%)
BPFTEST_SRC := $(wildcard tests/bpf/test_*.c)
BPFTEST_BIN := $(BPFTEST_SRC:%.c=$(O)/%)
FUZZ_SRC  := $(wildcard tests/fuzz/fuzz_*.c)
FUZZ_BIN  := $(FUZZ_SRC:%.c=$(O)/%)
TOOL_SRC  := $(wildcard tests/tools/*.c)
TOOL_BIN  := $(TOOL_SRC:%.c=$(O)/%)

# --- flags ---------------------------------------------------------------------
PACKAGES := libbpf libelf zlib libprotobuf-c nanomsg jansson ncursesw inih libcap
WARN := -Wall -Wextra -Wtype-limits -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla
ifneq ($(WERROR),0)
WARN += -Werror
endif
CFLAGS ?= -O2 -g
INCLUDES := -Iuserspace -Iinclude -I$(O)/gen
EP_CPPFLAGS = $(INCLUDES) -D_GNU_SOURCE -DEDGEPROF_VERSION='"$(VERSION)"' -MMD -MP \
	$(shell $(PKG_CONFIG) --cflags $(PACKAGES) 2>/dev/null) $(CPPFLAGS)
EP_CFLAGS = $(TARGET_FLAGS) -std=gnu11 $(WARN) -fno-strict-aliasing -fstack-protector-strong $(CFLAGS)
EP_LIBS = $(call grouped,$(shell $(PKG_CONFIG) $(PKG_STATIC) --libs $(PACKAGES))) -lm
ifneq ($(SAN),)
EP_CFLAGS += -fsanitize=$(SAN) -fno-omit-frame-pointer -fno-sanitize-recover=all
EP_LDFLAGS += -fsanitize=$(SAN)
endif
EP_CPPFLAGS := $(EP_CPPFLAGS)
EP_LIBS := $(EP_LIBS)
BPF_CFLAGS := -O2 -g -target bpf -mcpu=v2 -std=gnu11 -Wall -Wextra -Wno-unused-parameter \
	-Wno-missing-declarations -Wno-address-of-packed-member \
	$(if $(filter-out 0,$(WERROR)),-Werror) -Ibpf -Iinclude -D__bpf__ -MMD -MP \
	-fdebug-compilation-dir=. # line info would name the folder

.PHONY: all
all: $(O)/edgeprof $(O)/libedgeprof.a $(O)/libedgeprof.so $(BPF_OBJ) ## build the program, the BPF objects and the library

# --- kernel side ---------------------------------------------------------------
$(O)/bpf/%.bpf.o: bpf/%.bpf.c
	@mkdir -p $(@D)
	$(say) BPF $<
	$(Q)$(CLANG) $(BPF_CFLAGS) -c $< -o $@
	$(Q)$(LLVM_STRIP) -g $@

$(O)/userspace/source/objects.o: userspace/source/objects.S $(BPF_OBJ)
	@mkdir -p $(@D)
	$(say) AS $<
	$(Q)$(CC) -I$(O)/bpf -c $< -o $@

# --- wire ----------------------------------------------------------------------
$(O)/gen/%.pb-c.c $(O)/gen/%.pb-c.h &: proto/%.proto
	@mkdir -p $(@D)
	$(say) PROTOC $<
	$(Q)protoc-c --proto_path=proto --c_out=$(O)/gen $<

$(O)/gen/%.pb-c.o: $(O)/gen/%.pb-c.c
	$(say) CC $<
	$(Q)$(CC) $(EP_CPPFLAGS) $(EP_CFLAGS) -Wno-unused-parameter -c $< -o $@
$(O)/pic/gen/%.o: $(O)/gen/%.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(EP_CPPFLAGS) $(EP_CFLAGS) -Wno-unused-parameter -fPIC -c $< -o $@

# --- user space ----------------------------------------------------------------
$(O)/%.o: %.c | $(PROTO_H)
	@mkdir -p $(@D)
	$(say) CC $<
	$(Q)$(CC) $(EP_CPPFLAGS) $(EP_CFLAGS) -c $< -o $@
$(O)/pic/%.o: userspace/%.c | $(PROTO_H)
	@mkdir -p $(@D)
	$(Q)$(CC) $(EP_CPPFLAGS) $(EP_CFLAGS) -fPIC -fvisibility=hidden -c $< -o $@

$(O)/librooms.a: $(ROOM_OBJ) $(PROTO_O)
	$(Q)rm -f $@ && $(AR) rcs $@ $^
$(O)/edgeprof: $(MAIN_OBJ) $(O)/librooms.a
	$(say) LD $@
	$(Q)$(CC) $(EP_CFLAGS) $(EP_LDFLAGS) $(PROGRAM_LDFLAGS) $(LDFLAGS) -o $@ $^ $(EP_LIBS)

$(O)/libedgeprof.a: $(CLIENT_OBJ)
	$(say) AR $@
	$(Q)rm -f $@ && $(AR) rcs $@ $^
$(O)/libedgeprof.so.$(SOVERSION): $(CLIENT_OBJ)
	$(say) LD $@
	$(Q)$(CC) -shared -Wl,-soname,libedgeprof.so.$(SOVERSION) -Wl,--no-undefined $(EP_CFLAGS) $(EP_LDFLAGS) $(LDFLAGS) \
		-o $@ $^ $(shell $(PKG_CONFIG) --libs libprotobuf-c nanomsg)
$(O)/libedgeprof.so: $(O)/libedgeprof.so.$(SOVERSION)
	$(Q)ln -sf $(<F) $@

# --- tests ---------------------------------------------------------------------
$(UNIT_BIN) $(BPFTEST_BIN): $(O)/%: %.c $(O)/librooms.a | $(PROTO_H)
	@mkdir -p $(@D)
	$(say) TEST $<
	$(Q)$(CC) $(EP_CPPFLAGS) -Itests -DTEST_SOURCE_DIR='"$(CURDIR)"' -DTEST_BUILD_DIR='"$(abspath $(O))"' $(EP_CFLAGS) -Wno-unused-parameter \
		$(EP_LDFLAGS) $(PROGRAM_LDFLAGS) -o $@ $< $(O)/librooms.a $(EP_LIBS) -lcmocka
$(TOOL_BIN): $(O)/%: %.c
	@mkdir -p $(@D)
	$(Q)$(CC) -D_GNU_SOURCE $(EP_CFLAGS) $(PROGRAM_LDFLAGS) -o $@ $< -lpthread
.PHONY: FORCE
FORCE:
# Fuzzers link the rooms once more, instrumented.
$(O)/fuzzed/librooms.a: FORCE
	$(Q)$(MAKE) --no-print-directory O=$(O)/fuzzed CC=clang SAN=fuzzer-no-link,address,undefined CFLAGS="-O1 -g" $@
$(FUZZ_BIN): $(O)/%: %.c $(O)/fuzzed/librooms.a
	@mkdir -p $(@D)
	$(say) FUZZ $<
	$(Q)$(CLANG) $(filter-out -MMD -MP,$(EP_CPPFLAGS)) -Itests -DTEST_SOURCE_DIR='"$(CURDIR)"' -g -O1 -std=gnu11 \
		-fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined -o $@ $< $(O)/fuzzed/librooms.a $(EP_LIBS)

include mk/targets.mk

-include $(shell find $(O) -name '*.d' -type f -not -path '$(O)/a??64/*' -not -path '$(O)/san/*' -not -path '$(O)/fuzzed/*' 2>/dev/null)
