/* SPDX-License-Identifier: MIT
 *
 * virtio-blk on PCI (Virtual I/O Device specification 1.1: 4.1 PCI, 2.6 split queues, 5.2 block device), modern interface only.
 *
 * One queue. A command is a chain of descriptors: header, data, status byte. Addresses have 64 bits: every page of the
 * machine is within reach. Free descriptors are linked through `next`; header and status of a command stand in arrays by
 * its first descriptor. When there are too few free ones start() says so and the next end asks again.
 *
 * Interrupt: the PCI line (level, shared); reading the ISR byte acknowledges it. It takes what is in the used ring off it
 * and reports the ends. The line's number is what firmware wrote into INTERRUPT_LINE (see drivers/bus).
 *
 * Lock: disk->lock for descriptors and rings. No time-out: the device is the hypervisor's, which has its own.
 */
#include "arch/i386/io.h"
#include "arch/i386/traps.h"
#include "drivers/block/internal.h"
#include "drivers/bus/pci.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include <linux/virtio_blk.h>
#include <linux/virtio_config.h>
#include <linux/virtio_pci.h>
#include <linux/virtio_ring.h>

#define PCI_CAP_VENDOR 9
#define MAX_QUEUE 256

struct vblk {
	struct disk disk;
	struct pci_device *pci;
	volatile char *common, *notify, *isr, *config;
	u32 notify_multiplier;
	unsigned size;              /* of the queue */
	struct vring_desc *desc;    /* lock; one allocation with the two rings */
	struct vring_avail *avail;
	volatile struct vring_used *used;
	unsigned order;             /* of that allocation */
	u16 free_head, nr_free;     /* lock */
	u16 used_seen;              /* lock */
	struct bio **heads;         /* lock; by first descriptor */
	struct virtio_blk_outhdr *headers;
	u8 *status;
	phys_t headers_phys, status_phys;
	u16 last;                   /* while a chain is built */
};

/* --- registers --------------------------------------------------------------------------------------------------------- */
static void set_status(struct vblk *v, u8 bits)
{
	mmio_write8(v->common + VIRTIO_PCI_COMMON_STATUS, bits ? mmio_read8(v->common + VIRTIO_PCI_COMMON_STATUS) | bits : 0);
}

static void write64(volatile char *at, u64 value)
{
	mmio_write32(at, (u32)value);
	mmio_write32(at + 4, value >> 32);
}

static u32 features(struct vblk *v, u32 word)
{
	mmio_write32(v->common + VIRTIO_PCI_COMMON_DFSELECT, word);
	return mmio_read32(v->common + VIRTIO_PCI_COMMON_DF);
}

static void accept(struct vblk *v, u32 word, u32 bits)
{
	mmio_write32(v->common + VIRTIO_PCI_COMMON_GFSELECT, word);
	mmio_write32(v->common + VIRTIO_PCI_COMMON_GF, bits);
}

/* => address of the part of a BAR that this capability describes; BARs are mapped once each */
static volatile char *map_part(struct vblk *v, u8 cap, volatile char *bars[6])
{
	u8 bar = pci_read8(v->pci->address, cap + 4);
	u32 offset = pci_read32(v->pci->address, cap + 8), length = pci_read32(v->pci->address, cap + 12);

	if (bar > 5 || (u64)offset + length > v->pci->bar[bar].size)
		return NULL;
	if (!bars[bar])
		bars[bar] = pci_map_bar(v->pci, bar);
	return bars[bar] ? bars[bar] + offset : NULL;
}

static int map_registers(struct vblk *v)
{
	volatile char *bars[6] = { NULL }, *at;

	for (u8 cap = pci_find_capability(v->pci, PCI_CAP_VENDOR, 0); cap; cap = pci_find_capability(v->pci, PCI_CAP_VENDOR, cap)) {
		u8 type = pci_read8(v->pci->address, cap + 3);

		if (type < VIRTIO_PCI_CAP_COMMON_CFG || type > VIRTIO_PCI_CAP_DEVICE_CFG)
			continue;
		at = map_part(v, cap, bars);
		if (type == VIRTIO_PCI_CAP_COMMON_CFG && !v->common)
			v->common = at;
		else if (type == VIRTIO_PCI_CAP_ISR_CFG && !v->isr)
			v->isr = at;
		else if (type == VIRTIO_PCI_CAP_DEVICE_CFG && !v->config)
			v->config = at;
		else if (type == VIRTIO_PCI_CAP_NOTIFY_CFG && !v->notify) {
			v->notify = at;
			v->notify_multiplier = pci_read32(v->pci->address, cap + 16);
		}
	}
	return v->common && v->notify && v->isr && v->config ? 0 : -ENODEV;
}

/* --- the queue ------------------------------------------------------------------------------------------------------------ */
static unsigned order_of(size_t bytes)
{
	unsigned order = 0;

	while (PAGE_SIZE << order < bytes)
		order++;
	return order;
}

static int alloc_queue(struct vblk *v)
{
	size_t bytes = vring_size(v->size, PAGE_SIZE);
	struct vring ring;
	void *p;

	v->order = order_of(bytes);
	p = alloc_low(GFP_KERNEL | __GFP_ZERO, v->order);
	if (!p)
		return -ENOMEM;
	vring_init(&ring, v->size, p, PAGE_SIZE);
	v->desc = ring.desc;
	v->avail = ring.avail;
	v->used = ring.used;
	v->heads = kzalloc(v->size * sizeof(*v->heads), GFP_KERNEL);
	v->headers = kzalloc(v->size * sizeof(*v->headers), GFP_KERNEL);
	v->status = kzalloc(v->size, GFP_KERNEL);
	if (!v->heads || !v->headers || !v->status)
		return -ENOMEM;
	v->headers_phys = __pa(v->headers);
	v->status_phys = __pa(v->status);
	for (unsigned i = 0; i < v->size; i++)
		v->desc[i].next = i + 1;
	v->nr_free = v->size;
	return 0;
}

static int setup_queue(struct vblk *v)
{
	unsigned size;
	int err;

	mmio_write16(v->common + VIRTIO_PCI_COMMON_Q_SELECT, 0);
	size = mmio_read16(v->common + VIRTIO_PCI_COMMON_Q_SIZE);
	if (size < 4)
		return -ENODEV;
	v->size = min_t(unsigned, size, MAX_QUEUE);
	err = alloc_queue(v);
	if (err)
		return err;
	mmio_write16(v->common + VIRTIO_PCI_COMMON_Q_SIZE, v->size);
	write64(v->common + VIRTIO_PCI_COMMON_Q_DESCLO, __pa(v->desc));
	write64(v->common + VIRTIO_PCI_COMMON_Q_AVAILLO, __pa(v->avail));
	write64(v->common + VIRTIO_PCI_COMMON_Q_USEDLO, __pa((void *)v->used));
	v->notify += mmio_read16(v->common + VIRTIO_PCI_COMMON_Q_NOFF) * v->notify_multiplier;
	mmio_write16(v->common + VIRTIO_PCI_COMMON_Q_ENABLE, 1);
	return 0;
}

/* --- commands --------------------------------------------------------------------------------------------------------------- */
/* The next descriptor of the chain that is being built */
static struct vring_desc *put_desc(struct vblk *v, u64 addr, u32 bytes, u16 flags)
{
	struct vring_desc *d = &v->desc[v->free_head];

	v->last = v->free_head;
	v->free_head = d->next;
	v->nr_free--;
	d->addr = addr;
	d->len = bytes;
	d->flags = flags;
	return d;
}

struct build { struct vblk *v; u16 flags; };

static void put_data(void *arg, unsigned n, u64 addr, u32 bytes)
{
	struct build *b = arg;

	put_desc(b->v, addr, bytes, b->flags);
}

static bool start(struct disk *d, struct bio *head)
{
	struct vblk *v = d->private;
	enum bio_op op = bio_command(head);
	struct build b = { v, VRING_DESC_F_NEXT | (op == BIO_READ ? VRING_DESC_F_WRITE : 0) };
	u16 first = v->free_head;

	if (v->nr_free < head->all_nr + 2)
		return false;
	v->headers[first] = (struct virtio_blk_outhdr){
		.type = op == BIO_READ ? VIRTIO_BLK_T_IN : op == BIO_WRITE ? VIRTIO_BLK_T_OUT : VIRTIO_BLK_T_FLUSH,
		.sector = op == BIO_FLUSH ? 0 : head->sector,
	};
	v->status[first] = 0xff;
	v->heads[first] = head;
	put_desc(v, v->headers_phys + first * sizeof(v->headers[0]), sizeof(v->headers[0]), VRING_DESC_F_NEXT);
	if (op != BIO_FLUSH)
		bio_stretches(head, d->max_bytes, 0, put_data, &b);
	put_desc(v, v->status_phys + first, 1, VRING_DESC_F_WRITE);
	v->avail->ring[v->avail->idx % v->size] = first;
	smp_wmb();
	WRITE_ONCE(v->avail->idx, v->avail->idx + 1);
	return true;
}

static void commit(struct disk *d)
{
	struct vblk *v = d->private;

	smp_mb();
	if (!(v->used->flags & VRING_USED_F_NO_NOTIFY))
		mmio_write16(v->notify, 0);
}

static void free_chain(struct vblk *v, u16 first)
{
	u16 at = first;

	for (v->nr_free++; v->desc[at].flags & VRING_DESC_F_NEXT; v->nr_free++)
		at = v->desc[at].next;
	v->desc[at].next = v->free_head;
	v->free_head = first;
}

/* => the next command that has ended, NULL: none. lock held */
static struct bio *take_used(struct vblk *v, int *error)
{
	struct bio *head;
	u32 id;

	if (v->used_seen == READ_ONCE(v->used->idx))
		return NULL;
	smp_rmb();
	id = v->used->ring[v->used_seen++ % v->size].id;
	head = id < v->size ? v->heads[id] : NULL;
	if (WARN_ON_ONCE(!head))
		return NULL;
	*error = v->status[id] == VIRTIO_BLK_S_OK ? 0 : v->status[id] == VIRTIO_BLK_S_UNSUPP ? -EOPNOTSUPP : -EIO;
	v->heads[id] = NULL;
	free_chain(v, id);
	return head;
}

static void interrupt(void *arg)
{
	struct vblk *v = arg;
	struct bio *head;
	int error;

	if (!mmio_read8(v->isr))
		return;
	for (;;) {
		spin_lock(&v->disk.lock);
		head = take_used(v, &error);
		spin_unlock(&v->disk.lock);
		if (!head)
			return;
		block_done(&v->disk, head, error);
	}
}

static const struct disk_ops ops = { .start = start, .commit = commit };

/* --- finding it ----------------------------------------------------------------------------------------------------------------- */
static int negotiate(struct vblk *v)
{
	u32 low = features(v, 0), want = low & (1U << VIRTIO_BLK_F_SEG_MAX | 1U << VIRTIO_BLK_F_RO | 1U << VIRTIO_BLK_F_BLK_SIZE |
						1U << VIRTIO_BLK_F_FLUSH);

	if (!(features(v, 1) & 1U << (VIRTIO_F_VERSION_1 - 32)))
		return -ENODEV;
	accept(v, 0, want);
	accept(v, 1, 1U << (VIRTIO_F_VERSION_1 - 32));
	set_status(v, VIRTIO_CONFIG_S_FEATURES_OK);
	if (!(mmio_read8(v->common + VIRTIO_PCI_COMMON_STATUS) & VIRTIO_CONFIG_S_FEATURES_OK))
		return -ENODEV;
	v->disk.read_only = want & 1U << VIRTIO_BLK_F_RO;
	v->disk.flush = want & 1U << VIRTIO_BLK_F_FLUSH;
	v->disk.block_size = want & 1U << VIRTIO_BLK_F_BLK_SIZE ?
		mmio_read32(v->config + offsetof(struct virtio_blk_config, blk_size)) : SECTOR_SIZE;
	v->disk.max_pieces = want & 1U << VIRTIO_BLK_F_SEG_MAX ?
		mmio_read32(v->config + offsetof(struct virtio_blk_config, seg_max)) : 1;
	return 0;
}

static sector_t read_capacity(struct vblk *v)
{
	u32 low, high;

	do {
		high = mmio_read32(v->config + 4);
		low = mmio_read32(v->config);
	} while (high != mmio_read32(v->config + 4));
	return (u64)high << 32 | low;
}

static int start_device(struct vblk *v)
{
	int err = map_registers(v);

	if (err)
		return err;
	set_status(v, 0);
	while (mmio_read8(v->common + VIRTIO_PCI_COMMON_STATUS))
		barrier();
	set_status(v, VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER);
	err = negotiate(v);
	if (!err)
		err = setup_queue(v);
	if (err)
		return err;
	v->disk.max_pieces = max(min(v->disk.max_pieces, v->size - 2), 1U);
	v->disk.max_bytes = 1 << 20;
	v->disk.sectors = read_capacity(v);
	return 0;
}

static void free_device(struct vblk *v)
{
	if (v->common)
		set_status(v, 0);
	if (v->desc)
		free_low(v->desc, v->order);
	kfree(v->heads);
	kfree(v->headers);
	kfree(v->status);
	kfree(v);
}

static int add(struct pci_device *pci)
{
	struct vblk *v = kzalloc(sizeof(*v), GFP_KERNEL);
	int err;

	if (!v)
		return -ENOMEM;
	v->pci = pci;
	v->disk.ops = &ops;
	v->disk.prefix = "vd";
	v->disk.private = v;
	strlcpy(v->disk.model, "virtio", sizeof(v->disk.model));
	pci_enable(pci, true);
	err = start_device(v);
	if (!err)
		err = request_irq(pci->gsi, interrupt, v, "virtio-blk", true);
	if (err) {
		free_device(v);
		return err;
	}
	set_status(v, VIRTIO_CONFIG_S_DRIVER_OK);
	err = disk_register(&v->disk); /* the handler stays: so does v */
	return err;
}

void __init virtio_blk_init(void)
{
	for_each_pci_device(d) {
		int err;

		if (d->vendor != 0x1af4 || (d->device != 0x1001 && d->device != 0x1042))
			continue;
		err = add(d);
		if (err)
			pr_err("virtio-blk at %02x:%02x.%x: error %d\n", d->address >> 16, d->address >> 11 & 31, d->address >> 8 & 7, err);
	}
}
