/* SPDX-License-Identifier: MIT
 *
 * ATA disks behind the PCI IDE function of the PIIX3 and its like (interface with bus master at BAR 4), in compatibility mode: ports 1F0h
 * and 170h, interrupts 14 and 15. ATA/ATAPI-7, "Programming Interface for Bus Master IDE Controller" 1.0.
 *
 * A channel has two drives and does one command at a time. Data moves by bus-master DMA along a table of 32-bit addresses (PRDs), so pages
 * beyond 4 GB are bounced (disk->max_pfn). PIO is used for IDENTIFY alone, at boot. Timing modes are what firmware set.
 *
 * A command ends by interrupt; the handler reads status (which acknowledges) and reports it. If none comes within `ata.timeout`, a
 * timer wakes the channel's thread: it resets the channel and reports the command as failed; the layer gives it again.
 * While the thread is at it (state RESETTING) nothing is started. A command that the device itself calls failed is
 * reported as it is; if the device stays busy after it, the channel is reset as well.
 *
 * Locks: disk->lock > channel->lock (irqs off): state, command. ATAPI devices are named and left alone.
 */
#include "arch/i386/io.h"
#include "arch/i386/traps.h"
#include "drivers/block/internal.h"
#include "drivers/bus/pci.h"
#include "kernel/lib/param.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/sched/sched.h"
#include "kernel/time/clock.h"
#include "kernel/time/timer.h"

enum { REG_DATA, REG_ERROR, REG_COUNT, REG_LBA0, REG_LBA1, REG_LBA2, REG_DEVICE, REG_STATUS, REG_COMMAND = REG_STATUS };
enum { BM_COMMAND = 0, BM_STATUS = 2, BM_TABLE = 4 };
enum { BM_START = 1, BM_TO_MEMORY = 8, BM_ERROR = 2, BM_INTERRUPT = 4 };
enum { ST_ERR = 1, ST_DRQ = 8, ST_FAULT = 0x20, ST_READY = 0x40, ST_BUSY = 0x80 };
enum { CTL_NO_IRQ = 2, CTL_RESET = 4 };
enum { CMD_READ_DMA = 0xc8, CMD_WRITE_DMA = 0xca, CMD_READ_DMA_EXT = 0x25, CMD_WRITE_DMA_EXT = 0x35, CMD_FLUSH = 0xe7,
       CMD_FLUSH_EXT = 0xea, CMD_IDENTIFY = 0xec };
#define PRD_LAST 0x80000000U
#define MAX_PIECES 256
#define RESET_SECONDS 31 /* that a drive may take after a reset */

struct prd { u32 addr, bytes; };
static_assert(MAX_PIECES * sizeof(struct prd) <= 4096, "the table lies in one page");

enum channel_state { IDLE, RUNNING, RESETTING };
struct drive {
	struct disk disk;
	struct channel *channel;
	u8 unit;
	bool lba48;
};
struct channel {
	u16 port, control, bm;
	u8 irq;
	spinlock_t lock;
	enum channel_state state;   /* lock */
	struct drive *drive;        /* lock: whose command it is */
	struct bio *head;           /* lock */
	u64 deadline;               /* lock */
	struct prd *prd;
	struct hrtimer timer;
	struct wait_queue wait;     /* the thread */
	bool wanted;                /* lock: the thread has work */
	struct drive *drives[2];
};

static u32 timeout = 10;
PARAM_UINT("ata.timeout", timeout, 1, 120, "seconds until an ATA command is given up and the channel reset");

/* --- registers ------------------------------------------------------------------------------------------------------------ */
static u8 status_alt(struct channel *c) { return inb(c->control); }
static void settle(struct channel *c)
{
	for (unsigned i = 0; i < 4; i++) /* 400 ns */
		status_alt(c);
}

/* => status once it is not busy; busy still set: the time ran out. At boot and in the thread */
static u8 wait_ready(struct channel *c, u64 ns)
{
	u64 end = ktime_get() + ns;

	while (status_alt(c) & ST_BUSY && ktime_get() < end)
		usleep(1000);
	return status_alt(c);
}

/* --- commands (channel->lock held) --------------------------------------------------------------------------------------------- */
static void put_prd(void *arg, unsigned n, u64 addr, u32 bytes)
{
	struct channel *c = arg;

	c->prd[n] = (struct prd){ (u32)addr, bytes & 0xffff }; /* 0: 64 KB */
}

static void load_address(struct channel *c, const struct drive *d, sector_t lba, u32 count)
{
	u8 device = 0xe0 | d->unit << 4;

	if (d->lba48) {
		outb(c->port + REG_COUNT, count >> 8);
		outb(c->port + REG_LBA0, lba >> 24);
		outb(c->port + REG_LBA1, lba >> 32);
		outb(c->port + REG_LBA2, lba >> 40);
	} else {
		device |= lba >> 24 & 15;
		outb(c->port + REG_DEVICE, device);
	}
	outb(c->port + REG_COUNT, count);
	outb(c->port + REG_LBA0, lba);
	outb(c->port + REG_LBA1, lba >> 8);
	outb(c->port + REG_LBA2, lba >> 16);
}

static void issue_dma(struct channel *c, struct drive *d, struct bio *head)
{
	bool read = head->op == BIO_READ;
	unsigned n = bio_stretches(head, 0x10000, 0x10000, put_prd, c);

	c->prd[n - 1].bytes |= PRD_LAST;
	outb(c->bm + BM_COMMAND, 0);
	outl(c->bm + BM_TABLE, __pa(c->prd));
	outb(c->bm + BM_STATUS, (inb(c->bm + BM_STATUS) & 0x60) | BM_INTERRUPT | BM_ERROR);
	outb(c->bm + BM_COMMAND, read ? BM_TO_MEMORY : 0);
	load_address(c, d, head->sector, head->all_bytes >> SECTOR_SHIFT);
	outb(c->port + REG_COMMAND, d->lba48 ? (read ? CMD_READ_DMA_EXT : CMD_WRITE_DMA_EXT) : (read ? CMD_READ_DMA : CMD_WRITE_DMA));
	outb(c->bm + BM_COMMAND, (read ? BM_TO_MEMORY : 0) | BM_START);
}

static void issue(struct channel *c, struct drive *d, struct bio *head)
{
	outb(c->port + REG_DEVICE, 0xe0 | d->unit << 4);
	settle(c);
	if (bio_command(head) == BIO_FLUSH) {
		outb(c->bm + BM_STATUS, (inb(c->bm + BM_STATUS) & 0x60) | BM_INTERRUPT | BM_ERROR);
		outb(c->port + REG_COMMAND, d->lba48 ? CMD_FLUSH_EXT : CMD_FLUSH);
	} else {
		issue_dma(c, d, head);
	}
}

static bool start(struct disk *disk, struct bio *head)
{
	struct drive *d = disk->private;
	struct channel *c = d->channel;
	bool idle;

	spin_lock(&c->lock);
	idle = c->state == IDLE;
	if (idle) {
		c->state = RUNNING;
		c->drive = d;
		c->head = head;
		c->deadline = ktime_get() + timeout * (u64)NSEC_PER_SEC;
		if (!hrtimer_active(&c->timer))
			hrtimer_start(&c->timer, c->deadline);
		if (!(head->flags & BIO_LOSE))
			issue(c, d, head);
	}
	spin_unlock(&c->lock);
	return idle;
}

/* --- ends ---------------------------------------------------------------------------------------------------------------------------- */
/* The drives take turns: the other one first. No lock held. */
static void report(struct channel *c, struct drive *d, struct bio *head, int error)
{
	struct drive *other = c->drives[!d->unit];

	if (other && !READ_ONCE(other->disk.whole.disk))
		other = NULL; /* not registered yet */
	if (other)
		block_kick(&other->disk);
	block_done(&d->disk, head, error);
	if (other)
		block_kick(&other->disk);
}

static void need_reset(struct channel *c)
{
	c->state = RESETTING;
	c->wanted = true;
	wake_up(&c->wait);
}

/* => true: it was a command's end; lock held */
static bool acknowledge(struct channel *c, int *error)
{
	bool dma = bio_command(c->head) != BIO_FLUSH;
	u8 bm = inb(c->bm + BM_STATUS), status;

	if (c->head->flags & BIO_LOSE || (dma && !(bm & BM_INTERRUPT)) || status_alt(c) & ST_BUSY)
		return false;
	if (dma)
		outb(c->bm + BM_COMMAND, 0);
	status = inb(c->port + REG_STATUS);
	outb(c->bm + BM_STATUS, (bm & 0x60) | BM_INTERRUPT | BM_ERROR);
	*error = status & (ST_ERR | ST_FAULT | ST_DRQ) || (dma && bm & BM_ERROR) ? -EIO : 0;
	if (status & ST_DRQ) { /* it wants to go on: out of step */
		need_reset(c);
		return false;
	}
	return true;
}

static void interrupt(void *arg)
{
	struct channel *c = arg;
	struct drive *d = NULL;
	struct bio *head = NULL;
	unsigned long flags;
	int error = 0;

	spin_lock_irqsave(&c->lock, flags);
	if (c->state == RUNNING && acknowledge(c, &error)) {
		d = c->drive;
		head = c->head;
		c->state = IDLE;
	} else if (c->state == IDLE) {
		inb(c->port + REG_STATUS); /* nobody's: quiet */
	}
	spin_unlock_irqrestore(&c->lock, flags);
	if (head)
		report(c, d, head, error);
}

static void timer_fired(struct hrtimer *t)
{
	struct channel *c = container_of(t, struct channel, timer);
	unsigned long flags;

	spin_lock_irqsave(&c->lock, flags);
	if (c->state == RUNNING && ktime_get() >= c->deadline)
		need_reset(c);
	else if (c->state == RUNNING)
		hrtimer_start(&c->timer, c->deadline); /* a later command's turn */
	spin_unlock_irqrestore(&c->lock, flags);
}

/* --- the thread: resets ------------------------------------------------------------------------------------------------------------------ */
static int reset(struct channel *c)
{
	u8 status;

	outb(c->bm + BM_COMMAND, 0);
	outb(c->control, CTL_RESET);
	udelay(10);
	outb(c->control, 0);
	msleep(2);
	status = wait_ready(c, RESET_SECONDS * (u64)NSEC_PER_SEC);
	inb(c->port + REG_STATUS);
	outb(c->bm + BM_STATUS, (inb(c->bm + BM_STATUS) & 0x60) | BM_INTERRUPT | BM_ERROR);
	return status & ST_BUSY ? -EIO : 0;
}

static void recover(struct channel *c)
{
	struct drive *d = c->drive;
	struct bio *head = c->head;
	int err;

	pr_warn("%s: command at sector %llu did not end: reset\n", d->disk.whole.name, head->sector);
	err = reset(c);
	if (err)
		pr_err("%s: busy for good after a reset\n", d->disk.whole.name);
	spin_lock_irq(&c->lock);
	c->wanted = false;
	c->state = IDLE;
	spin_unlock_irq(&c->lock);
	report(c, d, head, -ETIMEDOUT);
}

static int channel_thread(void *arg)
{
	struct channel *c = arg;

	for (;;) {
		(void)wait_event_interruptible(&c->wait, READ_ONCE(c->wanted));
		if (READ_ONCE(c->wanted))
			recover(c);
	}
	return 0;
}

/* --- finding drives -------------------------------------------------------------------------------------------------------------------------- */
/* => 1: id holds what the drive says; 0: no disk there */
static int identify(struct channel *c, u8 unit, u16 id[256])
{
	u8 status, mid, high;

	outb(c->port + REG_DEVICE, 0xa0 | unit << 4);
	settle(c);
	status = status_alt(c);
	if (status == 0xff || !status || wait_ready(c, NSEC_PER_SEC) & ST_BUSY)
		return 0;
	outb(c->port + REG_COUNT, 0);
	outb(c->port + REG_LBA0, 0);
	outb(c->port + REG_LBA1, 0);
	outb(c->port + REG_LBA2, 0);
	outb(c->port + REG_COMMAND, CMD_IDENTIFY);
	settle(c);
	if (!status_alt(c))
		return 0;
	status = wait_ready(c, NSEC_PER_SEC);
	mid = inb(c->port + REG_LBA1);
	high = inb(c->port + REG_LBA2);
	if ((mid == 0x14 && high == 0xeb) || (mid == 0x69 && high == 0x96)) {
		pr_info("ATA: %s %s is an ATAPI device: ignored\n", c->irq == 14 ? "primary" : "secondary", unit ? "slave" : "master");
		return 0;
	}
	if (status & (ST_BUSY | ST_ERR) || !(status & ST_DRQ))
		return 0;
	insw(c->port + REG_DATA, id, 256);
	inb(c->port + REG_STATUS);
	return 1;
}

static void copy_model(char *to, const u16 *id)
{
	int n = 40;

	for (unsigned i = 0; i < 20; i++) {
		to[2 * i] = id[27 + i] >> 8;
		to[2 * i + 1] = id[27 + i];
	}
	while (n && (to[n - 1] == ' ' || !to[n - 1]))
		n--;
	to[n] = 0;
}

static bool describe(struct drive *d, const u16 *id)
{
	struct disk *k = &d->disk;

	d->lba48 = id[83] & 0x400;
	k->sectors = d->lba48 ? id[100] | (u32)id[101] << 16 | (u64)id[102] << 32 | (u64)id[103] << 48 : id[60] | (u32)id[61] << 16;
	k->max_bytes = (d->lba48 ? 1024 : 256) * SECTOR_SIZE;
	k->max_pieces = MAX_PIECES;
	k->max_pfn = pfn_at(1ULL << 32);
	k->flush = id[83] & (d->lba48 ? 0x2000 : 0x1000);
	k->block_size = SECTOR_SIZE;
	copy_model(k->model, id);
	return id[49] & 0x100 && id[49] & 0x200 && k->sectors; /* DMA and LBA */
}

static struct drive *probe(struct channel *c, u8 unit)
{
	static const struct disk_ops ops = { .start = start, .has_timeout = true };
	struct drive *d = kzalloc(sizeof(*d), GFP_KERNEL);
	u16 *id = kmalloc(512, GFP_KERNEL);

	if (d && id && identify(c, unit, id)) {
		d->channel = c;
		d->unit = unit;
		d->disk.ops = &ops;
		d->disk.prefix = "sd";
		d->disk.private = d;
		if (describe(d, id)) {
			kfree(id);
			return d;
		}
		pr_warn("ATA: a drive without LBA or DMA (%s): ignored\n", d->disk.model);
	} else if (!d || !id) {
		pr_err("ATA: no memory\n");
	}
	kfree(id);
	kfree(d);
	return NULL;
}

static int start_channel(struct channel *c)
{
	struct task *t;
	int err;

	c->prd = alloc_low(GFP_KERNEL, 0);
	if (!c->prd)
		return -ENOMEM;
	t = kthread_run(channel_thread, c, "ata/%u", c->irq - 14);
	if (IS_ERR(t)) {
		free_low(c->prd, 0);
		return PTR_ERR(t);
	}
	err = request_irq(c->irq, interrupt, c, c->irq == 14 ? "ata0" : "ata1", false);
	if (err)
		pr_err("ATA: no interrupt %u: %d\n", c->irq, err);
	else
		outb(c->control, 0); /* interrupts on */
	return err;
}

static void add_channel(struct pci_device *pci, unsigned n)
{
	struct channel *c = kzalloc(sizeof(*c), GFP_KERNEL);

	if (!c)
		return;
	*c = (struct channel){ .port = n ? 0x170 : 0x1f0, .control = n ? 0x376 : 0x3f6, .irq = 14 + n,
			       .bm = (u16)(pci->bar[4].start + 8 * n) };
	spin_lock_init(&c->lock, "ata channel");
	wait_queue_init(&c->wait);
	hrtimer_init(&c->timer, timer_fired);
	outb(c->control, CTL_NO_IRQ);
	for (u8 unit = 0; unit < 2; unit++)
		c->drives[unit] = probe(c, unit);
	if ((!c->drives[0] && !c->drives[1]) || start_channel(c)) {
		kfree(c->drives[0]);
		kfree(c->drives[1]);
		c->drives[0] = c->drives[1] = NULL;
		return; /* c stays: its thread may have it */
	}
	for (unsigned unit = 0; unit < 2; unit++)
		if (c->drives[unit] && disk_register(&c->drives[unit]->disk))
			pr_err("ATA: no memory for a disk\n");
}

void __init ata_init(void)
{
	struct pci_device *pci = pci_find_class(NULL, 1, 1);

	if (!pci)
		return;
	if (!pci->bar[4].size || !pci->bar[4].io || pci->interface & 5) {
		pr_warn("IDE at %02x:%02x: no bus master, or native mode: ignored\n", pci->address >> 16, pci->address >> 11 & 31);
		return;
	}
	pci_enable(pci, true);
	add_channel(pci, 0);
	add_channel(pci, 1);
}
