# Wherry's build: `make help` lists what can be made.
.DELETE_ON_ERROR:
.DEFAULT_GOAL := all

B ?= build
CC ?= gcc
CFLAGS ?= -O2 -g
prefix ?= /usr/local

VERSION := 0.1.0
PKGS := libcap libelf libkmod zlib liblzma libzstd liblz4
WARN := -Wall -Wextra -Wshadow -Wcast-qual -Wwrite-strings -Wstrict-prototypes \
	-Wmissing-prototypes -Wswitch-enum -Wvla -Wformat=2
STD := -std=gnu17 -D_GNU_SOURCE -I. -DWHERRY_VERSION='"$(VERSION)"'
HARDEN := -fstack-protector-strong -fPIE -fno-plt \
	-ffile-prefix-map=$(CURDIR)/=
ALL_CFLAGS = $(STD) $(WARN) $(HARDEN) -pthread $(CFLAGS) $(PKG_CFLAGS)
ALL_LDFLAGS = -pie -pthread -Wl,-z,relro,-z,now,--as-needed $(LDFLAGS)
PKG_CFLAGS := $(shell pkg-config --cflags $(PKGS) 2>/dev/null)
PKG_LIBS := $(shell pkg-config --libs $(PKGS) 2>/dev/null)
CHECK_LIBS := $(shell pkg-config --libs check 2>/dev/null)

# Folders are layers (tests/lint checks who includes whom).
LAYERS := vmm/base vmm/kvm devices/virtio devices/fs devices boot vmm
SRC := $(sort $(foreach d,$(LAYERS),$(wildcard $(d)/*.c)))
OBJ := $(SRC:%.c=$(B)/%.o) $(B)/boot/guest_init.o
LIB_OBJ := $(filter-out $(B)/vmm/main.o,$(OBJ))
UNIT := $(patsubst %.c,$(B)/%,$(sort $(wildcard tests/unit/test_*.c)))
UNIT_HELP := $(patsubst %.c,$(B)/%.o,$(sort $(filter-out tests/unit/test_%, \
	$(wildcard tests/unit/*.c))))

ifeq ($(V),1)
Q :=
else
Q := @
say = @printf '  %-5s %s\n' $(1) $(2:$(B)/%=%);
endif

all: $(B)/wherry ## build build/wherry

$(B)/wherry: $(B)/vmm/main.o $(B)/libwherry.a
	$(call say,LINK,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(PKG_LIBS)

$(B)/libwherry.a: $(LIB_OBJ)
	$(call say,AR,$@)
	$(Q)rm -f $@ && $(AR) crD $@ $^

$(B)/%.o: %.c
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

# The guest's pid 1: static, against musl, embedded into the monitor.
GUEST_CFLAGS := -std=gnu17 -D_GNU_SOURCE -Os -I. $(filter-out -Wvla,$(WARN)) \
	-static -fno-asynchronous-unwind-tables -ffile-prefix-map=$(CURDIR)/= \
	-ffunction-sections -Wl,--gc-sections,-z,norelro,--build-id=none -s
$(B)/boot/guest/init: $(wildcard boot/guest/*.c boot/guest/*.h)
	$(call say,MUSL,$@)
	$(Q)mkdir -p $(@D) && musl-gcc $(GUEST_CFLAGS) -o $@ $(filter %.c,$^)

$(B)/boot/guest_init.o: boot/guest_init.S $(B)/boot/guest/init
	$(call say,AS,$@)
	$(Q)$(CC) -DINIT_PATH='"$(B)/boot/guest/init"' -c -o $@ $<

$(B)/tests/unit/%: $(B)/tests/unit/%.o $(UNIT_HELP) $(B)/libwherry.a
	$(call say,LINK,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(CHECK_LIBS) $(PKG_LIBS)

unit: $(UNIT) ## run the unit tests
	@tests/run-unit $(UNIT)

clean: ## remove build/
	rm -rf $(B)

help: ## show this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 12

.PHONY: all unit clean help
.SECONDARY:
-include $(OBJ:.o=.d) $(UNIT:=.d) $(UNIT_HELP:.o=.d)
