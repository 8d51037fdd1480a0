/* SPDX-License-Identifier: MIT
 *
 * drivers/char: terminals. A struct tty joins a line discipline (n_tty.c: editing, signals, echo; n_tty_out.c: output
 * processing) and a driver (serial.c, console.c, pty.c) through two rings of bytes.
 *
 *   driver -- tty_receive() --> in  --> tty_read()     file layer (kernel/fs/dev_tty.c)
 *   driver <-- tty_take_output() -- out <-- tty_write()
 *
 * Life: ports and consoles are static and live for ever; a pty is made by opening /dev/ptmx and freed with its last
 * reference. The rings are made at the first open and given back at the last close.
 *
 * Locks: open_lock (sleeping: open, close, termios changes) > t->lock (irqs off, taken by interrupt handlers) >
 *        the driver's own (a UART's, the screen's) > the queues' and run-queue locks.
 * Keys: L t->lock | O open_lock | a atomic | f fixed
 */
#ifndef DRIVERS_CHAR_TTY_H
#define DRIVERS_CHAR_TTY_H

#include "kernel/lib/list.h"
#include "kernel/lib/types.h"
#include "kernel/sync/atomic.h"
#include "kernel/sync/mutex.h"
#include "kernel/sync/spinlock.h"
#include "kernel/sync/wait.h"
#include <asm/ioctls.h>
#include <asm/termbits.h>
#include <asm/termios.h>

#define TTY_RING 4096U       /* bytes each way; a power of two */
#define TTY_ECHO_ROOM 256U   /* of `out`, kept free for echo */

struct pid;
struct tty;

struct tty_driver {
	const char *name;
	void (*start)(struct tty *t);      /* L: bytes wait in out */
	void (*unthrottle)(struct tty *t); /* L: there is room in `in` again */
	void (*configure)(struct tty *t, const struct ktermios *old); /* O: termios has changed */
	int (*set_break)(struct tty *t, bool on);
	bool (*idle)(struct tty *t);       /* has the hardware sent everything? NULL: always */
	int (*modem)(struct tty *t, u32 set, u32 clear); /* => TIOCM_*; NULL: no modem lines */
	void (*opened)(struct tty *t);     /* O: first open */
	void (*closed)(struct tty *t);     /* O: last close */
	void (*free)(struct tty *t);       /* last reference of a dynamic one */
	bool keeps_rings;                  /* pty: made with it, freed by free() */
};

struct ring { u8 *buf; u32 head, tail; }; /* L: head - tail bytes are waiting */

struct tty {
	const struct tty_driver *driver;   /* f */
	char name[12];                     /* f */
	dev_t dev;                         /* f */
	u32 index;                         /* f: of its driver */
	atomic_t refcount;
	spinlock_t lock;
	struct mutex open_lock;
	u32 open_count;                    /* O to write, with L */
	u32 dead_count;                    /* L: of these, files that a hang-up has killed */
	struct ktermios termios;           /* O to write, with L */
	struct winsize winsize;            /* L */

	struct ring in, out;
	u32 *marks;                        /* L: a bit for each byte of `in`: ends a line */
	u32 line_start;                    /* L: in.buf index behind the last whole line */
	u32 column, edit_column;           /* L: of the cursor; where the line being edited begins */
	bool literal;                      /* L: VLNEXT: take the next byte as it is */
	bool stopped;                      /* L: ^S or TCOOFF */
	bool throttled;                    /* L: the driver has left bytes in the hardware */
	bool writing;                      /* L: a writer is at work; others wait */
	bool exclusive;                    /* L: TIOCEXCL */
	bool peer_closed;                  /* L: pty: nobody holds the master */
	u32 hangups;                       /* L: files that were opened before the last one are dead */
	struct wait_queue read_wait, write_wait;

	struct pid *pgrp, *session;        /* L; with references; changed by kernel/fs/tty_job.c */
	u32 signals;                       /* L: bit n: signal n is due to the foreground group */
	struct list_head signal_node;      /* signal_lock */
	void *driver_data;
};

/* What a driver and the file layer use. */
void tty_setup(struct tty *t, const struct tty_driver *driver, const char *name, unsigned index, dev_t dev);
int tty_make_rings(struct tty *t);               /* -ENOMEM */
int tty_open(struct tty *t, bool privileged, u32 *generation); /* 0, -ENOMEM, -EBUSY (exclusive) */
void tty_close(struct tty *t, u32 generation);   /* generation: t->hangups at open */
static inline void tty_get(struct tty *t) { atomic_inc(&t->refcount); }
void tty_put(struct tty *t);
/* => bytes, 0 at end of file, -EAGAIN, -EIO, -ERESTARTSYS. buf is kernel memory. generation: t->hangups at open */
ssize_t tty_read(struct tty *t, u8 *buf, size_t n, bool nonblock, u32 generation);
ssize_t tty_write(struct tty *t, const u8 *buf, size_t n, bool nonblock, u32 generation);
bool tty_readable(struct tty *t);                /* L not held */
bool tty_writable(struct tty *t);                /* room, and not stopped by ^S or TCOOFF */
void tty_hangup(struct tty *t);                  /* wakes everybody; files become dead */
void tty_signal(struct tty *t, int sig);         /* L held: to the foreground group, soon */
int tty_drain(struct tty *t);                    /* sleeps until all output has left; 0 or -ERESTARTSYS */
void tty_flush_input(struct tty *t);
void tty_flush_output(struct tty *t);
/* -ENOTTY: not a command of terminals. The caller has done the job-control check. */
long tty_ioctl(struct tty *t, unsigned cmd, unsigned long arg);

/* Bytes from the hardware; any context, L not held. flags: NULL or TTY_* per byte. => how many were taken */
enum { TTY_NORMAL, TTY_BREAK, TTY_PARITY, TTY_FRAME, TTY_OVERRUN };
unsigned tty_receive(struct tty *t, const u8 *buf, const u8 *flags, unsigned n);
unsigned tty_room(const struct tty *t);          /* bytes that tty_receive would take now */
unsigned tty_take_output(struct tty *t, u8 *buf, unsigned n); /* L */
unsigned tty_baud(const struct ktermios *k);     /* bits per second; 0: hang up */

/* inside: n_tty.c and n_tty_out.c. L held */
static inline u32 ring_used(const struct ring *r) { return r->head - r->tail; }
static inline u32 out_room(const struct tty *t) { return TTY_RING - ring_used(&t->out); }
void out_raw(struct tty *t, u8 c);               /* drops it when there is no room */
bool out_cooked(struct tty *t, u8 c);            /* by OPOST; false: no room, nothing was done */
void echo_char(struct tty *t, u8 c);             /* as ECHO and ECHOCTL say */
void echo_erase(struct tty *t, u32 from);        /* in.buf[from] has just been taken away */
void tty_set_stopped(struct tty *t, bool stop);  /* L held; starting wakes the writers */
void n_tty_reset(struct tty *t);
void n_tty_mode_changed(struct tty *t, const struct ktermios *old);

/* What the terminals ask of the rooms to their right; set at boot. */
struct tty_upcalls {
	void (*signal)(struct tty *t, int sig);  /* task context: to t->pgrp */
	int (*signal_pid)(struct pid *pid, int sig); /* task context; -ESRCH: it has gone */
	void (*put_pid)(struct pid *pid);
};
extern const struct tty_upcalls *tty_upcalls;

extern struct tty console_tty, serial_ttys[4];
bool serial_present(unsigned port);
struct tty *pty_make(unsigned index);            /* NULL: out of memory */
ssize_t pty_master_read(struct tty *t, u8 *buf, size_t n, bool nonblock);
ssize_t pty_master_write(struct tty *t, const u8 *buf, size_t n, bool nonblock);
u32 pty_master_poll(struct tty *t);              /* EPOLLIN | EPOLLOUT | EPOLLHUP */
struct wait_queue *pty_master_wait(struct tty *t);
void pty_master_close(struct tty *t);

#endif
