/* SPDX-License-Identifier: MIT
 *
 * execve: a new program in the same process.
 *
 * In order: open the file; build a new address space with only a stack and copy the strings into it; follow `#!` lines;
 * read and check all headers, the interpreter's too. Up to there every error leaves the caller as it was. Then the
 * point of no return: the other threads go, the old address space goes, and from there an error is SIGKILL.
 */
#include "kernel/sys/exec.h"

#include "arch/i386/traps.h"
#include "arch/i386/uaccess.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/lib/syscall.h"
#include "kernel/lib/vsprintf.h"
#include "kernel/sys/cred.h"
#include "kernel/sys/fork.h"
#include "kernel/sys/itimer.h"
#include "kernel/sys/sighand.h"
#include <linux/limits.h>

#define SCRIPT_DEPTH 4
#define PIE_BASE 0x400000UL
#define ARG_MIN (128 * 1024UL)
#define ARG_TOP (6 * 1024 * 1024UL)

/* --- the file ------------------------------------------------------------------------------------------------------------------ */

static int read_head(struct exec *e)
{
	ssize_t n = kern_read(e->file, e->head, EXEC_HEAD, 0);

	if (n < 0)
		return n;
	e->head_size = n;
	memset(e->head + n, 0, sizeof(e->head) - n);
	return 0;
}

/* A script: its interpreter takes the place of the file, in front of the arguments. => 1: followed one, 0: no script */
static int follow_script(struct exec *e, const char *name)
{
	char *interp, *arg;
	struct file *f;
	int err;

	if (e->head[0] != '#' || e->head[1] != '!')
		return 0;
	err = script_parse(e->head, e->head_size, &interp, &arg);
	if (err)
		return err;
	if (e->argc) {
		e->sp += e->arg0_size;
		e->argc--;
	}
	err = exec_copy_kernel_string(e, name);
	if (!err && arg)
		err = exec_copy_kernel_string(e, arg);
	if (!err)
		err = exec_copy_kernel_string(e, interp);
	if (err)
		return err;
	e->argc += arg ? 3 : 2;
	e->arg0_size = strlen(interp) + 1;
	f = open_exec(interp);
	if (IS_ERR(f))
		return PTR_ERR(f);
	put_file(e->file);
	e->file = f;
	return 1;
}

static int follow_scripts(struct exec *e)
{
	char *name = kmalloc(EXEC_HEAD, GFP_KERNEL);
	const char *script = e->name;
	int err = name ? 0 : -ENOMEM;

	for (int depth = 0; !err; depth++) {
		if (depth > SCRIPT_DEPTH)
			err = -ELOOP;
		else
			err = read_head(e);
		if (!err)
			err = follow_script(e, script);
		if (err <= 0)
			break;
		err = 0;
		strlcpy(name, e->head + 2 + strspn(e->head + 2, " \t"), EXEC_HEAD); /* interp: the next script's name */
		script = name;
	}
	kfree(name);
	return err;
}

/* --- credentials ------------------------------------------------------------------------------------------------------------------ */

static void set_ids_of_file(struct exec *e)
{
	const struct inode *i = e->file->inode;
	struct cred *c = e->cred;

	if (file_nosuid(e->file) || c->no_new_privs)
		return;
	if (i->mode & S_ISUID)
		c->euid = i->uid;
	if ((i->mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP))
		c->egid = i->gid;
}

/* Root has every capability that the bounding set leaves; others keep what is ambient. */
static void caps_at_exec(struct cred *c, const struct cred *old)
{
	bool root = c->euid == 0 || c->uid == 0;

	if (c->euid != old->euid || c->egid != old->egid || (c->euid != c->uid && c->euid == 0))
		c->cap_ambient = 0;
	c->cap_permitted = c->cap_ambient;
	c->cap_effective = c->cap_ambient;
	if (root && !(c->securebits & 1 /* SECBIT_NOROOT */)) {
		c->cap_permitted = c->cap_bounding | c->cap_inheritable;
		c->cap_effective = c->euid == 0 ? c->cap_permitted : c->cap_ambient;
	}
	c->securebits &= ~(1u << 4); /* SECBIT_KEEP_CAPS */
}

static int prepare_cred(struct exec *e)
{
	const struct cred *old = current->cred;
	struct cred *c = cred_copy();

	if (!c)
		return -ENOMEM;
	e->cred = c;
	set_ids_of_file(e);
	c->suid = c->fsuid = c->euid;
	c->sgid = c->fsgid = c->egid;
	caps_at_exec(c, old);
	e->secure = c->euid != c->uid || c->egid != c->gid || (c->uid && c->cap_permitted & ~c->cap_ambient);
	return 0;
}

/* Nothing differs for most: then the old ones stay. */
static bool cred_same(const struct cred *a, const struct cred *b)
{
	return !memcmp(&a->uid, &b->uid, offsetof(struct cred, no_new_privs) - offsetof(struct cred, uid));
}

/* --- point of no return ------------------------------------------------------------------------------------------------------------ */

static void set_comm(const char *name)
{
	const char *slash = strrchr(name, '/');

	set_task_comm(current, slash ? slash + 1 : name);
}

static void commit_exec_cred(struct exec *e)
{
	if (cred_same(e->cred, current->cred))
		put_cred(e->cred);
	else
		commit_cred(e->cred);
	if (e->secure)
		current->pdeath_signal = current->group->dumpable = 0;
	e->cred = NULL;
}

/* => -errno: before anything was lost, or with SIGKILL on the way */
static int leave_old_program(struct exec *e)
{
	struct group *g = current->group;
	int err = files_unshare();

	if (!err)
		err = de_thread();
	if (err)
		return err;
	err = sighand_dup_for_exec(g);
	if (err) { /* the other threads are gone: no way back */
		force_signal(SIGKILL, SI_KERNEL, 0, 0);
		return err;
	}
	posix_timers_exit(g);
	if (current->mm)
		mm_release(current);
	current->altstack = (stack_t){ .ss_flags = SS_DISABLE };
	current->flags &= ~PF_FORKNOEXEC;
	current->robust_list = 0;
	current->rseq = 0;
	get_file(e->file);
	e->mm->exe_file = e->file;
	/* Who finds the new memory finds its credentials; the old memory is not opened to anybody by the new program's being dumpable. */
	commit_exec_cred(e);
	mm_switch(e->mm);
	e->mm = NULL;
	files_close_on_exec(); /* before anybody may look at what the old program kept to itself */
	g->dumpable = !e->secure;
	return 0;
}

static void note_areas(struct mm *mm, const struct elf_program *p, unsigned long brk)
{
	mm->start_code = p->info.code_start + p->bias;
	mm->end_code = p->info.code_end + p->bias;
	mm->start_data = p->info.data_start + p->bias;
	mm->end_data = p->info.data_end + p->bias;
	mm->start_brk = mm->brk = brk;
}

static int map_programs(struct exec *e, struct elf_program *prog, struct elf_program *interp)
{
	unsigned long brk;
	int err = elf_map(prog, interp->file ? PIE_BASE : 0);

	if (err)
		return err;
	brk = ALIGN_UP(prog->info.brk + prog->bias, MMU_PAGE_SIZE);
	if (prog->info.dyn && !interp->file)
		brk = PIE_BASE; /* a static-pie lies among the mappings: its heap would not have room there */
	note_areas(current->mm, prog, brk);
	return interp->file ? elf_map(interp, 0) : 0;
}

long sys_mprotect(unsigned long start, unsigned long len, u32 prot);

static int start_program(struct exec *e, struct elf_program *prog, struct elf_program *interp)
{
	struct elf_program *first = interp->file ? interp : prog;
	struct mm *mm = current->mm;
	unsigned long sp;
	int err = map_programs(e, prog, interp);

	if (!err && prog->info.exec_stack)
		err = sys_mprotect(ALIGN_DOWN(e->sp, MMU_PAGE_SIZE), TASK_SIZE - ALIGN_DOWN(e->sp, MMU_PAGE_SIZE),
				   PROT_READ | PROT_WRITE | PROT_EXEC | PROT_GROWSDOWN);
	if (!err)
		err = exec_make_stack(e, prog, interp->file ? interp : NULL, &sp);
	if (err)
		return err;
	mm->start_stack = sp;
	mm->arg_start = e->arg_start;
	mm->arg_end = mm->env_start = e->env_start;
	mm->env_end = e->env_end;
	thread_exec(current, current_regs(), first->info.entry + first->bias, sp);
	return 0;
}

/* --- all together --------------------------------------------------------------------------------------------------------------------- */

/* The interpreter that PT_INTERP names, opened and checked. interp->file stays NULL without one. */
static int open_interp(const struct elf_program *prog, struct elf_program *interp)
{
	char *path, *head;
	struct file *f;
	ssize_t n;
	int err;

	*interp = (struct elf_program){ .file = NULL };
	if (!prog->info.interp_size)
		return 0;
	path = kmalloc(prog->info.interp_size + EXEC_HEAD, GFP_KERNEL);
	if (!path)
		return -ENOMEM;
	head = path + prog->info.interp_size;
	err = -ENOEXEC;
	if (kern_read(prog->file, path, prog->info.interp_size, prog->info.interp_offset) != (ssize_t)prog->info.interp_size ||
	    elf_check_interp(path, prog->info.interp_size))
		goto out;
	f = open_exec(path);
	err = PTR_ERR(f);
	if (IS_ERR(f))
		goto out;
	n = kern_read(f, head, EXEC_HEAD, 0);
	err = n < 0 ? n : elf_read(interp, f, head, n);
	if (err == -ENOEXEC)
		err = -ELIBBAD;
	if (err) {
		interp->file = NULL;
		put_file(f);
	}
out:
	kfree(path);
	return err;
}

static int run_program(struct exec *e)
{
	struct elf_program prog, interp;
	int late, err = elf_read(&prog, e->file, e->head, e->head_size);

	if (err)
		return err;
	err = open_interp(&prog, &interp);
	if (!err)
		err = prepare_cred(e);
	if (!err)
		err = leave_old_program(e);
	if (!err && (late = start_program(e, &prog, &interp))) {
		if (!fatal_signal_pending())
			pr_info("%s[%d]: exec of %s failed after the old program was gone (error %d)\n", current->comm,
				current->pid, e->name, -late);
		force_signal(SIGKILL, SI_KERNEL, 0, 0);
	}
	if (!err)
		set_comm(e->name);
	elf_free(&prog);
	elf_free(&interp);
	if (interp.file)
		put_file(interp.file);
	return err;
}

static unsigned long string_limit(unsigned pointers)
{
	unsigned long limit = clamp(rlimit(RLIMIT_STACK) / 4, ARG_MIN, ARG_TOP);
	u64 bytes = (u64)pointers * 4;

	return bytes >= limit ? 0 : limit - bytes;
}

static int new_address_space(struct exec *e)
{
	unsigned long limit = string_limit(max(e->argc, 1u) + e->envc);
	int err;

	if (!limit)
		return -E2BIG;
	e->mm = mm_alloc(NULL);
	if (!e->mm)
		return -ENOMEM;
	err = setup_stack_vma(e->mm, TASK_SIZE);
	e->sp = TASK_SIZE - 4; /* the last word stays zero */
	e->limit = e->sp - limit;
	return err;
}

static int copy_all_strings(struct exec *e, const struct strings *argv, const struct strings *envp)
{
	int err = exec_copy_kernel_string(e, e->name);

	e->execfn = e->sp;
	if (!err)
		err = exec_copy_strings(e, envp, e->envc);
	if (!err)
		err = exec_copy_strings(e, argv, e->argc);
	if (!err && !e->argc) { /* programs count on argv[0] */
		err = exec_copy_kernel_string(e, "");
		e->argc = e->arg0_size = 1;
	}
	return err;
}

/* => eats the reference to file, which may be an error */
static int exec_file(struct file *file, const char *name, const struct strings *argv, const struct strings *envp)
{
	struct exec *e;
	int err;

	if (IS_ERR(file))
		return PTR_ERR(file);
	e = kzalloc(sizeof(*e), GFP_KERNEL);
	err = e ? check_nproc() : -ENOMEM;
	if (!e)
		goto put;
	e->file = file;
	e->name = name;
	if (!err)
		err = count_strings(argv, &e->argc);
	if (!err)
		err = count_strings(envp, &e->envc);
	if (!err)
		err = new_address_space(e);
	if (!err)
		err = copy_all_strings(e, argv, envp);
	if (!err)
		err = follow_scripts(e);
	e->arg_start = e->sp;
	exec_drop_page(e);
	if (!err)
		err = run_program(e);
	if (e->mm)
		mmput(e->mm);
	if (e->cred)
		put_cred(e->cred);
	file = e->file;
	kfree(e);
put:
	put_file(file);
	return err;
}

int do_execve(const char *path, const char *const *argv, const char *const *envp)
{
	struct strings a = { argv, true }, v = { envp, true };

	return exec_file(open_exec(path), path, &a, &v);
}

static char *copy_name(const char __user *user)
{
	char *name = kmalloc(PATH_MAX, GFP_KERNEL);
	long n;

	if (!name)
		return ERR_PTR(-ENOMEM);
	n = strncpy_from_user(name, user, PATH_MAX);
	if (n >= 0 && n < PATH_MAX)
		return name;
	kfree(name);
	return ERR_PTR(n < 0 ? -EFAULT : -ENAMETOOLONG);
}

/* => frees the name as well */
static int exec_file_of_user(struct file *f, char *name, const void __user *argv, const void __user *envp)
{
	struct strings a = { argv, false }, v = { envp, false };
	int err = exec_file(f, name, &a, &v);

	kfree(name);
	return err;
}

SYSCALL(execve, const char __user *path, const void __user *argv, const void __user *envp)
{
	char *name = copy_name(path);

	return IS_ERR(name) ? PTR_ERR(name) : exec_file_of_user(open_exec(name), name, argv, envp);
}

/* How a script opened by descriptor is named to its interpreter. */
static void name_of_fd(char *buf, int fd, const char *path)
{
	if (fd != AT_FDCWD && path[0] != '/') {
		char tail[64];

		strlcpy(tail, path, sizeof(tail));
		scnprintf(buf, PATH_MAX, path[0] ? "/dev/fd/%d/%s" : "/dev/fd/%d", fd, tail);
	}
}

SYSCALL(execveat, int dfd, const char __user *path, const void __user *argv, const void __user *envp, int flags)
{
	char *name = copy_name(path);
	struct file *f;

	if (IS_ERR(name))
		return PTR_ERR(name);
	f = open_exec_at(dfd, path, flags);
	if (!IS_ERR(f))
		name_of_fd(name, dfd, name);
	return exec_file_of_user(f, name, argv, envp);
}
