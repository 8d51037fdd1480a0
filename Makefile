# SPDX-License-Identifier: MIT
# Isthmus: `make help` lists the targets; tools/README.md tells how the pieces fit.
#
# Variables: O=DIR output folder   DEBUG=1 debug build   LLVM=1 clang   V=1 show commands   T=NAME one test   ROWS=NAME one benchmark
#            PGCL=N page clustering, 2^N MMU pages a page: only 0 is built yet (kernel/lib/units.h)
#            RMAP=anonvma,tree a kernel with one reverse map only, in a build folder of its own (mm/rmap/README.md)

RMAP    ?=
PGCL    ?= 0
comma   := ,
O       ?= build$(if $(RMAP),/only-$(subst $(comma),-,$(RMAP)))
DEBUG   ?= 0
LLVM    ?= 0
V       ?= 0
T       ?=
ROWS    ?=
CACHE   ?= .cache
CROSS   := i686-linux-gnu-
ifeq ($(LLVM),1)
CC      := clang --target=i686-linux-gnu
else ifeq ($(origin CC),default)
CC      := $(CROSS)gcc
endif
USERCC  := $(CROSS)gcc
LD      := $(CROSS)ld
NM      := $(CROSS)nm
OBJCOPY := $(CROSS)objcopy
NASM    := nasm
PYTHON  := /usr/bin/python3
UAPI    := /usr/i686-linux-gnu/include
BUILD   := $(if $(filter 1,$(DEBUG)),debug,release)
B       := $(O)/$(BUILD)
Q       := $(if $(filter 1,$(V)),,@)
SAY     = @$(if $(filter 1,$(V)),:,echo "  $(1)	$(@:$(O)/%=%)")

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SUFFIXES:
MAKEFLAGS += --no-builtin-rules

# `make -j8 deps run`: everything else waits until deps is through.
ifneq ($(filter deps,$(MAKECMDGOALS)),)
AFTER_DEPS := $(filter-out deps,$(MAKECMDGOALS))
ifneq ($(AFTER_DEPS),)
$(AFTER_DEPS): after-deps
	@:
after-deps: deps
	+@$(MAKE) --no-print-directory $(AFTER_DEPS)
.PHONY: $(AFTER_DEPS) after-deps
endif
endif
deps:
	$(Q)tools/deps.sh $(CACHE)
.PHONY: deps

ifeq ($(filter deps,$(MAKECMDGOALS)),)
# One line for a missing tool: tool, package, command.
NEED    := $(firstword $(CC)) $(LD) $(NASM) $(PYTHON)
ifeq ($(filter clean help format,$(or $(MAKECMDGOALS),all)),)
MISSING := $(shell tools/deps.sh --check $(NEED))
ifneq ($(MISSING),)
$(error $(MISSING))
endif
endif

# --- kernel ------------------------------------------------------------------------------------------------------
ROOMS   := boot arch/i386 kernel/lib kernel/sync kernel/sched kernel/time mm/phys drivers/block drivers/bus \
           drivers/char mm/cache mm/rmap mm/virt mm/reclaim kernel/fs kernel/fs/ext2 kernel/net kernel/ipc kernel/proc \
           kernel/sys
CSRC    := $(wildcard $(addsuffix /*.c,$(ROOMS)))
ASRC    := $(wildcard $(addsuffix /*.asm,$(ROOMS)))
OBJ     := $(CSRC:%.c=$(B)/%.o) $(ASRC:%.asm=$(B)/%.asm.o) $(B)/syscall_table.o

WARN    := -Wall -Wextra -Werror -Wmissing-prototypes -Wstrict-prototypes -Wno-unused-parameter -Wno-sign-compare
CFLAGS  := -std=gnu11 -O2 -g -ffreestanding -nostdinc -isystem $(shell $(CC) -print-file-name=include) -isystem $(UAPI) -I. -I$(B) \
           -march=i686 -mregparm=3 -freg-struct-return -mno-mmx -mno-sse -mno-80387 -fno-pic -fno-pie -fno-stack-protector -fno-strict-aliasing \
           -fno-common -fno-asynchronous-unwind-tables -fwrapv -D__KERNEL_BUILD__ -ffile-prefix-map=$(CURDIR)/= $(WARN)
ifeq ($(LLVM),1)
CFLAGS  += -mstack-alignment=4 -Wno-gnu -Wno-address-of-packed-member
else
# Larger copies of known size as rep movs/stos: a third of the instructions of the 8-byte loops that -march=i686 tunes for.
COPY    := rep_4byte:1024:noalign,libcall:-1:noalign
CFLAGS  += -mmemcpy-strategy=$(COPY) -mmemset-strategy=$(COPY)
CFLAGS  += -mpreferred-stack-boundary=2 -fno-delete-null-pointer-checks -fno-allow-store-data-races
endif
ifeq ($(DEBUG),1)
# UBSAN: undefined behaviour ends in ud2, a panic with a backtrace. Not "null": user pointers may be NULL until uaccess says no.
CFLAGS  += -DCONFIG_DEBUG -fno-omit-frame-pointer -fno-optimize-sibling-calls \
           -fsanitize=bounds,shift,integer-divide-by-zero,unreachable,vla-bound,return,bool,enum \
           $(if $(filter 1,$(LLVM)),-fsanitize-trap=all,-fsanitize-undefined-trap-on-error)
endif

ifneq ($(PGCL),0)
CFLAGS  += -DPGCL=$(PGCL)
endif
ifneq ($(RMAP),)
CFLAGS  += -DCONFIG_RMAP_DIRECT
$(OBJ): | $(B)/rmap_direct.h
GLOBALS = $(if $(filter mm/rmap/%,$<),$(Q)$(CROSS)objcopy --globalize-symbols=$(B)/rmap_direct.syms $@)
$(B)/rmap_direct.h: tools/rmap-direct.py $(wildcard mm/rmap/*.c)
	@mkdir -p $(@D)
	$(Q)$(PYTHON) tools/rmap-direct.py $(RMAP) $@ $(B)/rmap_direct.syms
endif

all: kernel initramfs
kernel: $(B)/isthmus.elf
objs: $(OBJ)
show-cc:
	@echo $(CC) $(CFLAGS)
debug:
	+$(Q)$(MAKE) --no-print-directory DEBUG=1 all

$(B)/%.o: %.c Makefile | $(B)/version.h
	@mkdir -p $(@D)
	$(call SAY,CC)
	$(Q)$(CC) $(CFLAGS) -MMD -MP -c -o $@ $<
	$(GLOBALS)
$(B)/%.asm.o: %.asm Makefile | $(B)/version.h
	@mkdir -p $(@D)
	$(call SAY,NASM)
	$(Q)$(NASM) -f elf32 -g -F dwarf -I. -I$(B)/ -MD $(@:.o=.d) -o $@ $<
# The vDSO: linked like any shared library, then part of the kernel's data (arch/i386/vdso_image.asm).
VDSO    := $(B)/arch/i386/vdso/vdso
$(VDSO).o: arch/i386/vdso/vdso.asm arch/i386/offsets.inc
	@mkdir -p $(@D)
	$(Q)$(NASM) -f elf32 -I. -o $@ $<
$(VDSO).so: $(VDSO).o arch/i386/vdso/vdso.lds
	$(Q)$(LD) -m elf_i386 -shared -s -soname linux-gate.so.1 --hash-style=both --eh-frame-hdr --build-id=none -Bsymbolic \
		-z max-page-size=4096 -T arch/i386/vdso/vdso.lds -o $@ $<
$(B)/arch/i386/vdso_image.asm.o: $(VDSO).so
$(B)/syscall_table.c: kernel/sys/syscalls.tbl tools/syscalls.py
	@mkdir -p $(@D)
	$(Q)$(PYTHON) tools/syscalls.py --c $@
$(B)/syscall_table.o: $(B)/syscall_table.c | $(B)/version.h
	$(Q)$(CC) $(CFLAGS) -MMD -MP -c -o $@ $<

# The version is asked for in each run; the file changes only when the answer does.
$(B)/version.h: FORCE
	@mkdir -p $(@D)
	@c=$$(git rev-parse --short=10 HEAD 2>/dev/null || echo unknown); \
	[ -z "$$(git status --porcelain -uno 2>/dev/null)" ] || c=$$c+; \
	printf '#define ISTHMUS_VERSION "0.1"\n#define ISTHMUS_COMMIT "%s"\n#define ISTHMUS_BUILD "%s"\n' $$c $(BUILD) > $@.new; \
	cmp -s $@.new $@ && rm $@.new || mv $@.new $@
FORCE:

# Linked twice: the second time with the table of text symbols for backtraces. PARTIAL=1 links although rooms are missing.
LINK    = $(LD) -m elf_i386 -T linker.ld -z max-page-size=4096 -z noexecstack $(if $(PARTIAL),--unresolved-symbols=ignore-all) -o $@
$(B)/ksyms0.asm: tools/mksyms.py
	@mkdir -p $(@D)
	$(Q)$(PYTHON) tools/mksyms.py </dev/null > $@
$(B)/isthmus.1.elf: $(OBJ) $(B)/ksyms0.asm.o linker.ld
	$(Q)$(LINK) $(OBJ) $(B)/ksyms0.asm.o
$(B)/ksyms1.asm: $(B)/isthmus.1.elf tools/mksyms.py
	$(Q)$(NM) -n $< | $(PYTHON) tools/mksyms.py --elf $< > $@
$(B)/ksyms%.asm.o: $(B)/ksyms%.asm
	$(Q)$(NASM) -f elf32 -o $@ $<
$(B)/isthmus.elf: $(B)/isthmus.1.elf $(B)/ksyms1.asm.o
	$(call SAY,LINK)
	$(Q)$(LINK) $(OBJ) $(B)/ksyms1.asm.o

# --- programs and the initramfs ------------------------------------------------------------------------------------
# user/init is one program; elsewhere each .c is one, and each folder with .c files (UFOLDER). Each is linked alone (for Linux), and all of
# ALONE's sisters together for the guest (user/multi): there the objects keep no global name but their main(), which gets the program's.
# Tests stay out of the base archive.
UCFLAGS := -std=gnu11 -O2 -g -static -pthread -D_FILE_OFFSET_BITS=64 -Wall -Wextra -Werror -Wno-unused-parameter -Wno-unused-result -Wno-clobbered -Iuser/lib \
           -ffile-prefix-map=$(CURDIR)/=
ULIBS   := $(wildcard user/lib/*.c)
UINIT   := $(wildcard user/init/*.c)
ALONE   := bench/vmbench
UFOLDER := $(patsubst user/%/,%,$(sort $(dir $(wildcard $(addprefix user/,stress/*/*.c bench/*/*.c labs/*/*.c bin/*/*.c)))))
UPROG   := $(patsubst user/%.c,%,$(wildcard user/stress/*.c user/bench/*.c user/labs/*.c user/bin/*.c)) $(UFOLDER)
UMULTI  := $(filter-out $(ALONE),$(UPROG))
UTEST   := $(patsubst user/tests/%.c,%,$(wildcard user/tests/*.c))
U       := $(O)/user
BUSYBOX := $(CACHE)/busybox
ETC     := $(shell find user/etc user/doc -type f 2>/dev/null)
entry    = main_$(subst -,_,$(notdir $(1)))

$(U)/init: $(UINIT) $(wildcard user/init/*.h)
	@mkdir -p $(@D)
	$(call SAY,USERCC)
	$(Q)$(USERCC) $(UCFLAGS) -o $@ $(UINIT)
$(U)/%.o: user/%.c $(wildcard user/lib/*.h user/tests/*.h)
	@mkdir -p $(@D)
	$(call SAY,USERCC)
	$(Q)$(USERCC) $(UCFLAGS) -c -o $@ $<
# A folder's files become one object, as if they were one.
$(foreach f,$(UFOLDER),$(eval $(U)/$(f).o: $(wildcard user/$(f)/*.[ch] user/lib/*.h)))
$(UFOLDER:%=$(U)/%.o):
	@mkdir -p $(@D)
	$(call SAY,USERCC)
	$(Q)$(USERCC) $(UCFLAGS) -r -o $@ $(filter %.c,$^)
$(U)/%.entry.o: $(U)/%.o
	$(Q)$(OBJCOPY) -w --redefine-sym main=$(call entry,$*) --keep-global-symbol=$(call entry,$*) --keep-global-symbol='__x86.*' $< $@
$(U)/%: $(U)/%.o $(ULIBS:user/%.c=$(U)/%.o)
	$(Q)$(USERCC) $(UCFLAGS) -o $@ $^ -lm
$(U)/multi/programs.h: $(wildcard $(UMULTI:%=user/%.c) $(UMULTI:%=user/%/*.c))
	@mkdir -p $(@D)
	$(Q)printf 'PROGRAM("%s", %s)\n' $(foreach p,$(UMULTI),$(notdir $(p)) $(call entry,$(p))) > $@
$(U)/isthmus: user/multi/multi.c $(U)/multi/programs.h $(UMULTI:%=$(U)/%.entry.o) $(ULIBS:user/%.c=$(U)/%.o)
	$(call SAY,USERCC)
	$(Q)$(USERCC) $(UCFLAGS) -I$(U)/multi -o $@ $(filter %.c %.o,$^) -lm
.PRECIOUS: $(U)/%.o
programs: $(U)/init $(UPROG:%=$(U)/%) $(U)/isthmus
test-programs: $(UTEST:%=$(U)/tests/%)
initramfs: $(O)/initramfs.cpio
$(O)/initramfs.cpio: $(U)/init $(U)/isthmus $(ALONE:%=$(U)/%) $(ETC) $(BUSYBOX) tools/mkinitramfs.py tools/cpio.py
	$(call SAY,CPIO)
	$(Q)$(PYTHON) tools/mkinitramfs.py -o $@ --init $(U)/init --busybox $(BUSYBOX) --etc user/etc --doc user/doc --sources user \
		--multi $(U)/isthmus $(notdir $(UMULTI)) --alone $(ALONE:%=$(U)/%)
$(BUSYBOX):
	$(Q)tools/deps.sh --busybox $(CACHE)

# --- boot image ------------------------------------------------------------------------------------------------------
iso: $(O)/isthmus.iso
$(O)/isthmus.iso: $(B)/isthmus.elf $(O)/initramfs.cpio tools/mkiso.py
	$(call SAY,ISO)
	$(Q)$(PYTHON) tools/mkiso.py -o $@ --kernel $(B)/isthmus.elf --initramfs $(O)/initramfs.cpio

# Debian's programs on an ext2 (tools/rootimage): tools/run --disk build/root.img -a root=/dev/vda
root: $(O)/root.img
$(O)/root.img: tools/rootimage tools/root-packages.txt $(ETC)
	$(call SAY,ROOT)
	$(Q)O=$(O) CACHE=$(CACHE) tools/rootimage -o $@ --tree $(O)/root

run: all iso
	$(Q)O=$(O) tools/run $(if $(filter 1,$(DEBUG)),--debug) $(RUNFLAGS)

# --- debuggers -------------------------------------------------------------------------------------------------------
# The console of the guest is tools/console in a second terminal. RUNFLAGS="-m 4G" and the like go to tools/run.
RECORD  ?= $(O)/record
GDB     := gdb -q -ex 'set confirm off' -ex 'source tools/gdb/isthmus.py'
gdb: all
	$(Q)$(if $(DUMP),$(GDB) -ex 'core-file $(DUMP)' $(B)/isthmus.elf,O=$(O) tools/run $(if $(filter 1,$(DEBUG)),--debug) -m 512M --debugger $(RUNFLAGS))
bochs: all
	$(Q)O=$(O) tools/run $(if $(filter 1,$(DEBUG)),--debug) --emulator bochs -m 512M -s 1 --debugger $(RUNFLAGS)
record: all
	$(Q)O=$(O) tools/run $(if $(filter 1,$(DEBUG)),--debug) -m 256M --record $(RECORD) $(RUNFLAGS)
replay:
	$(Q)O=$(O) tools/run --replay $(RECORD) $(RUNFLAGS)
.PHONY: gdb bochs record replay

# --- tests -----------------------------------------------------------------------------------------------------------
ifneq ($(filter fuzz,$(MAKECMDGOALS)),)
include tools/tests/fuzz.mk
endif
ifneq ($(filter unit unit-build quick test test-all soak,$(MAKECMDGOALS)),)
include tools/tests/unit.mk
endif
TESTRUN := O=$(O) CACHE=$(CACHE) $(PYTHON) tools/tests/run-tests.py
test-build: all iso test-programs unit-build
	+$(Q)$(MAKE) --no-print-directory DEBUG=1 kernel
test: test-build
	$(Q)$(TESTRUN) $(if $(T),--only '$(T)',)
quick: all test-programs unit-build
	$(Q)$(TESTRUN) --set quick
test-all: test-build
	$(Q)$(TESTRUN) --set all $(if $(T),--only '$(T)',)
soak: test-build
	$(Q)$(TESTRUN) --set soak
bench: all
	$(Q)O=$(O) CACHE=$(CACHE) $(PYTHON) tools/bench $(ROWS:%=--rows '%') $(BENCHFLAGS)

# --- care --------------------------------------------------------------------------------------------------------------
format:
	$(Q)git ls-files '*.c' '*.h' | xargs clang-format -i
compile_commands.json: Makefile
	$(Q)$(PYTHON) tools/compile-commands.py '$(CC) $(CFLAGS)' $(CSRC) > $@
.PHONY: compile_commands.json
clean:
	rm -rf $(O) compile_commands.json
help:
	@$(PYTHON) tools/make-help.py
.PHONY: all kernel objs debug programs test-programs initramfs iso root run test-build test quick test-all soak bench format clean help FORCE
-include $(OBJ:.o=.d)
endif
