/* SPDX-License-Identifier: MIT
 *
 * /proc/kpagecount and kpageflags: eight bytes for each frame, how often it is mapped and what it is. The numbers of the
 * flags are Linux's (linux/kernel-page-flags.h). Frames that are not opened yet count as free: nobody has used them.
 * Also /proc/kmsg, the log for one reader at a time.
 */
#include "kernel/lib/bitops.h"
#include "kernel/proc/internal.h"
#include "kernel/time/clock.h"
#include "mm/rmap/rmap.h"
#include <linux/kernel-page-flags.h>

#define ENTRIES 512U

static u64 page_count_of(pfn_t pfn)
{
	struct page *p;
	int count;

	if (!pfn_opened(pfn))
		return 0;
	p = pfn_to_page(pfn);
	if (page_slab(p) || page_table(p) || page_buddy(p) || !page_in_tables(p) || !try_get_page(p))
		return 0;
	count = page_uses(p);
	put_page(p);
	return max(count, 0);
}

static u64 lru_flags(struct page *p)
{
	u64 f = 0;

	if (page_lru(p))
		f |= BIT_ULL(KPF_LRU);
	if (page_active(p))
		f |= BIT_ULL(KPF_ACTIVE);
	if (page_referenced(p))
		f |= BIT_ULL(KPF_REFERENCED);
	if (page_mlocked(p))
		f |= BIT_ULL(KPF_UNEVICTABLE);
	if (page_in_tables(p))
		f |= BIT_ULL(KPF_MMAP);
	if (page_anon(p))
		f |= BIT_ULL(KPF_ANON);
	if (page_swapcache(p))
		f |= BIT_ULL(KPF_SWAPCACHE);
	if (page_swapbacked(p))
		f |= BIT_ULL(KPF_SWAPBACKED);
	return f;
}

static u64 page_flags_of(pfn_t pfn)
{
	struct page *p;
	u64 f = 0;

	if (!pfn_opened(pfn))
		return pfn.n < max_pfn.n ? BIT_ULL(KPF_NOPAGE) : 0;
	p = pfn_to_page(pfn);
	if (p == zero_page)
		f |= BIT_ULL(KPF_ZERO_PAGE);
	if (page_buddy(p))
		return BIT_ULL(KPF_BUDDY);
	if (page_slab(p))
		return BIT_ULL(KPF_SLAB);
	if (page_table(p))
		return BIT_ULL(KPF_PGTABLE);
	if (page_locked(p))
		f |= BIT_ULL(KPF_LOCKED);
	if (page_error(p))
		f |= BIT_ULL(KPF_ERROR);
	if (page_uptodate(p))
		f |= BIT_ULL(KPF_UPTODATE);
	if (page_dirty(p))
		f |= BIT_ULL(KPF_DIRTY);
	if (page_writeback(p))
		f |= BIT_ULL(KPF_WRITEBACK);
	return page_reserved(p) ? f : f | lru_flags(p);
}

static ssize_t read_frames(struct iov *to, loff_t *pos, u64 (*of)(pfn_t))
{
	ssize_t done = 0;
	u64 *buf;

	if (*pos & 7 || iov_count(to) & 7)
		return -EINVAL;
	buf = kmalloc(ENTRIES * sizeof(u64), GFP_KERNEL);
	if (!buf)
		return -ENOMEM;
	while (iov_count(to) && (u64)*pos / 8 < max_pfn.n) {
		pfn_t pfn = { (unsigned long)(*pos / 8) };
		unsigned n = min(ENTRIES, min_t(u32, iov_count(to) / 8, max_pfn.n - pfn.n));
		size_t got;

		for (unsigned i = 0; i < n; i++, pfn.n++)
			buf[i] = of(pfn);
		got = iov_copy_to(to, buf, n * sizeof(u64));
		done += got;
		*pos += got;
		if (got < n * sizeof(u64)) {
			done = done ? done : -EFAULT;
			break;
		}
		cond_resched();
	}
	kfree(buf);
	return done;
}

static ssize_t count_read(struct file *f, struct iov *to, loff_t *pos) { return read_frames(to, pos, page_count_of); }
static ssize_t flags_read(struct file *f, struct iov *to, loff_t *pos) { return read_frames(to, pos, page_flags_of); }
static loff_t frames_seek(struct file *f, loff_t off, int whence)
{
	return generic_llseek(f, off, whence, (loff_t)max_pfn.n * 8);
}
const struct file_ops kpagecount_ops = { .read = count_read, .llseek = frames_seek };
const struct file_ops kpageflags_ops = { .read = flags_read, .llseek = frames_seek };

/* --- kmsg -------------------------------------------------------------------------------------------------------------- */

static DEFINE_MUTEX(kmsg_lock);
static u64 kmsg_seq; /* kmsg_lock: what is read is gone for the next reader */

/* => -EAGAIN: another reader was faster */
static ssize_t kmsg_take(struct iov *to)
{
	struct log_record rec;
	char text[512], line[560];
	ssize_t len, n;
	u64 seq, sec;
	u32 ns;

	mutex_lock(&kmsg_lock);
	seq = kmsg_seq;
	len = log_read(&seq, &rec, text, sizeof(text));
	if (len < 0) {
		mutex_unlock(&kmsg_lock);
		return len;
	}
	sec = div_u64_rem(rec.time_ns, NSEC_PER_SEC, &ns);
	n = scnprintf(line, sizeof(line), "<%u>[%5llu.%06u] %.*s\n", rec.level, sec, ns / 1000, (int)min_t(ssize_t, len, sizeof(text)), text);
	if ((size_t)n > iov_count(to))
		n = -EINVAL;
	else if (iov_copy_to(to, line, n) < (size_t)n)
		n = -EFAULT;
	else
		kmsg_seq = seq;
	mutex_unlock(&kmsg_lock);
	return n;
}

static ssize_t kmsg_read(struct file *f, struct iov *to, loff_t *pos)
{
	ssize_t r;

	do {
		r = f->flags & O_NONBLOCK ? 0 : wait_event_interruptible(&log_wait, log_next_seq() > READ_ONCE(kmsg_seq));
		if (!r)
			r = kmsg_take(to);
	} while (r == -EAGAIN && !(f->flags & O_NONBLOCK));
	return r;
}

const struct file_ops kmsg_proc_ops = { .read = kmsg_read, .no_seek = true };
