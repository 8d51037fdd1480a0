/* SPDX-License-Identifier: MIT
 *
 * /init in four files: init.c (start, console shell, reaping), terms.c (shells on other virtual terminals), agent.c (the guest end
 * of tools/run), power.c (the end).
 */
#ifndef USER_INIT_H
#define USER_INIT_H

#include <poll.h>
#include <stdbool.h>
#include <sys/types.h>

#define PATH "/bin:/sbin:/usr/bin:/usr/sbin"

extern int wake_pipe[2];        /* a signal writes its number here; the main loop polls it */
extern int console_fd;
extern unsigned long long start_tsc; /* instructions since power-on, when the emulator counts them (tools/boot-cost) */

/* Value of `key=` on the kernel's command line, or NULL. The caller frees it. */
char *boot_option(const char *key);
void complain(const char *what); /* to the console, with errno */
void start_shell(char **env);    /* on the console, respawned when it ends */
pid_t fork_shell(int terminal);  /* a shell on this one (-1: on ours) as its controlling terminal; -1: errno */

/* --- agent.c ------------------------------------------------------------------------------------------------- */
bool agent_open(const char *port);
int agent_fds(struct pollfd *fds);           /* fills what to poll for; => how many */
void agent_poll(struct pollfd *fds, int n);  /* handle what poll reported */
bool agent_reaped(pid_t pid, int status);    /* was it the command? */

/* --- terms.c -------------------------------------------------------------------------------------------------- */
void terms_open(void);                       /* those that are there and not yet open */
int terms_fds(struct pollfd *fds);
void terms_poll(struct pollfd *fds, int n);
bool terms_reaped(pid_t pid);                /* was it a shell of one of them? */

/* --- root.c: root= --------------------------------------------------------------------------------------------- */
void switch_root(void);         /* to the file system of root=, if there is one */
void become_root_init(void);    /* to init= of it; returns if there is none */
void leave_disks(void);         /* unmount what lies on disks, or make it read-only */
bool disks_mounted(void);

/* --- power.c ------------------------------------------------------------------------------------------------- */
void quiesce(void);             /* end everybody else, write back, unmount */
void __attribute__((noreturn)) power(int how); /* RB_POWER_OFF, RB_AUTOBOOT or RB_HALT_SYSTEM */

#endif
