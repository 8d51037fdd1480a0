/* SPDX-License-Identifier: MIT
 * test: mem=64M smp=2 time=20
 *
 * execve: arguments, environment, scripts, what survives, what is refused; the auxiliary vector.
 */
#define _GNU_SOURCE
#include "tap.h"
#include <elf.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/stat.h>

static char out[4096];

/* Runs argv with its output in `out`; => wait status */
static int run(const char *file, char *const argv[], char *const envp[])
{
	int p[2], status;
	size_t n = 0;

	pipe(p);
	if (!fork()) {
		dup2(p[1], 1);
		close(p[0]);
		close(p[1]);
		execve(file, argv, envp);
		_exit(200 + (errno & 31));
	}
	close(p[1]);
	for (ssize_t r; n < sizeof(out) - 1 && (r = read(p[0], out + n, sizeof(out) - 1 - n)) > 0;)
		n += r;
	out[n] = 0;
	close(p[0]);
	wait(&status);
	return status;
}

static void put(const char *path, const void *data, size_t n, mode_t mode)
{
	int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY, 0600);

	write(fd, data, n);
	close(fd);
	chmod(path, mode);
}

/* The test itself, called again with a word that tells what to do. */
static int second_life(int argc, char **argv)
{
	if (!strcmp(argv[1], "--args"))
		for (int i = 2; i < argc; i++)
			printf("<%s>", argv[i]);
	if (!strcmp(argv[1], "--env"))
		for (char **e = environ; *e; e++)
			printf("<%s>", *e);
	if (!strcmp(argv[1], "--fds"))
		printf("%d %d", fcntl(100, F_GETFD) >= 0, fcntl(101, F_GETFD) >= 0);
	if (!strcmp(argv[1], "--signals")) {
		struct sigaction a, b;
		sigset_t set;

		sigaction(SIGUSR1, NULL, &a);
		sigaction(SIGUSR2, NULL, &b);
		sigprocmask(SIG_BLOCK, NULL, &set);
		printf("%d %d %d", a.sa_handler == SIG_DFL, b.sa_handler == SIG_IGN, sigismember(&set, SIGHUP));
	}
	if (!strcmp(argv[1], "--aux"))
		printf("%lu %d %d %lu %d", getauxval(AT_PAGESZ), getauxval(AT_PHDR) != 0, getauxval(AT_RANDOM) != 0, getauxval(AT_UID),
		       getauxval(AT_ENTRY) != 0);
	if (!strcmp(argv[1], "--count"))
		printf("%d", argc);
	fflush(stdout);
	return 0;
}

#define SELF "/proc/self/exe"
static char *empty[] = { NULL };

static void arguments(void)
{
	char *args[] = { "self", "--args", "a b", "", "c", NULL }, *env[] = { "A=1", "B=two words", NULL };
	char **many = calloc(20003, sizeof(char *));

	run(SELF, args, env);
	ok(!strcmp(out, "<a b><><c>"), "arguments arrive");
	args[1] = "--env";
	run(SELF, args, env);
	ok(!strcmp(out, "<A=1><B=two words>"), "the environment arrives");
	many[0] = "self";
	many[1] = "--count";
	for (int i = 2; i < 20002; i++)
		many[i] = "0123456789";
	run(SELF, many, empty);
	is(atoi(out), 20002, "20000 arguments");
	free(many);
}

static void too_big(void)
{
	char *word = malloc(200000), *args[] = { "self", word, NULL };

	memset(word, 'x', 199999);
	word[199999] = 0;
	is(WEXITSTATUS(run(SELF, args, empty)), 200 + E2BIG, "one argument over 128 KB is E2BIG");
	free(word);
}

static void what_survives(void)
{
	char *fds[] = { "self", "--fds", NULL }, *sigs[] = { "self", "--signals", NULL }, *aux[] = { "self", "--aux", NULL };
	sigset_t set, old;

	dup2(0, 100);
	dup3(0, 101, O_CLOEXEC);
	run(SELF, fds, empty);
	ok(!strcmp(out, "1 0"), "close-on-exec closes, others stay");
	signal(SIGUSR1, (void (*)(int))what_survives);
	signal(SIGUSR2, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, &old);
	run(SELF, sigs, empty);
	sigprocmask(SIG_SETMASK, &old, NULL);
	ok(!strcmp(out, "1 1 1"), "handlers are reset, ignored signals and the mask stay");
	run(SELF, aux, empty);
	ok(!strcmp(out, "4096 1 1 0 1"), "the auxiliary vector");
}

static void scripts(void)
{
	char *args[] = { "script", "x", NULL };

	put("script", "#!/bin/sh -e\necho \"$0 $1\"\n", 26, 0755);
	is(run("./script", args, empty), 0, "a script runs");
	ok(!strcmp(out, "./script x\n"), "... with its name and arguments");
	put("script", "#!/no/such/interpreter\n", 23, 0755);
	is(WEXITSTATUS(run("./script", args, empty)), 200 + ENOENT, "an interpreter that is not there is ENOENT");
	put("script", "#!./script\n", 11, 0755);
	is(WEXITSTATUS(run("./script", args, empty)), 200 + (ELOOP & 31), "a script that interprets itself is ELOOP");
	put("script", "no format", 9, 0755);
	is(WEXITSTATUS(run("./script", args, empty)), 200 + ENOEXEC, "no format is ENOEXEC");
	put("script", "", 0, 0755);
	is(WEXITSTATUS(run("./script", args, empty)), 200 + ENOEXEC, "an empty file is ENOEXEC");
}

static void refused(void)
{
	Elf32_Ehdr e = { .e_ident = { 0x7f, 'E', 'L', 'F', 1, 1, 1 }, .e_type = ET_EXEC, .e_machine = EM_386, .e_version = 1,
		.e_phoff = sizeof(e), .e_phentsize = sizeof(Elf32_Phdr), .e_phnum = 60000, .e_ehsize = sizeof(e) };
	char *args[] = { "x", NULL };

	put("bad", &e, sizeof(e), 0755);
	ok(run("./bad", args, empty) != 0, "an ELF file with absurd headers does not run");
	e.e_machine = EM_SPARC;
	put("bad", &e, sizeof(e), 0755);
	is(WEXITSTATUS(run("./bad", args, empty)), 200 + ENOEXEC, "another machine's is ENOEXEC");
	put("bad", &e, 20, 0755);
	is(WEXITSTATUS(run("./bad", args, empty)), 200 + ENOEXEC, "a cut one as well");
	chmod("bad", 0644);
	is(WEXITSTATUS(run("./bad", args, empty)), 200 + EACCES, "without the x bit EACCES");
	is(WEXITSTATUS(run("/tmp", args, empty)), 200 + EACCES, "a folder is EACCES");
	is(WEXITSTATUS(run("./bad/x", args, empty)), 200 + ENOTDIR, "a file as a folder is ENOTDIR");
}

int main(int argc, char **argv)
{
	char dir[] = "/tmp/exec.XXXXXX";

	if (argc > 1)
		return second_life(argc, argv);
	if (!mkdtemp(dir) || chdir(dir))
		bail("mkdtemp");
	arguments();
	too_big();
	what_survives();
	scripts();
	refused();
	unlink("script");
	unlink("bad");
	chdir("/");
	rmdir(dir);
	return done();
}
