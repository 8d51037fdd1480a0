# SPDX-License-Identifier: MIT
# Isthmus: `make help` lists the targets.

O       ?= build
DEBUG   ?= 0
LLVM    ?= 0
V       ?= 0
CROSS   := i686-linux-gnu-
ifeq ($(LLVM),1)
CC      := clang --target=i686-linux-gnu
else
CC      := $(CROSS)gcc
endif
LD      := $(CROSS)ld
NASM    := nasm
PYTHON  := /usr/bin/python3
UAPI    := /usr/i686-linux-gnu/include
B       := $(O)/$(if $(filter 1,$(DEBUG)),debug,release)
Q       := $(if $(filter 1,$(V)),,@)

ROOMS   := boot arch/i386 kernel/lib kernel/sync kernel/sched kernel/time mm/phys drivers/block drivers/bus \
           drivers/char mm/cache mm/rmap mm/virt mm/reclaim kernel/fs kernel/proc kernel/sys
CSRC    := $(wildcard $(addsuffix /*.c,$(ROOMS)))
ASRC    := $(wildcard $(addsuffix /*.asm,$(ROOMS)))
OBJ     := $(CSRC:%.c=$(B)/%.o) $(ASRC:%.asm=$(B)/%.asm.o) $(B)/syscall_table.o

CFLAGS  := -std=gnu11 -O2 -g -ffreestanding -nostdinc -isystem $(shell $(CC) -print-file-name=include) -isystem $(UAPI) -I. -I$(B) \
           -march=i686 -mregparm=3 -mno-mmx -mno-sse -mno-80387 -fno-pic -fno-pie -fno-stack-protector -fno-strict-aliasing \
           -fno-common -fno-asynchronous-unwind-tables -fwrapv -D__KERNEL_BUILD__ \
           -Wall -Wextra -Werror -Wmissing-prototypes -Wstrict-prototypes -Wno-unused-parameter -Wno-sign-compare
ifeq ($(LLVM),1)
CFLAGS  += -mstack-alignment=4 -Wno-gnu -Wno-address-of-packed-member
else
CFLAGS  += -mpreferred-stack-boundary=2 -fno-delete-null-pointer-checks -fno-allow-store-data-races
endif
ifeq ($(DEBUG),1)
CFLAGS  += -DCONFIG_DEBUG -fno-omit-frame-pointer -fno-optimize-sibling-calls
endif

all: kernel
kernel: $(B)/isthmus.elf
objs: $(OBJ)

$(B)/%.o: %.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) -MMD -MP -c -o $@ $<
$(B)/%.asm.o: %.asm
	@mkdir -p $(@D)
	$(Q)$(NASM) -f elf32 -g -F dwarf -I. -I$(B)/ -MD $(@:.o=.d) -o $@ $<

$(B)/syscall_table.c: kernel/sys/syscalls.tbl tools/syscalls.py
	@mkdir -p $(@D)
	$(Q)$(PYTHON) tools/syscalls.py --c $@
$(B)/syscall_table.o: $(B)/syscall_table.c
	$(Q)$(CC) $(CFLAGS) -Wno-attributes -MMD -MP -c -o $@ $<
syscalls: # brings the list in kernel/sys/README.md up to date
	$(Q)$(PYTHON) tools/syscalls.py --readme

# PARTIAL=1 links although rooms are still missing.
$(B)/isthmus.elf: $(OBJ) linker.ld
	$(Q)$(LD) -m elf_i386 -T linker.ld -z max-page-size=4096 $(if $(PARTIAL),--unresolved-symbols=ignore-all) -o $@ $(OBJ)

ifneq ($(filter unit unit-build quick test test-all,$(MAKECMDGOALS)),)
include tools/tests/unit.mk
endif

clean:
	rm -rf $(O)
.PHONY: all kernel objs clean
-include $(OBJ:.o=.d)
