/* SPDX-License-Identifier: MIT
 *
 * 16550 UARTs: COM1 to COM4, ttyS0 to ttyS3. (National Semiconductor PC16550D data sheet.)
 *
 * Receiving: the interrupt handler moves bytes from the FIFO to the terminal, as many as that has room for. When it is
 * full, or nobody has the port open, the receive interrupt is switched off and the bytes stay in the FIFO: the sender
 * (an emulator's socket, a line with RTS) holds the rest. So nothing is lost, and nothing is read before the first open.
 * Sending: 16 bytes at each "holding register empty", the first ones by the writer itself.
 *
 * COM1 also prints the kernel's log, polled, so that it works in a panic.
 * Locks: tty->lock > uart->lock. The handler takes uart->lock to read the hardware and drops it to deliver.
 * COM1/COM3 and COM2/COM4 share an edge-triggered interrupt: the handler goes round until none of its ports has
 * anything left, or an edge would be missed.
 */
#include "arch/i386/cpu.h"
#include "arch/i386/io.h"
#include "arch/i386/traps.h"
#include "drivers/char/char.h"
#include "drivers/char/tty.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/lib/vsprintf.h"

enum { RBR = 0, THR = 0, DLL = 0, IER = 1, DLM = 1, IIR = 2, FCR = 2, LCR = 3, MCR = 4, LSR = 5, MSR = 6, SCR = 7 };
enum { IER_RECEIVE = 1, IER_THRE = 2, IER_LINE = 4 };
enum { FCR_ON = 1, FCR_CLEAR_RX = 2, FCR_CLEAR_TX = 4, FCR_TRIGGER_14 = 0xc0 };
enum { LCR_8N1 = 3, LCR_STOP2 = 4, LCR_PARITY = 8, LCR_EVEN = 16, LCR_STICK = 32, LCR_BREAK = 64, LCR_DLAB = 128 };
enum { MCR_DTR = 1, MCR_RTS = 2, MCR_OUT2 = 8, MCR_LOOP = 16 };
enum { LSR_DATA = 1, LSR_OVERRUN = 2, LSR_PARITY = 4, LSR_FRAME = 8, LSR_BREAK = 16, LSR_THRE = 32, LSR_EMPTY = 64 };
#define LSR_ERRORS (LSR_OVERRUN | LSR_PARITY | LSR_FRAME | LSR_BREAK)
#define UART_CLOCK 115200U
#define BATCH 64U          /* bytes moved under one hold of the lock */
#define SEND_ROUNDS 16U    /* FIFO loads an interrupt sends at most */

struct uart {
	u16 base;
	u8 irq;
	u8 fifo;           /* bytes that may be written at THRE */
	bool present;
	bool console;
	u8 ier, lcr, mcr;  /* lock: what was last written */
	spinlock_t lock;   /* irqs off; inside tty->lock */
	u8 early[16];      /* bytes found when the FIFO was switched on */
	unsigned nr_early;
	struct sysrq_watch watch;
	struct tty *tty;
};
static struct uart uarts[4] = {
	{ .base = 0x3f8, .irq = 4 }, { .base = 0x2f8, .irq = 3 }, { .base = 0x3e8, .irq = 4 }, { .base = 0x2e8, .irq = 3 },
};
struct tty serial_ttys[4];

static u8 get(const struct uart *u, unsigned reg) { return inb(u->base + reg); }
static void set(const struct uart *u, unsigned reg, u8 v) { outb(u->base + reg, v); }
static void set_ier(struct uart *u, u8 ier) { if (ier != u->ier) set(u, IER, u->ier = ier); }

bool serial_present(unsigned port) { return port < 4 && uarts[port].present; }
bool serial_console_present(void) { return uarts[0].present; }

/* --- finding them -------------------------------------------------------------------------------------------------- */

static bool probe(struct uart *u)
{
	u8 mcr;

	set(u, SCR, 0x5a);
	if (get(u, SCR) != 0x5a)
		return false;
	set(u, SCR, 0xa5);
	if (get(u, SCR) != 0xa5)
		return false;
	/* loop: RTS and OUT2 must come back as CTS and DCD */
	mcr = get(u, MCR);
	set(u, MCR, MCR_LOOP | MCR_RTS | MCR_OUT2);
	if ((get(u, MSR) & 0xf0) != 0x90)
		return false;
	set(u, MCR, mcr & ~MCR_LOOP);
	return true;
}

static void set_divisor(struct uart *u, unsigned divisor)
{
	set(u, LCR, u->lcr | LCR_DLAB);
	set(u, DLL, divisor);
	set(u, DLM, divisor >> 8);
	set(u, LCR, u->lcr);
}

/* Switching the FIFO on empties it: keep what has come so far. */
static void setup(struct uart *u)
{
	set(u, IER, u->ier = 0);
	u->lcr = LCR_8N1;
	set_divisor(u, 1);
	while (u->nr_early < sizeof(u->early) && (get(u, LSR) & LSR_DATA))
		u->early[u->nr_early++] = get(u, RBR);
	set(u, FCR, FCR_ON | FCR_TRIGGER_14);
	u->fifo = (get(u, IIR) & 0xc0) == 0xc0 ? 16 : 1;
	set(u, MCR, u->mcr = MCR_DTR | MCR_RTS | MCR_OUT2);
	u->present = true;
}

/* --- the log -------------------------------------------------------------------------------------------------------- */

/* Nobody may be listening at the other end: wait long once, and then no more until the line moves again. */
static void poll_out(struct uart *u, u8 c)
{
	static bool stuck;
	unsigned left = stuck ? 20 : 20000;

	while (!(get(u, LSR) & LSR_THRE) && --left)
		cpu_relax();
	stuck = !left;
	set(u, THR, c);
}

/* => any context; in a panic another CPU may hold the lock for ever */
static void console_write(const char *text, unsigned n)
{
	struct uart *u = &uarts[0];
	unsigned long irq;
	bool locked = false;

	local_irq_save(irq);
	for (unsigned i = 0; i < 1000000 && !(locked = spin_trylock(&u->lock)); i++)
		cpu_relax();
	for (; n--; text++) {
		if (*text == '\n')
			poll_out(u, '\r');
		poll_out(u, *text);
	}
	if (locked)
		spin_unlock(&u->lock);
	local_irq_restore(irq);
}

static struct console serial_console = { .name = "ttyS0", .write = console_write, .flags = CON_ENABLED | CON_PRINTBUFFER };

void serial_early_init(void)
{
	struct uart *u = &uarts[0];

	spin_lock_init(&u->lock, "uart");
	if (!probe(u))
		return;
	setup(u);
	u->console = true;
	register_console(&serial_console);
}

/* --- sending --------------------------------------------------------------------------------------------------------- */

/* One FIFO load from t. => bytes; tty->lock and uart->lock held, THRE seen */
static unsigned send_load(struct uart *u, struct tty *t)
{
	u8 buf[16];
	unsigned n = tty_take_output(t, buf, u->fifo);

	for (unsigned i = 0; i < n; i++)
		set(u, THR, buf[i]);
	return n;
}

/* As long as the UART takes it, up to `rounds` loads; the interrupt does the rest. tty->lock held */
static void send(struct uart *u, struct tty *t, unsigned rounds)
{
	spin_lock(&u->lock);
	while (rounds && get(u, LSR) & LSR_THRE && send_load(u, t))
		rounds--;
	if (ring_used(&t->out) && !t->stopped) {
		/* off and on again: asks for the interrupt even if the register is empty now */
		set_ier(u, u->ier & ~IER_THRE);
		set_ier(u, u->ier | IER_THRE);
	} else {
		set_ier(u, u->ier & ~IER_THRE);
	}
	spin_unlock(&u->lock);
}

void serial_console_start(struct tty *console) { send(&uarts[0], console, 4); }
static void serial_start(struct tty *t) { send(t->driver_data, t, 4); }

/* Who sends through u: its own terminal while that has anything, else the console. */
static void send_from_interrupt(struct uart *u)
{
	struct tty *from[2] = { u->tty, u->console ? &console_tty : NULL };

	for (unsigned i = 0; i < 2 && from[i]; i++) {
		spin_lock(&from[i]->lock);
		if (ring_used(&from[i]->out) || i == 1 || !from[1])
			send(u, from[i], SEND_ROUNDS);
		spin_unlock(&from[i]->lock);
	}
}

/* --- receiving --------------------------------------------------------------------------------------------------------- */

static u8 line_flag(u8 lsr)
{
	return lsr & LSR_BREAK ? TTY_BREAK : lsr & LSR_PARITY ? TTY_PARITY : lsr & LSR_FRAME ? TTY_FRAME : TTY_OVERRUN;
}

/* Take up to max bytes out of the FIFO. *errors: flags[] says more. uart->lock held */
static unsigned read_fifo(struct uart *u, u8 *buf, u8 *flags, unsigned max, bool *errors)
{
	unsigned n = 0;
	u8 lsr;

	while (n < max && (lsr = get(u, LSR)) & (LSR_DATA | LSR_BREAK)) {
		buf[n] = get(u, RBR);
		flags[n] = TTY_NORMAL;
		if (lsr & LSR_ERRORS) {
			flags[n] = line_flag(lsr);
			*errors = true;
		}
		n++;
	}
	return n;
}

static struct tty *receiver(struct uart *u)
{
	if (u->tty && u->tty->in.buf)
		return u->tty;
	return u->console && console_tty.in.buf ? &console_tty : NULL;
}

/* Full, or not open: bytes stay in the FIFO until unthrottle or open. A console that nobody reads goes on listening for
 * sysrq, and drops the rest. Both locks held. */
static bool hold_off(struct uart *u, struct tty *t)
{
	if (u->console && !t)
		return false;
	set_ier(u, u->ier & ~(IER_RECEIVE | IER_LINE));
	if (t)
		t->throttled = true;
	return true;
}

static unsigned read_batch(struct uart *u, struct tty *t, u8 *buf, u8 *flags, bool *errors)
{
	unsigned n = 0, room;

	if (t)
		spin_lock(&t->lock);
	spin_lock(&u->lock);
	room = t ? tty_room(t) : 0;
	if (room || !hold_off(u, t))
		n = read_fifo(u, buf, flags, room ? min(room, BATCH) : BATCH, errors);
	spin_unlock(&u->lock);
	if (t)
		spin_unlock(&t->lock);
	return n;
}

/* => true if there was something */
static bool receive(struct uart *u)
{
	struct tty *t = receiver(u);
	u8 buf[BATCH], flags[BATCH];
	bool errors = false;
	unsigned n = read_batch(u, t, buf, flags, &errors);

	if (!n)
		return false;
	add_device_randomness(buf[0]);
	if (u->console)
		n = sysrq_filter(&u->watch, buf, flags, n);
	if (n && t)
		tty_receive(t, buf, errors ? flags : NULL, n);
	return true;
}

static void unthrottle(struct uart *u)
{
	spin_lock(&u->lock);
	set_ier(u, u->ier | IER_RECEIVE | IER_LINE);
	spin_unlock(&u->lock);
}
static void serial_unthrottle(struct tty *t) { unthrottle(t->driver_data); }
void serial_console_unthrottle(void) { unthrottle(&uarts[0]); }

/* --- the interrupt --------------------------------------------------------------------------------------------------- */

static bool serve(struct uart *u)
{
	bool busy = false;

	if (get(u, IIR) & 1)
		return false;
	while (receive(u))
		busy = true;
	if (u->ier & IER_THRE && get(u, LSR) & LSR_THRE) {
		send_from_interrupt(u);
		busy = true;
	}
	get(u, MSR);
	return busy || !(get(u, IIR) & 1);
}

static void serial_interrupt(void *arg)
{
	unsigned first = (unsigned long)arg, tries = 64;
	bool busy;

	do {
		busy = false;
		for (unsigned i = first; i < 4; i += 2)
			if (uarts[i].present && serve(&uarts[i]))
				busy = true;
	} while (busy && --tries);
}

/* --- as a terminal ----------------------------------------------------------------------------------------------------- */

static void serial_opened(struct tty *t)
{
	struct uart *u = t->driver_data;
	unsigned long irq;

	if (u->nr_early)
		tty_receive(t, u->early, NULL, u->nr_early);
	u->nr_early = 0;
	spin_lock_irqsave(&u->lock, irq);
	set_ier(u, u->ier | IER_RECEIVE | IER_LINE);
	spin_unlock_irqrestore(&u->lock, irq);
}

static void serial_closed(struct tty *t)
{
	struct uart *u = t->driver_data;
	unsigned long irq;

	if (u->console)
		return;
	spin_lock_irqsave(&u->lock, irq);
	set_ier(u, 0);
	spin_unlock_irqrestore(&u->lock, irq);
}

static bool serial_idle(struct tty *t) { return get(t->driver_data, LSR) & LSR_EMPTY; }
bool serial_console_idle(void) { return get(&uarts[0], LSR) & LSR_EMPTY; }

static u8 line_control(u32 c)
{
	u8 lcr = (c & CSIZE) >> 4;

	if (c & CSTOPB)
		lcr |= LCR_STOP2;
	if (c & PARENB)
		lcr |= LCR_PARITY | (c & PARODD ? 0 : LCR_EVEN) | (c & CMSPAR ? LCR_STICK : 0);
	return lcr;
}

/* Speed 0 hangs up: it lowers DTR. */
static void serial_configure(struct tty *t, const struct ktermios *old)
{
	struct uart *u = t->driver_data;
	unsigned baud = tty_baud(&t->termios);
	unsigned long irq;

	if (!((old->c_cflag ^ t->termios.c_cflag) & (CBAUD | CSIZE | CSTOPB | PARENB | PARODD | CMSPAR)) && baud == old->c_ospeed)
		return;
	spin_lock_irqsave(&u->lock, irq);
	u->mcr = baud ? u->mcr | MCR_DTR : u->mcr & ~MCR_DTR;
	set(u, MCR, u->mcr);
	u->lcr = line_control(t->termios.c_cflag);
	set_divisor(u, baud ? clamp(UART_CLOCK / baud, 1U, 0xffffU) : 1);
	spin_unlock_irqrestore(&u->lock, irq);
}

static int serial_break(struct tty *t, bool on)
{
	struct uart *u = t->driver_data;
	unsigned long irq;

	spin_lock_irqsave(&u->lock, irq);
	u->lcr = on ? u->lcr | LCR_BREAK : u->lcr & ~LCR_BREAK;
	set(u, LCR, u->lcr);
	spin_unlock_irqrestore(&u->lock, irq);
	return 0;
}

static int serial_modem(struct tty *t, u32 raise, u32 lower)
{
	struct uart *u = t->driver_data;
	unsigned long irq;
	u8 msr;

	spin_lock_irqsave(&u->lock, irq);
	u->mcr |= (raise & TIOCM_DTR ? MCR_DTR : 0) | (raise & TIOCM_RTS ? MCR_RTS : 0);
	u->mcr &= ~((lower & ~raise & TIOCM_DTR ? MCR_DTR : 0) | (lower & ~raise & TIOCM_RTS ? MCR_RTS : 0));
	set(u, MCR, u->mcr);
	msr = get(u, MSR);
	spin_unlock_irqrestore(&u->lock, irq);
	return (u->mcr & MCR_DTR ? TIOCM_DTR : 0) | (u->mcr & MCR_RTS ? TIOCM_RTS : 0) | (msr & 0x10 ? TIOCM_CTS : 0) |
	       (msr & 0x20 ? TIOCM_DSR : 0) | (msr & 0x40 ? TIOCM_RNG : 0) | (msr & 0x80 ? TIOCM_CAR : 0);
}

static const struct tty_driver serial_driver = {
	.name = "serial", .start = serial_start, .unthrottle = serial_unthrottle, .configure = serial_configure,
	.set_break = serial_break, .idle = serial_idle, .modem = serial_modem, .opened = serial_opened, .closed = serial_closed,
};

static void add_port(unsigned i)
{
	struct uart *u = &uarts[i];
	char name[8];

	snprintf(name, sizeof(name), "ttyS%u", i);
	tty_setup(&serial_ttys[i], &serial_driver, name, i, 4 << 8 | (64 + i));
	serial_ttys[i].driver_data = u;
	u->tty = &serial_ttys[i];
	pr_info("%s: at %#x, irq %u, %s\n", name, u->base, u->irq, u->fifo > 1 ? "16550A" : "no FIFO");
}

static void add_interrupt(unsigned first)
{
	int r;

	if (!uarts[first].present && !uarts[first + 2].present)
		return;
	r = request_irq(uarts[first].irq, serial_interrupt, (void *)(unsigned long)first, "serial", false);
	if (r)
		pr_err("serial: interrupt %u: error %d\n", uarts[first].irq, r);
}

void serial_init(void)
{
	for (unsigned i = 0; i < 4; i++) {
		if (i) {
			spin_lock_init(&uarts[i].lock, "uart");
			if (probe(&uarts[i]))
				setup(&uarts[i]);
		}
		if (uarts[i].present)
			add_port(i);
	}
	add_interrupt(0);
	add_interrupt(1);
	if (uarts[0].present)
		serial_opened(&serial_ttys[0]);
}
