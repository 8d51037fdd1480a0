/* SPDX-License-Identifier: MIT
 *
 * The first process: a kernel thread with the number 1 that opens the console and executes init.
 *
 * `init=PATH` names the program; otherwise /init, /sbin/init, /etc/init, /bin/init and /bin/sh are tried in this order.
 * With `root=` it is user/init that goes to the real root and looks at init= there.
 */
#include "kernel/fs/vfs.h"
#include "kernel/lib/bug.h"
#include "kernel/lib/param.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/sys/fork.h"

static const char *const init_env[] = { "HOME=/", "TERM=linux", "PATH=/sbin:/usr/sbin:/bin:/usr/bin", NULL };

static const char *init_path;
PARAM_STR("init", init_path, "the first program, instead of /init");

static void open_console(void)
{
	struct file *f = kern_open("/dev/console", O_RDWR | O_NOCTTY, 0);

	if (IS_ERR(f)) {
		pr_warn("cannot open /dev/console (error %ld): the first process has no standard input and output\n", -PTR_ERR(f));
		return;
	}
	for (int i = 0; i < 3; i++) {
		int fd = fd_alloc(i, 0);

		if (fd < 0)
			break;
		get_file(f);
		fd_install(fd, f);
	}
	put_file(f);
}

/* Words of the command line that no option claimed go to init, as on Linux: NAME=VALUE into its environment. */
static int try_exec(const char *path)
{
	const char *argv[ARRAY_SIZE(param_init_args) + 1] = { path };
	const char *envp[ARRAY_SIZE(param_init_env) + ARRAY_SIZE(init_env)];
	unsigned n = 0;
	int err;

	for (unsigned i = 0; param_init_args[i]; i++)
		argv[i + 1] = param_init_args[i];
	for (unsigned i = 0; init_env[i]; i++)
		envp[n++] = init_env[i];
	for (unsigned i = 0; param_init_env[i]; i++)
		envp[n++] = param_init_env[i];
	envp[n] = NULL;
	err = do_execve(path, argv, envp);

	if (err && err != -ENOENT)
		pr_err("cannot run %s as the first process (error %d)\n", path, -err);
	return err;
}

static int try_usual_places(void)
{
	static const char *const places[] = { "/init", "/sbin/init", "/etc/init", "/bin/init", "/bin/sh" };
	int err = -ENOENT;

	for (unsigned i = 0; err && i < ARRAY_SIZE(places); i++)
		err = try_exec(places[i]);
	return err;
}

/* Becomes pid 1. => returns 0 into user mode */
int run_init(void *path)
{
	if (!path)
		path = (void *)init_path;
	current->flags &= ~PF_KTHREAD;
	current->blocked = (ksigset_t){ { 0, 0 } };
	current->group->unkillable = true;
	new_session();
	open_console();
	if (!strncmp(boot_command_line, "root=", 5) || strstr(boot_command_line, " root="))
		path = NULL; /* init= is then the real root's: the initramfs's /init goes there */
	if (path && *(const char *)path) {
		if (try_exec(path))
			panic("init=%s does not run: give another program, or none to try the usual places", (const char *)path);
	} else if (try_usual_places()) {
		panic("no first process: none of /init, /sbin/init, /etc/init, /bin/init, /bin/sh runs; is the initramfs missing? (init=PATH names another)");
	}
	return 0;
}
