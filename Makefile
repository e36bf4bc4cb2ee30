# Wherry's build: `make help` lists what can be made.
.DELETE_ON_ERROR:
B ?= build
CC ?= gcc
CFLAGS ?= -O2 -g
prefix ?= /usr/local
FUZZ_TIME ?= 60
VERSION := 0.1.0
PKGS := json-c libcap libelf zlib liblzma libzstd liblz4
WARN := -Wall -Wextra -Wshadow -Wcast-qual -Wwrite-strings -Wstrict-prototypes \
	-Wmissing-prototypes -Wswitch-enum -Wvla -Wformat=2 $(if $(filter true,$(CI)),-Werror)
STD := -std=gnu17 -D_GNU_SOURCE -I. -DWHERRY_VERSION='"$(VERSION)"'
HARDEN := -fstack-protector-strong -fPIE -ffile-prefix-map=$(CURDIR)/=
ALL_CFLAGS = $(STD) $(WARN) $(HARDEN) -pthread $(CFLAGS) $(PKG_CFLAGS)
ALL_LDFLAGS = -pie -pthread -Wl,-z,relro,-z,now,--as-needed $(LDFLAGS)
PKG_CFLAGS := $(shell pkg-config --cflags $(PKGS) 2>/dev/null)
PKG_LIBS := $(shell pkg-config --libs $(PKGS) 2>/dev/null)
CHECK_LIBS := $(shell pkg-config --libs check 2>/dev/null)

# Folders are layers (tests/lint checks who includes whom).
LAYERS := vmm/base vmm/kvm vmm/sandbox devices/virtio devices/fs devices boot vmm
SRC := $(sort $(foreach d,$(LAYERS),$(wildcard $(d)/*.c)) boot/guest/frame.c)
OBJ := $(SRC:%.c=$(B)/%.o) $(B)/boot/guest_init.o $(B)/vmm/sandbox/filters.o
LIB_OBJ := $(filter-out $(B)/vmm/main.o,$(OBJ))
UNIT := $(patsubst %.c,$(B)/%,$(sort $(wildcard tests/unit/test_*.c)))
UNIT_HELP := $(patsubst %.c,$(B)/%.o,$(sort $(filter-out tests/unit/test_% \
	boot/guest/init.c,$(wildcard tests/unit/*.c tests/bench/lib/*.c boot/guest/*.c))))
BENCH := $(B)/tests/bench/mapping $(B)/tests/bench/fsbench
FUZZ := $(patsubst %.c,$(B)/%,$(sort $(wildcard tests/fuzz/fuzz_*.c)))
POSIX := $(patsubst %.c,$(B)/%,$(sort $(wildcard tests/posix/*.c)))
POSIX_HELP := $(patsubst %.c,$(B)/%.o,$(sort $(wildcard tests/posix/cases/*.c)))
GUEST := $(patsubst %.c,$(B)/%.elf,$(sort $(wildcard tests/guest/*.c)))

Q := $(if $(filter 1,$(V)),,@)
say = $(if $(Q),@printf '  %-5s %s\n' $(1) $(2:$(B)/%=%))

all: $(B)/wherry ## build build/wherry

$(B)/wherry: $(B)/vmm/main.o $(B)/libwherry.a
	$(call say,LINK,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(PKG_LIBS)
$(B)/libwherry.a: $(LIB_OBJ)
$(B)/tests/libunit.a: $(UNIT_HELP)
$(B)/tests/posix/suite: $(POSIX_HELP)
%.a:
	$(call say,AR,$@)
	$(Q)rm -f $@ && $(AR) crD $@ $^

compile = $(Q)mkdir -p $(@D) && $(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<
$(B)/%.o: %.c
	$(call say,CC,$@)
	$(compile)
$(B)/%.o: $(B)/%.c ; $(compile)

# Filters of system calls, from what the sources' #syscalls tags name.
$(B)/tags.h: vmm/sandbox/gen/tags.awk $(SRC) $(sort $(wildcard $(LAYERS:=/*.h)))
	$(Q)mkdir -p $(B)/vmm/sandbox && awk -f $^ >$@.new && (cmp -s $@.new $@ || mv $@.new $@)
$(B)/vmm/sandbox/filters.c: vmm/sandbox/gen/filters.c $(B)/tags.h vmm/sandbox/filters.h
	$(call say,GEN,$@)
	$(Q)$(CC) $(STD) $(WARN) -DTAGS='"$(B)/tags.h"' -o $(B)/filters $< -lseccomp && $(B)/filters >$@

# The guest's pid 1: static, against musl, embedded into the monitor.
GUEST_CFLAGS := -std=gnu17 -D_GNU_SOURCE -Os -I. $(filter-out -Wvla,$(WARN)) -static -s \
	-fno-asynchronous-unwind-tables -ffile-prefix-map=$(CURDIR)/= -ffunction-sections \
	-Wl,--gc-sections,-z,norelro,-z,noseparate-code,--build-id=none
$(B)/boot/guest/init: $(sort $(wildcard boot/guest/*.[ch])) vmm/base/bits.h
	$(call say,MUSL,$@)
	$(Q)mkdir -p $(@D) && musl-gcc $(GUEST_CFLAGS) -o $@ $(filter %.c,$^)
$(B)/boot/guest_init.o: boot/guest_init.S $(B)/boot/guest/init
	$(call say,AS,$@)
	$(Q)$(CC) -DINIT_PATH='"$(B)/boot/guest/init"' -c -o $@ $<

# Bare 32-bit guests for /dev/kvm.
BARE := -std=gnu17 -m32 -march=i586 -O1 -g -Wall -Wextra -I. -ffreestanding -fno-pie \
	-fno-stack-protector -fno-asynchronous-unwind-tables -nostdlib -static \
	-Wl,--build-id=none -Ttests/guest/lib/guest.ld $(filter -Werror,$(WARN)) \
	-idirafter /usr/include/x86_64-linux-gnu
$(B)/tests/guest/attack.elf: $(wildcard tests/guest/attack/*.[ch])
$(B)/tests/guest/%.elf: tests/guest/%.c $(wildcard tests/guest/lib/*)
	$(call say,GUEST,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(BARE) -o $@ $(filter %.c %.S,$^)

$(UNIT) $(FUZZ) $(POSIX) $(BENCH): %: %.o $(B)/tests/libunit.a $(B)/libwherry.a
	$(call say,LINK,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(CHECK_LIBS) $(PKG_LIBS)

unit: $(UNIT) | $(BENCH) ; @tests/run-unit --name $(or $(UNIT_NAME),unit) $^ ## run the unit tests
guest: all $(B)/tests/posix/breakin $(GUEST) ; @tests/guest/run $(B)/wherry $(B)/tests/posix/breakin $(GUEST) ## run the bare guests on /dev/kvm
posix: $(POSIX) ; @tests/posix/run $(B)/tests/posix ## mount the file server here and use it

# The same again, instrumented, in a folder of its own.
FLAGS_asan := -fsanitize=address,undefined -fno-sanitize-recover=all
FLAGS_tsan := -fsanitize=thread
FLAGS_cover := --coverage -O0
FLAGS_fuzz := -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all
again = +@$(MAKE) --no-print-directory B=$(B)/$@ UNIT_NAME=unit-$@ \
	CFLAGS='-O1 -g $(FLAGS_$@)' LDFLAGS='$(FLAGS_$@)'
asan: ; $(again) unit ## run the unit tests under AddressSanitizer and UBSan
tsan: ; $(again) unit ## run the unit tests under ThreadSanitizer
cover: ; $(again) unit && tests/lint/cover $(B)/$@ $(LAYERS) ## run the unit tests and show what they reach, by folder
fuzz: ; $(again) CC=clang fuzz-run ## run each fuzz target for FUZZ_TIME seconds (0: replay the corpus)
fuzz-run: $(FUZZ) ; @tests/run-fuzz $(FUZZ_TIME) $(FUZZ)
lint: ; @tests/lint/run ## check layers, comments, formatting and what analysers say
check: ; @tests/check ## run all tests, installing what they need
bench: $(B)/tests/bench/mapping ; @$< $(B) && tests/bench/native ## measure the file server beside others
bench-native: $(B)/tests/bench/fsbench ; @tests/bench/guestless ## measure the virtio-fs device beside virtiofsd, without a guest
bench-vm: all ; @tests/bench/vm ## measure files in guests beside QEMU's, in an emulated machine
bench-start: all $(B)/tests/guest/halt.elf ; @tests/bench/start ## measure starts beside QEMU's
demo: ; @tests/demo ## run a command in a microVM, from nothing
install: all install-docs ## install into $(DESTDIR)$(prefix)
	install -D -m 755 $(B)/wherry $(DESTDIR)$(prefix)/bin/wherry
	cd $(B) && for ko in guest-modules/*/*.ko; do [ ! -f $$ko ] || install -D -m 644 $$ko $(abspath $(DESTDIR)$(prefix))/lib/wherry/$${ko#guest-}; done
clean: ; rm -rf $(B) ## remove build/
help: ## show this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 15

.PHONY: all unit guest posix asan tsan cover fuzz fuzz-run lint check bench bench-native bench-vm bench-start demo install clean help
.SECONDARY:
-include boot/guest/linux/rules.mk vmm/doc/rules.mk $(patsubst %.o,%.d,$(OBJ) $(UNIT_HELP) $(POSIX_HELP)) $(addsuffix .d,$(UNIT) $(POSIX) $(BENCH) $(FUZZ))
