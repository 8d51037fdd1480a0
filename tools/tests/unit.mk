# SPDX-License-Identifier: MIT
# Host-compiled unit tests (tools/tests/unit): `make unit` builds and runs them; tools/tests/README.md tells how to add one.

UNIT    := $(patsubst tools/tests/unit/%.c,%,$(filter-out %/unit.c,$(wildcard tools/tests/unit/*.c)))
UB      := $(O)/unit
UFLAGS  := -m32 -std=gnu11 -O1 -g -ffreestanding -nostdinc -isystem $(shell $(CROSS)gcc -print-file-name=include) \
           -isystem $(UAPI) -iquote tools/tests/unit/shim -iquote . -iquote $(B) -DUNIT_TEST -D__KERNEL_BUILD__ -DCONFIG_DEBUG \
           -fno-strict-aliasing -fwrapv -fno-omit-frame-pointer -fsanitize=address,undefined \
           -fno-sanitize=alignment,shift -Wall -Wextra -Wno-unused-parameter -Wno-sign-compare -Werror
ULINK   := -m32 -fsanitize=address,undefined -Wl,--dynamic-linker=/usr/i686-linux-gnu/lib/ld-linux.so.2 \
           -Wl,-rpath,/usr/i686-linux-gnu/lib -Wl,--disable-new-dtags

# The kernel sources that a test's header names become its prerequisites.
define unit_rule
$(UB)/$(1): $(UB)/tools/tests/unit/$(1).o $(UB)/tools/tests/unit/unit.o \
            $(patsubst %.c,$(UB)/%.o,$(shell sed -n 's|^ \* unit:\(.*\)|\1|p' tools/tests/unit/$(1).c))
endef
$(foreach t,$(UNIT),$(eval $(call unit_rule,$(t))))

$(UB)/%.o: %.c
	@mkdir -p $(@D)
	$(Q)$(CROSS)gcc $(UFLAGS) -MMD -MP -c -o $@ $<
$(UNIT:%=$(UB)/%):
	$(Q)$(CROSS)gcc $(ULINK) -o $@ $(filter %.o,$^)

unit-build: $(UNIT:%=$(UB)/%)
unit: unit-build
	$(Q)prove --exec '' $(UNIT:%=$(UB)/%)
.PHONY: unit unit-build
-include $(shell find $(UB) -name '*.d' 2>/dev/null)
