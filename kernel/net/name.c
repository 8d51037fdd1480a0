/* SPDX-License-Identifier: MIT
 *
 * Names of sockets, and the table of all of them.
 *
 * A name of the file system is an inode of type socket, made by bind; connect walks the path to it, asks whether it may
 * write to it, and finds the socket by inode. An abstract name (its first byte is NUL) is only in the table, once for
 * each type of socket. The table's chains hold every socket: by name, by inode, or, without a name, by its address in
 * memory, so that /proc/net/unix can list them.
 *
 * Lock: table_lock, a leaf. Sockets found there get their reference under it.
 */
#include "kernel/net/internal.h"
#include "kernel/lib/vsprintf.h"

#define BUCKETS 256U
#define PATH_OFFSET ((int)offsetof(struct sockaddr_un, sun_path))
static struct hlist_head table[BUCKETS];
static DEFINE_SPINLOCK(table_lock);
static unsigned nr_socks; /* table_lock */

static bool is_abstract(const struct sockaddr_un *un) { return !un->sun_path[0]; }

static struct hlist_head *by_pointer(const void *p) { return &table[((u32)p >> 6 ^ (u32)p >> 14) % BUCKETS]; }
static struct hlist_head *by_name(const struct sockaddr_un *un, int len, unsigned type)
{
	return &table[(name_hash(un->sun_path, len - PATH_OFFSET) ^ type) % BUCKETS];
}

/* --- the table ---------------------------------------------------------------------------------------------------- */
void name_add(struct sock *s)
{
	spin_lock(&table_lock);
	hlist_add_head(&s->hash, by_pointer(s));
	nr_socks++;
	spin_unlock(&table_lock);
}
void name_remove(struct sock *s)
{
	spin_lock(&table_lock);
	hlist_del_init(&s->hash);
	nr_socks--;
	s->path = (struct path){ NULL, NULL };
	spin_unlock(&table_lock);
}

/* table_lock held */
static struct sock *find_abstract(const struct sockaddr_un *un, int len, unsigned type)
{
	struct sock *s;

	hlist_for_each_entry(s, by_name(un, len, type), hash)
		if (s->named && !s->path.dentry && s->type == type && s->addr->len == len && !memcmp(&s->addr->un, un, len))
			return s;
	return NULL;
}
static struct sock *find_inode(const struct inode *i)
{
	struct sock *s;

	hlist_for_each_entry(s, by_pointer(i), hash)
		if (s->path.dentry && s->path.dentry->inode == i)
			return s;
	return NULL;
}

void address_put(struct address *a)
{
	if (atomic_dec_and_test(&a->refcount))
		kfree(a);
}

static struct address *make_address(const struct sockaddr_un *un, int len)
{
	struct address *a = kmalloc(offsetof(struct address, un) + len + 1, GFP_KERNEL);

	if (!a)
		return NULL;
	atomic_set(&a->refcount, 1);
	a->len = len;
	memcpy(&a->un, un, len);
	((char *)&a->un)[len] = '\0';
	return a;
}

/* table_lock held: s gets its name, once. */
static void take_name(struct sock *s, struct address *a, const struct path *path)
{
	hlist_del_init(&s->hash);
	if (path)
		s->path = *path;
	s->named = true;
	smp_store_release(&s->addr, a);
	hlist_add_head(&s->hash, path ? by_pointer(path->dentry->inode) : by_name(&a->un, a->len, s->type));
}

/* --- bind --------------------------------------------------------------------------------------------------------- */
/* The path ends at its first NUL, or where the address does. */
static int bind_path(struct sock *s, const struct sockaddr_un *un, int len)
{
	struct address *a = make_address(un, len);
	struct path path;
	int err;

	if (!a)
		return -ENOMEM;
	a->len = PATH_OFFSET + (int)strlen(a->un.sun_path) + 1;
	err = vfs_mknod_path(AT_FDCWD, a->un.sun_path, S_IFSOCK | (s->file->inode->mode & 07777), 0, &path);
	if (err) {
		address_put(a);
		return err == -EEXIST ? -EADDRINUSE : err;
	}
	spin_lock(&table_lock);
	take_name(s, a, &path);
	spin_unlock(&table_lock);
	return 0;
}

static int bind_abstract(struct sock *s, const struct sockaddr_un *un, int len)
{
	struct address *a = make_address(un, len);
	int err = 0;

	if (!a)
		return -ENOMEM;
	spin_lock(&table_lock);
	if (find_abstract(un, len, s->type))
		err = -EADDRINUSE;
	else
		take_name(s, a, NULL);
	spin_unlock(&table_lock);
	if (err)
		address_put(a);
	return err;
}

/* Five hexadecimal digits that nobody has. read_lock held. */
static int bind_any(struct sock *s)
{
	static u32 next;
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int err = -EADDRINUSE;

	for (unsigned tries = 0; err == -EADDRINUSE && tries < 0x100000; tries++) {
		snprintf(un.sun_path + 1, 6, "%05x", next++ & 0xfffff);
		err = bind_abstract(s, &un, PATH_OFFSET + 6);
		cond_resched();
	}
	return err == -EADDRINUSE ? -ENOSPC : err;
}

static int valid(const struct sockaddr_un *un, int len)
{
	return len > PATH_OFFSET && len <= (int)sizeof(*un) && un->sun_family == AF_UNIX ? 0 : -EINVAL;
}

int name_bind(struct sock *s, const struct sockaddr_un *un, int len)
{
	bool any = len == PATH_OFFSET && un->sun_family == AF_UNIX;
	int err = any ? 0 : valid(un, len);

	if (err)
		return err;
	mutex_lock(&s->read_lock);
	if (s->addr)
		err = any ? 0 : -EINVAL;
	else if (any)
		err = bind_any(s);
	else
		err = is_abstract(un) ? bind_abstract(s, un, len) : bind_path(s, un, len);
	mutex_unlock(&s->read_lock);
	return err;
}

int name_autobind(struct sock *s)
{
	int err = 0;

	if (READ_ONCE(s->addr))
		return 0;
	mutex_lock(&s->read_lock);
	if (!s->addr)
		err = bind_any(s);
	mutex_unlock(&s->read_lock);
	return err;
}

/* --- finding -------------------------------------------------------------------------------------------------------- */
static struct sock *get_by_path(const char *name, unsigned type, int *err)
{
	struct sock *s = NULL;
	struct path p;
	struct inode *i;

	*err = kern_path(name, LOOKUP_FOLLOW, &p);
	if (*err)
		return NULL;
	i = p.dentry->inode;
	*err = inode_permission(i, MAY_WRITE);
	if (!*err) {
		spin_lock(&table_lock);
		s = S_ISSOCK(i->mode) ? find_inode(i) : NULL;
		*err = !s ? -ECONNREFUSED : s->type != type ? -EPROTOTYPE : 0;
		s = *err ? NULL : sock_get(s);
		spin_unlock(&table_lock);
	}
	path_put(&p);
	return s;
}

struct sock *name_find(const struct sockaddr_un *un, int len, unsigned type, int *err)
{
	char path[sizeof(un->sun_path) + 1];
	struct sock *s;

	*err = valid(un, len);
	if (*err)
		return NULL;
	if (!is_abstract(un)) {
		memcpy(path, un->sun_path, len - PATH_OFFSET);
		path[len - PATH_OFFSET] = '\0';
		return get_by_path(path, type, err);
	}
	spin_lock(&table_lock);
	s = find_abstract(un, len, type);
	if (s)
		sock_get(s);
	spin_unlock(&table_lock);
	*err = s ? 0 : -ECONNREFUSED;
	return s;
}

int name_copy(struct sock *s, struct sockaddr_un *un)
{
	const struct address *a = smp_load_acquire(&s->addr);

	if (!a) {
		un->sun_family = AF_UNIX;
		return PATH_OFFSET;
	}
	memcpy(un, &a->un, min_t(int, a->len, sizeof(*un)));
	return a->len;
}

/* --- /proc/net/unix ------------------------------------------------------------------------------------------------- */
static void show_name(struct seq *q, const struct address *a)
{
	bool abstract = is_abstract(&a->un);
	int len = a->len - PATH_OFFSET - !abstract;

	seq_puts(q, " ");
	for (int i = 0; i < len; i++) {
		char c = a->un.sun_path[i] ? a->un.sun_path[i] : '@';

		seq_write(q, &c, 1);
	}
}

static unsigned state_number(const struct sock *s)
{
	if (s->file)
		return s->state == SOCK_CONNECTED ? SS_CONNECTED : SS_UNCONNECTED;
	return s->state == SOCK_CONNECTED ? SS_CONNECTING : SS_DISCONNECTING;
}

static void show_one(struct seq *q, const struct sock *s)
{
	seq_printf(q, "%08lx: %08X %08X %08X %04X %02X %5llu", capable(CAP_SYSLOG) ? (unsigned long)s : 0, atomic_read(&s->refcount), 0,
		   s->state == SOCK_LISTENING ? __SO_ACCEPTCON : 0, s->type, state_number(s),
		   s->file ? (unsigned long long)s->file->inode->ino : 0);
	if (s->addr)
		show_name(q, s->addr);
	seq_puts(q, "\n");
}

void unix_show(struct seq *q)
{
	struct sock *s;

	seq_puts(q, "Num       RefCount Protocol Flags    Type St Inode Path\n");
	for (unsigned b = 0; b < BUCKETS; b++) {
		spin_lock(&table_lock);
		hlist_for_each_entry(s, &table[b], hash)
			show_one(q, s);
		spin_unlock(&table_lock);
	}
}

void sockstat_show(struct seq *q) { seq_printf(q, "sockets: used %u\n", READ_ONCE(nr_socks)); }
