/* SPDX-License-Identifier: MIT
 *
 * System V shared memory: a file of tmpfs without a name, found by number or key.
 *
 * Its memory is charged when it is made (not with SHM_NORESERVE), its pages lie in the page cache and go to swap like any
 * other's. Each shmat opens the file anew, for reading or for both, and maps it; the areas of such a file are counted
 * (FMODE_ATTACH, mm/virt tells by shm_attached), through fork, split, munmap and exit, and that is nattch.
 *
 * Life: IPC_RMID hides the key and marks it (SHM_DEST); it leaves the table with the last area, or at once without any.
 * SHM_LOCK keeps the scanner off its pages (MAPPING_LOCKED) and counts against RLIMIT_MEMLOCK of who locks; the pages stay
 * on their lists, so the scanner passes over them.
 */
#include "kernel/ipc/internal.h"
#include "kernel/lib/vsprintf.h"
#include "kernel/sys/cred.h"
#include "mm/virt/mm.h"
#include <asm/shmbuf.h>
#include <linux/mman.h>

/* shm(2): <linux/shm.h> wants libc */
enum { SHM_HUGETLB = 04000, SHM_NORESERVE = 010000, SHM_RDONLY = 010000, SHM_RND = 020000, SHM_REMAP = 040000, SHM_EXEC = 0100000 };
enum { SHM_LOCK = 11, SHM_UNLOCK, SHM_STAT, SHM_INFO, SHM_STAT_ANY };
enum { SHM_DEST = 01000, SHM_LOCKED = 02000 }; /* in the mode */
struct shm_info { int used_ids; unsigned long tot, rss, swp, swap_attempts, swap_successes; };
#define SHMLBA PAGE_SIZE

unsigned long sysctl_shmmax = ~0UL - (1UL << 24), sysctl_shmall = ~0UL - (1UL << 24);
u32 sysctl_shmmni = 4096;

struct shm {
	struct ipc_object o;
	struct file *file;             /* f: reference */
	size_t size;                   /* f: bytes asked for */
	u32 nattch;                    /* l: areas, and shmat under way */
	pid_t cpid, lpid;              /* l */
	s64 atime, dtime, ctime;       /* l: seconds */
	struct user *locker;           /* l: whose locked_shm counts it; reference */
	bool charged;                  /* f */
};
static void free_shm(struct ipc_object *o);
static void fill_stat(const struct ipc_object *o, void *stat);
static struct ipc_kind shm_kind = {
	.max = &sysctl_shmmni, .free = free_shm, .fill_stat = fill_stat, .stat_bytes = sizeof(struct shmid64_ds), .stat_any = SHM_STAT_ANY,
};

static struct shm *shm_of(struct ipc_object *o) { return container_of(o, struct shm, o); }
static unsigned long pages_of(size_t size) { return (size >> PAGE_SHIFT) + ((size & ~PAGE_MASK) != 0); }

/* --- making and freeing --------------------------------------------------------------------------------------------- */
static void unlock_pages(struct shm *s)
{
	if (!s->locker)
		return;
	atomic_sub((int)pages_of(s->size), &s->locker->locked_shm);
	put_user_of(s->locker);
	s->locker = NULL;
}

static void free_shm(struct ipc_object *o)
{
	struct shm *s = shm_of(o);

	unlock_pages(s);
	if (s->charged)
		vm_uncharge(pages_of(s->size));
	if (s->file)
		put_file(s->file);
	atomic_sub((int)pages_of(s->size), &shm_kind.total);
}

static struct ipc_object *make_shm(const struct ipc_request *r, key_t key)
{
	unsigned long pages = pages_of(r->size);
	struct shm *s;
	char name[16];
	int err;

	if (!r->size || r->size > sysctl_shmmax || r->flags & SHM_HUGETLB)
		return ERR_PTR(-EINVAL);
	if (pages > sysctl_shmall || (u32)atomic_read(&shm_kind.total) > sysctl_shmall - pages)
		return ERR_PTR(-ENOSPC);
	s = ipc_new(sizeof(*s), key, r->flags);
	if (!s)
		return ERR_PTR(-ENOMEM);
	s->size = r->size;
	s->cpid = current->group->tgid;
	s->ctime = ipc_seconds();
	atomic_add((int)pages, &shm_kind.total);
	err = r->flags & SHM_NORESERVE && sysctl_overcommit_memory != 2 ? 0 : vm_charge(pages);
	s->charged = !err && !(r->flags & SHM_NORESERVE && sysctl_overcommit_memory != 2);
	snprintf(name, sizeof(name), "SYSV%08x", (u32)key);
	s->file = err ? NULL : shmem_file(name, (loff_t)s->size, 0);
	if (!err && !IS_ERR(s->file))
		return &s->o;
	err = err ? err : PTR_ERR(s->file);
	s->file = NULL;
	ipc_put(&shm_kind, &s->o);
	return ERR_PTR(err);
}

static int shm_fits(const struct ipc_request *r, const struct ipc_object *o)
{
	return r->size > container_of(o, struct shm, o)->size ? -EINVAL : 0;
}

SYSCALL(shmget, key_t key, size_t size, int flags)
{
	struct ipc_request r = { size, flags, make_shm, shm_fits };

	return ipc_get(&shm_kind, key, &r);
}

/* Marked and not in use any more: out of the table. The caller has a reference, which goes. */
static void drop_if_unused(struct shm *s)
{
	mutex_lock(&shm_kind.lock);
	spin_lock(&s->o.lock);
	if (!s->o.gone && s->o.mode & SHM_DEST && !s->nattch)
		ipc_remove_locked(&shm_kind, &s->o);
	spin_unlock(&s->o.lock);
	mutex_unlock(&shm_kind.lock);
	ipc_put(&shm_kind, &s->o);
}

/* --- attaching -------------------------------------------------------------------------------------------------------- */
void shm_attached(struct file *f, int step)
{
	struct shm *s = f->private; /* in the table as long as it has areas */
	bool last;

	spin_lock(&s->o.lock);
	s->nattch += step;
	*(step > 0 ? &s->atime : &s->dtime) = ipc_seconds();
	s->lpid = current->group->tgid;
	last = !s->nattch && s->o.mode & SHM_DEST;
	if (last)
		atomic_inc(&s->o.refcount);
	spin_unlock(&s->o.lock);
	if (last)
		drop_if_unused(s);
}

/* => 0: it stays while we attach it; -errno */
static int hold(struct shm *s, int flags)
{
	int want = 0400 | (flags & SHM_RDONLY ? 0 : 0200) | (flags & SHM_EXEC ? 0100 : 0), err;

	spin_lock(&s->o.lock);
	err = s->o.gone ? -EIDRM : ipc_permitted(&s->o, want);
	if (!err)
		s->nattch++;
	spin_unlock(&s->o.lock);
	return err;
}

static long map_segment(struct shm *s, unsigned long addr, int flags)
{
	u32 prot = PROT_READ | (flags & SHM_RDONLY ? 0 : PROT_WRITE) | (flags & SHM_EXEC ? PROT_EXEC : 0);
	u32 map = MAP_SHARED | (!addr ? 0 : flags & SHM_REMAP ? MAP_FIXED : MAP_FIXED_NOREPLACE);
	struct path p = { s->file->mount, s->file->dentry };
	struct file *f = path_open(&p, (flags & SHM_RDONLY ? O_RDONLY : O_RDWR) | O_LARGEFILE);
	long at;

	if (IS_ERR(f))
		return PTR_ERR(f);
	f->mode |= FMODE_ATTACH;
	f->private = s;
	at = vm_mmap(f, addr, s->size, prot, map, pgoff_at(0));
	put_file(f);
	return at == -EEXIST ? -EINVAL : at;
}

long do_shmat(int id, unsigned long addr, int flags)
{
	struct ipc_object *o;
	long at;

	if (addr & (SHMLBA - 1)) {
		if (!(flags & SHM_RND))
			return -EINVAL;
		addr &= ~(SHMLBA - 1);
	}
	if (!addr && flags & SHM_REMAP)
		return -EINVAL;
	o = ipc_find(&shm_kind, id);
	if (IS_ERR(o))
		return PTR_ERR(o);
	at = hold(shm_of(o), flags);
	if (at) {
		ipc_put(&shm_kind, o);
		return at;
	}
	at = map_segment(shm_of(o), addr, flags);
	spin_lock(&o->lock);
	shm_of(o)->nattch--;
	spin_unlock(&o->lock);
	drop_if_unused(shm_of(o));
	return at;
}
SYSCALL(shmat, int id, unsigned long addr, int flags) { return do_shmat(id, addr, flags); }

/* Does v show the segment as attached at addr? */
static bool attached_at(const struct vma *v, unsigned long addr)
{
	return v->file && v->file->mode & FMODE_ATTACH && v->start >= addr && v->pgoff.n == (v->start - addr) >> MMU_PAGE_SHIFT;
}

/* mmap lock: write. What mremap or munmap have left of it. */
static int detach(struct mm *mm, unsigned long addr)
{
	struct vma *v = find_vma(mm, addr), *next;
	struct file *f;
	unsigned long end;
	int err = -EINVAL;

	while (v && !attached_at(v, addr))
		v = vma_next(v);
	if (!v)
		return -EINVAL;
	f = v->file;
	end = addr + (pages_of(((struct shm *)f->private)->size) << PAGE_SHIFT);
	for (; v && v->start < end; v = next) {
		next = vma_next(v);
		if (v->file != f || !attached_at(v, addr))
			continue;
		err = do_munmap(mm, v->start, v->end - v->start);
		if (err)
			return err;
	}
	return err;
}

SYSCALL(shmdt, unsigned long addr)
{
	struct mm *mm = current->mm;
	int err;

	if (addr & (SHMLBA - 1))
		return -EINVAL;
	if (mmap_write_lock_killable(mm, MM_ALL))
		return -EINTR;
	err = detach(mm, addr);
	mmap_write_unlock(mm, MM_ALL);
	return err;
}

/* --- shmctl: telling ---------------------------------------------------------------------------------------------------- */
static void fill_stat(const struct ipc_object *o, void *stat)
{
	const struct shm *s = container_of(o, struct shm, o);
	struct shmid64_ds *ds = stat;

	ds->shm_segsz = s->size;
	ds->shm_atime = (unsigned long)s->atime;
	ds->shm_atime_high = (unsigned long)(s->atime >> 32);
	ds->shm_dtime = (unsigned long)s->dtime;
	ds->shm_dtime_high = (unsigned long)(s->dtime >> 32);
	ds->shm_ctime = (unsigned long)s->ctime;
	ds->shm_ctime_high = (unsigned long)(s->ctime >> 32);
	ds->shm_cpid = s->cpid;
	ds->shm_lpid = s->lpid;
	ds->shm_nattch = s->nattch;
}

static void add_pages(void *arg, struct ipc_object *o)
{
	struct shm_info *i = arg;
	const struct address_space *m = shm_of(o)->file->mapping;

	i->used_ids++;
	i->tot += pages_of(shm_of(o)->size);
	i->rss += m->nr_pages;
	i->swp += m->nr_values;
}

static long info(int cmd, void __user *buf)
{
	struct shminfo64 limits = { .shmmax = sysctl_shmmax, .shmmin = 1, .shmmni = sysctl_shmmni, .shmseg = sysctl_shmmni, .shmall = sysctl_shmall };
	struct shm_info use = { 0 };

	if (cmd == SHM_INFO)
		ipc_each(&shm_kind, add_pages, &use);
	if (cmd == SHM_INFO ? copy_to_user(buf, &use, sizeof(use)) : copy_to_user(buf, &limits, sizeof(limits)))
		return -EFAULT;
	return ipc_last_index(&shm_kind);
}

/* --- shmctl: changing ----------------------------------------------------------------------------------------------------- */
static long remove(struct shm *s)
{
	mutex_lock(&shm_kind.lock);
	spin_lock(&s->o.lock);
	if (!s->o.gone) {
		s->o.mode |= SHM_DEST;
		if (s->nattch)
			ipc_hide_key(&s->o);
		else
			ipc_remove_locked(&shm_kind, &s->o);
	}
	spin_unlock(&s->o.lock);
	mutex_unlock(&shm_kind.lock);
	return 0;
}

static void set_mapping_locked(struct address_space *m, bool on)
{
	spin_lock(&m->tree_lock);
	m->flags = on ? m->flags | MAPPING_LOCKED : m->flags & ~MAPPING_LOCKED;
	spin_unlock(&m->tree_lock);
}

/* => user with the pages counted, ERR_PTR. One at a time: two segments have two locks, and each might find room for itself. */
static struct user *charge_lock(struct shm *s)
{
	static DEFINE_SPINLOCK(one_charges);
	unsigned long limit = rlimit(RLIMIT_MEMLOCK), pages = pages_of(s->size);
	bool bound = limit != RLIM_INFINITY && !capable(CAP_IPC_LOCK), fits;
	struct user *u = current_cred()->user;

	spin_lock(&one_charges);
	fits = !bound || atomic_read(&u->locked_shm) + pages <= limit >> PAGE_SHIFT;
	if (fits)
		atomic_add((int)pages, &u->locked_shm);
	spin_unlock(&one_charges);
	if (!fits)
		return ERR_PTR(-ENOMEM);
	atomic_inc(&u->refcount);
	return u;
}

static long lock_segment(struct shm *s, bool on)
{
	struct user *u;
	long err = 0;

	if (!capable(CAP_IPC_LOCK)) {
		uid_t euid = current_cred()->euid;

		if ((euid != s->o.uid && euid != s->o.cuid) || (on && !rlimit(RLIMIT_MEMLOCK)))
			return -EPERM;
	}
	spin_lock(&s->o.lock);
	if (s->o.gone) {
		err = -EIDRM;
	} else if (on && !s->locker) {
		u = charge_lock(s);
		err = IS_ERR(u) ? PTR_ERR(u) : 0;
		s->locker = err ? NULL : u;
	} else if (!on) {
		unlock_pages(s);
	}
	if (!err) {
		s->o.mode = on ? s->o.mode | SHM_LOCKED : s->o.mode & ~SHM_LOCKED;
		set_mapping_locked(s->file->mapping, on);
	}
	spin_unlock(&s->o.lock);
	return err;
}

static long change(int id, int cmd, const struct shmid64_ds *ds)
{
	struct ipc_object *o = ipc_find(&shm_kind, id);
	long err;

	if (IS_ERR(o))
		return PTR_ERR(o);
	err = cmd == SHM_LOCK || cmd == SHM_UNLOCK ? 0 : ipc_owner(o);
	if (!err && cmd == IPC_RMID) {
		err = remove(shm_of(o));
	} else if (!err && cmd == IPC_SET) {
		spin_lock(&o->lock);
		err = ipc_perm_in(o, &ds->shm_perm);
		if (!err)
			shm_of(o)->ctime = ipc_seconds();
		spin_unlock(&o->lock);
	} else if (!err) {
		err = lock_segment(shm_of(o), cmd == SHM_LOCK);
	}
	ipc_put(&shm_kind, o);
	return err;
}

long do_shmctl(int id, int cmd, void __user *buf)
{
	struct shmid64_ds ds;

	if (id < 0 || cmd < 0)
		return -EINVAL;
	switch (cmd) {
	case IPC_INFO: case SHM_INFO:
		return info(cmd, buf);
	case IPC_STAT: case SHM_STAT: case SHM_STAT_ANY:
		return ipc_stat(&shm_kind, id, cmd, buf);
	case IPC_SET:
		if (copy_from_user(&ds, buf, sizeof(ds)))
			return -EFAULT;
		return change(id, cmd, &ds);
	case IPC_RMID: case SHM_LOCK: case SHM_UNLOCK:
		return change(id, cmd, NULL);
	}
	return -EINVAL;
}
SYSCALL(shmctl, int id, int cmd, void __user *buf) { return do_shmctl(id, cmd, buf); }

/* --- /proc/sysvipc/shm -------------------------------------------------------------------------------------------------------- */
static void show_one(void *arg, struct ipc_object *o)
{
	struct shm *s = shm_of(o);
	const struct address_space *m = s->file->mapping;

	seq_printf(arg, "%10d %10d  %4o %10lu %5u %5u  %5lu %5u %5u %5u %5u %10llu %10llu %10llu %10lu %10lu\n", o->key, o->id, o->mode,
		   (unsigned long)s->size, s->cpid, s->lpid, (unsigned long)s->nattch, o->uid, o->gid, o->cuid, o->cgid, s->atime, s->dtime,
		   s->ctime, m->nr_pages << PAGE_SHIFT, m->nr_values << PAGE_SHIFT);
}

void sysvipc_shm_show(struct seq *q)
{
	seq_puts(q, "       key      shmid perms       size  cpid  lpid nattch   uid   gid  cuid  cgid      atime      dtime      ctime"
		    "        rss       swap\n");
	ipc_each(&shm_kind, show_one, q);
}

void __init shm_init(void) { mutex_init(&shm_kind.lock, "shm"); }
