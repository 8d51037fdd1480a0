/* SPDX-License-Identifier: MIT
 *
 * drivers/char, what other rooms use besides terminals (tty.h): consoles at boot, random numbers, the sysrq keys.
 */
#ifndef DRIVERS_CHAR_CHAR_H
#define DRIVERS_CHAR_CHAR_H

#include "kernel/lib/list.h"
#include "kernel/lib/types.h"

/* First thing at boot: COM1 and the screen print the log. Allocates nothing; needs the 1:1 map of the first MB. */
void console_early_init(void);
/* Interrupts, slab and threads work: terminals, keyboard, the random generator's threads. */
void char_init(void);

/* --- random numbers (random.c) ------------------------------------------------------------------------------------ */
u32 get_random_u32(void);                     /* the same, cheaper; not in interrupt handlers */
void get_random_bytes(void *buf, size_t n);    /* any context; good enough for addresses even before it is seeded */
bool random_ready(void);
int random_wait_ready(bool nonblock);          /* 0, -EAGAIN, -ERESTARTSYS */
void add_device_randomness(u32 value);         /* any context: an event, timed here; credited by its jitter */
void add_entropy(const void *data, size_t n, unsigned bits); /* data of the caller's, worth `bits` */
unsigned random_entropy(void);                 /* bits credited, at most 256 */
size_t random_read(void *buf, size_t n);       /* a long piece: a key of its own */

/* --- sysrq (sysrq.c) ------------------------------------------------------------------------------------------------ */
/* => called in interrupt context with interrupts off, or from a task that writes /proc/sysrq-trigger */
void sysrq_register(char key, const char *help, void (*fn)(void));
bool sysrq(char key);                          /* false: no such key; prints the list */

extern void (*sysrq_ctrl_alt_del_fn)(void);     /* interrupt context; NULL until set */

/* Work that an interrupt handler cannot do: fn runs soon, in a thread, once for any number of calls before it starts. */
struct later { struct list_head node; void (*fn)(struct later *l); };
#define LATER(f) { .fn = (f) }
void later_queue(struct later *l);

/* The console's input watches for the sysrq keys before anybody else sees a byte.
 * => how many bytes of buf are left for the terminal (buf is closed up) */
struct sysrq_watch { u64 until; bool armed; };
unsigned sysrq_filter(struct sysrq_watch *w, u8 *buf, u8 *flags, unsigned n);

/* --- inside the room --------------------------------------------------------------------------------------------------- */
struct tty;
void serial_early_init(void);
void serial_init(void);
void serial_console_start(struct tty *console); /* console has output */
void serial_console_unthrottle(void);
bool serial_console_present(void);
bool serial_console_idle(void);
void vga_early_init(void);
bool vga_present(void);
void vga_scrollback(int lines);
void keyboard_init(void);
void console_init(void);
void console_input(u8 *keys, unsigned n);       /* from the keyboard; interrupt context; changes keys */
bool console_wants_serial(void), console_wants_vga(void);
void random_init(void);
void later_init(void);
void sysrq_init(void);

#endif
