# SPDX-License-Identifier: MIT
# `make fuzz SECONDS=600`: libFuzzer targets (tools/tests/fuzz), 32-bit, under ASan and UBSan. What it finds lies in build/fuzz.

SECONDS ?= 20
FB      := $(O)/fuzz
FSRC    := $(wildcard kernel/fs/ext2/*.c) kernel/lib/bitops.c kernel/lib/kstrto.c tools/tests/fuzz/ext2_shim.c tools/tests/fuzz/ext2.c
FCC     := clang --target=i686-linux-gnu
FFLAGS  := -std=gnu11 -O1 -g -ffreestanding -nostdinc -isystem $(shell $(CROSS)gcc -print-file-name=include) -isystem $(UAPI) \
           -iquote tools/tests/unit/shim -iquote . -iquote $(B) -DUNIT_TEST -D__KERNEL_BUILD__ -DCONFIG_DEBUG -fno-strict-aliasing -fwrapv \
           -fno-omit-frame-pointer -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize=alignment,shift,function \
           -fno-sanitize-recover=undefined -Wall -Wextra -Wno-unused-parameter -Wno-sign-compare -Wno-gnu -Wno-address-of-packed-member
FRT     := $(shell clang -print-runtime-dir 2>/dev/null)
XLIB    := /usr/i686-linux-gnu/lib

$(FB)/%.o: %.c
	@mkdir -p $(@D)
	$(Q)$(FCC) $(FFLAGS) -MMD -MP -c -o $@ $<
$(FB)/ext2: $(FSRC:%.c=$(FB)/%.o)
	$(Q)$(CROSS)gcc -o $@ $^ -Wl,--whole-archive $(FRT)/libclang_rt.asan-i386.a -Wl,--no-whole-archive $(FRT)/libclang_rt.fuzzer-i386.a \
	    $(XLIB)/libstdc++.so.6 -lpthread -lrt -lm -ldl -Wl,--dynamic-linker=$(XLIB)/ld-linux.so.2 -Wl,-rpath,$(XLIB)

$(FB)/ext2-seeds: tools/tests/fuzz/seeds.sh
	$(Q)sh tools/tests/fuzz/seeds.sh $@

fuzz: $(FB)/ext2 $(FB)/ext2-seeds
	@mkdir -p $(FB)/ext2-corpus
	$(Q)EXT2_SEEDS=$(FB)/ext2-seeds $(FB)/ext2 -max_total_time=$(SECONDS) -timeout=60 -rss_limit_mb=1000 -max_len=500 -len_control=0 -print_final_stats=1 \
	    -artifact_prefix=$(FB)/ $(FB)/ext2-corpus 2>$(FB)/ext2.log; s=$$?; grep -E "ERROR|SUMMARY|^shim|exec/s: [0-9]+ rss|stat::number" $(FB)/ext2.log | tail -4; exit $$s
.PHONY: fuzz
-include $(shell find $(FB) -name '*.d' 2>/dev/null)
