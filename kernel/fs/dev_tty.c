/* SPDX-License-Identifier: MIT
 *
 * Terminals as files: tty, console, tty0.., ttyS0.., pts/0.. in /dev, and the master side of ptys.
 *
 * An open file remembers how often its terminal had been hung up (generation): after the next time reads give end of
 * file and everything else EIO. Bytes pass through a kernel buffer, a page at a time.
 */
#include "arch/i386/uaccess.h"
#include "drivers/char/vt.h"
#include "kernel/fs/dev.h"
#include "kernel/fs/tty_job.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/vsprintf.h"
#include "kernel/sched/sched.h"
#include "kernel/sys/process.h"
#include <linux/capability.h>
#include <linux/eventpoll.h>

#define CHUNK 4096U

static struct tty_file *tty_file(struct file *f) { return f->private; }
static bool is_dead(const struct tty_file *tf) { return READ_ONCE(tf->tty->hangups) != tf->generation; }

/* Eats the reference, also on failure */
static int tty_file_attach(struct file *f, struct tty *t, bool master)
{
	struct tty_file *tf = kmalloc(sizeof(*tf), GFP_KERNEL);
	int r = tf ? 0 : -ENOMEM;
	u32 generation = 0;

	if (!r && !master)
		r = tty_open(t, capable(CAP_SYS_ADMIN), &generation);
	if (r) {
		kfree(tf);
		tty_put(t);
		return r;
	}
	*tf = (struct tty_file){ .tty = t, .generation = generation, .master = master };
	f->private = tf;
	if (!master)
		tty_put(t); /* the open holds its own */
	return 0;
}

static struct tty *vt_tty_of(unsigned nr)
{
	struct vt *v = vt_get(nr);

	return IS_ERR(v) ? ERR_PTR(PTR_ERR(v)) : &v->tty;
}

/* => with reference, or ERR_PTR */
static struct tty *tty_of_number(dev_t dev)
{
	unsigned major = MAJOR(dev), minor = MINOR(dev);
	struct tty *t = NULL;

	if (major == 5 && minor == 0)
		t = current_tty_get();
	else if (major >= 136 && major < 144)
		t = devpts_get((major - 136) << 8 | minor);
	else if (major == 5 && minor == 1)
		tty_get(t = &console_tty);
	else if (major == 4 && minor <= MAX_NR_CONSOLES)
		t = vt_tty_of(minor);
	else if (major == 4 && minor >= 64 && serial_present(minor - 64))
		tty_get(t = &serial_ttys[minor - 64]);
	return t ? t : ERR_PTR(-ENXIO);
}

static int tty_file_open(struct inode *i, struct file *f)
{
	struct tty *t = tty_of_number(i->rdev);
	int r;

	if (IS_ERR(t))
		return PTR_ERR(t);
	r = tty_file_attach(f, t, false);
	if (!r && !(f->flags & O_NOCTTY) && MAJOR(i->rdev) != 5)
		tty_acquire(t);
	return r;
}

static void tty_file_release(struct file *f)
{
	struct tty_file *tf = f->private;

	if (!tf)
		return;
	if (tf->master) {
		pty_master_close(tf->tty);
		tty_job_hangup(tf->tty);
		ptmx_closed(tf->tty);
		tty_put(tf->tty);
	} else {
		tty_close(tf->tty, tf->generation);
	}
	kfree(tf);
}

static ssize_t read_chunk(struct tty_file *tf, u8 *buf, size_t n, bool nonblock)
{
	int r;

	if (tf->master)
		return pty_master_read(tf->tty, buf, n, nonblock);
	r = tty_check_change(tf->tty, SIGTTIN);
	return r ? r : tty_read(tf->tty, buf, n, nonblock, tf->generation);
}

static ssize_t tty_file_read(struct file *f, struct iov *to, loff_t *pos)
{
	size_t n = min_t(size_t, iov_count(to), CHUNK);
	u8 small[128], *buf = small;
	ssize_t r;

	if (n > sizeof(small)) {
		buf = kmalloc(n, GFP_KERNEL);
		if (!buf)
			return -ENOMEM;
	}
	r = read_chunk(tty_file(f), buf, n, f->flags & O_NONBLOCK);
	if (r > 0 && iov_copy_to(to, buf, r) < (size_t)r)
		r = -EFAULT;
	if (buf != small)
		kfree(buf);
	return r;
}

static ssize_t write_chunk(struct tty_file *tf, const u8 *buf, size_t n, bool nonblock)
{
	if (tf->master)
		return pty_master_write(tf->tty, buf, n, nonblock);
	return tty_write(tf->tty, buf, n, nonblock, tf->generation);
}

static ssize_t write_pieces(struct file *f, struct iov *from, u8 *buf, size_t size)
{
	size_t done = 0;

	while (iov_count(from)) {
		size_t n = iov_copy_from(buf, from, min(iov_count(from), size));
		ssize_t r = n ? write_chunk(tty_file(f), buf, n, f->flags & O_NONBLOCK) : -EFAULT;

		if (r < 0)
			return done ? (ssize_t)done : r;
		done += r;
		if ((size_t)r < n)
			break;
	}
	return done;
}

static ssize_t tty_file_write(struct file *f, struct iov *from, loff_t *pos)
{
	struct tty_file *tf = tty_file(f);
	size_t size = min_t(size_t, iov_count(from), CHUNK);
	u8 small[128], *buf = small;
	ssize_t r = 0;

	if (!tf->master && tf->tty->termios.c_lflag & TOSTOP)
		r = tty_check_change(tf->tty, SIGTTOU);
	if (r)
		return r;
	if (size > sizeof(small)) {
		buf = kmalloc(size, GFP_KERNEL);
		if (!buf)
			return -ENOMEM;
	}
	r = write_pieces(f, from, buf, size > sizeof(small) ? size : sizeof(small));
	if (buf != small)
		kfree(buf);
	return r;
}

static u32 tty_file_poll(struct file *f, struct poll_table *pt)
{
	struct tty_file *tf = tty_file(f);
	struct tty *t = tf->tty;
	u32 mask = 0;

	if (tf->master) {
		poll_wait(f, pty_master_wait(t), pt);
		return pty_master_poll(t);
	}
	poll_wait(f, &t->read_wait, pt);
	poll_wait(f, &t->write_wait, pt);
	if (is_dead(tf) || READ_ONCE(t->peer_closed))
		return EPOLLIN | EPOLLRDNORM | EPOLLOUT | EPOLLWRNORM | EPOLLERR | EPOLLHUP;
	if (tty_readable(t))
		mask |= EPOLLIN | EPOLLRDNORM;
	if (tty_writable(t))
		mask |= EPOLLOUT | EPOLLWRNORM;
	return mask;
}

/* Changes that a process in the background must not make. */
static bool changes(unsigned cmd)
{
	switch (cmd) {
	case TCSETS: case TCSETSW: case TCSETSF: case TCSETS2: case TCSETSW2: case TCSETSF2: case TCSETA: case TCSETAW:
	case TCSETAF: case TCXONC: case TCFLSH: case TCSBRK: case TCSBRKP: case TIOCSBRK: case TIOCCBRK: case TIOCSETD:
		return true;
	default:
		return false;
	}
}

static long tty_file_ioctl(struct file *f, unsigned cmd, unsigned long arg)
{
	struct tty_file *tf = tty_file(f);
	long r;

	if (!tf->master && is_dead(tf))
		return cmd == TIOCSPGRP ? -ENOTTY : -EIO;
	if (tf->master) {
		r = ptmx_ioctl(f, tf->tty, cmd, arg);
		if (r != -ENOTTY)
			return r;
	} else if (changes(cmd)) {
		r = tty_check_change(tf->tty, SIGTTOU);
		if (r)
			return r;
	}
	if (cmd == TIOCSETD) {
		int discipline;

		return get_user(discipline, (int __user *)arg) ? -EFAULT : discipline ? -EINVAL : 0;
	}
	r = tty_job_ioctl(tf->tty, cmd, arg, tf->master);
	if (r == -ENOTTY)
		r = tty_ioctl(tf->tty, cmd, arg);
	return r == -ENOTTY ? vt_ioctl(tf->tty, cmd, arg) : r;
}

const struct file_ops tty_file_ops = {
	.read = tty_file_read, .write = tty_file_write, .poll = tty_file_poll, .ioctl = tty_file_ioctl, .open = tty_file_open,
	.release = tty_file_release, .no_seek = true,
};

static void add(const char *name, mode_t mode, unsigned major, unsigned minor)
{
	int r = devfs_add(name, S_IFCHR | mode, MKDEV(major, minor));

	if (r)
		pr_err("/dev/%s: error %d\n", name, r);
}

void dev_tty_init(void)
{
	char name[8];

	tty_job_init();
	register_chrdev(5, 0, 2, &tty_file_ops, "/dev/tty");
	register_chrdev(4, 0, MAX_NR_CONSOLES + 1, &tty_file_ops, "tty");
	register_chrdev(4, 64, 4, &tty_file_ops, "ttyS");
	add("tty", 0666, 5, 0);
	add("console", 0600, 5, 1);
	for (unsigned i = 0; i <= (vga_present() ? MAX_NR_CONSOLES : 1); i++) {
		snprintf(name, sizeof(name), "tty%u", i);
		add(name, 0620, 4, i);
	}
	for (unsigned i = 0; i < 4; i++) {
		snprintf(name, sizeof(name), "ttyS%u", i);
		if (serial_present(i))
			add(name, 0660, 4, 64 + i);
	}
}

void chrdev_init(void)
{
	dev_mem_init();
	dev_tty_init();
	dev_vcs_init();
	dev_rtc_init();
	devpts_init();
}
