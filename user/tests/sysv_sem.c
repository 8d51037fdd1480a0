/* SPDX-License-Identifier: MIT
 * test: mem=64M smp=2 time=20
 *
 * System V semaphores and message queues: all operations or none, who waits and who is woken, undo, removal, limits.
 */
#define _GNU_SOURCE
#include "tap.h"
#include <pthread.h>
#include <signal.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/syscall.h>
#include <time.h>

#define KEY 0x15715555

static int op(int id, int num, int n, int flags)
{
	struct sembuf b = { num, n, flags };

	return semop(id, &b, 1);
}
static int value(int id, int num) { return semctl(id, num, GETVAL); }
static int set(int id, int num, int v) { return semctl(id, num, SETVAL, v); }

static void operations(void)
{
	unsigned short all[3] = { 4, 5, 6 }, got[3];
	struct sembuf two[2] = { { 0, -1, 0 }, { 1, -9, IPC_NOWAIT } };
	struct semid_ds ds;
	struct timespec ts = { 0, 20000000 };
	int id = semget(KEY, 3, IPC_CREAT | IPC_EXCL | 0600);

	if (id < 0)
		bail("semget");
	is(semget(KEY, 0, 0), id, "found by key");
	fails(semget(KEY, 4, 0), EINVAL, "more than it has");
	fails(semget(KEY, 1, IPC_CREAT | IPC_EXCL), EEXIST, "IPC_EXCL");
	fails(semget(KEY + 1, 0, IPC_CREAT | 0600), EINVAL, "none at all");
	fails(semget(KEY + 1, -1, IPC_CREAT | 0600), EINVAL, "a negative number");
	is(semctl(id, 0, SETALL, all), 0, "SETALL");
	ok(semctl(id, 0, GETALL, got) == 0 && !memcmp(all, got, sizeof(all)), "GETALL");
	is(op(id, 0, 3, 0), 0, "plus three");
	is(value(id, 0), 7, "... seven");
	is(semctl(id, 0, GETPID), getpid(), "GETPID");
	fails(semop(id, two, 2), EAGAIN, "one of two cannot: IPC_NOWAIT");
	is(value(id, 0), 7, "... and the other one was not done");
	two[1].sem_op = -5;
	is(semop(id, two, 2), 0, "both");
	ok(value(id, 0) == 6 && value(id, 1) == 0, "... done");
	is(op(id, 1, 0, 0), 0, "wait for zero: it is");
	fails(op(id, 0, 0, IPC_NOWAIT), EAGAIN, "... it is not");
	two[1].sem_flg = 0;
	fails(semtimedop(id, two, 2, &ts), EAGAIN, "semtimedop: time is up");
	fails(op(id, 3, 1, 0), EFBIG, "beyond the set");
	fails(op(id, 0, 32767, 0), ERANGE, "more than fits");
	fails(set(id, 0, 32768), ERANGE, "SETVAL, too");
	fails(set(id, 3, 1), EINVAL, "... beyond the set");
	fails(semop(id, two, 0), EINVAL, "no operation");
	fails(semop(id, (void *)1, 1), EFAULT, "EFAULT");
	fails(semop(id, two, 100000), E2BIG, "too many");
	ok(!semctl(id, 0, IPC_STAT, &ds) && ds.sem_nsems == 3 && ds.sem_otime && ds.sem_perm.__key == KEY, "IPC_STAT");
	is(semctl(id, 0, IPC_RMID), 0, "IPC_RMID");
	fails(op(id, 0, 1, 0), EINVAL, "gone");
}

static void on_alarm(int sig) {}

static void waiting(void)
{
	int id = semget(IPC_PRIVATE, 2, 0600), status;
	struct sigaction sa = { .sa_handler = on_alarm, .sa_flags = SA_RESTART };
	pid_t a, b;

	if (!(a = fork()))
		_exit(op(id, 0, -2, 0));
	if (!(b = fork()))
		_exit(op(id, 1, 0, 0) || op(id, 0, -1, 0));
	ok(asleep(a) && asleep(b), "two wait");
	is(semctl(id, 0, GETNCNT), 2, "GETNCNT");
	is(semctl(id, 1, GETZCNT), 0, "GETZCNT");
	op(id, 0, 1, 0);
	waitpid(b, &status, 0);
	is(status, 0, "who can go on goes first");
	is(value(id, 0), 0, "... and is done");
	set(id, 0, 2);
	waitpid(a, &status, 0);
	ok(status == 0 && value(id, 0) == 0, "SETVAL wakes");
	if (!(a = fork()))
		_exit(op(id, 0, -1, 0) != -1 || errno != EIDRM);
	asleep(a);
	semctl(id, 0, IPC_RMID);
	wait(&status);
	is(status, 0, "removal: EIDRM");
	id = semget(IPC_PRIVATE, 2, 0600);
	set(id, 0, 1);
	if (!fork()) {
		sigaction(SIGALRM, &sa, NULL);
		ualarm(20000, 20000);
		_exit(op(id, 0, 0, 0) != -1 || errno != EINTR);
	}
	wait(&status);
	is(status, 0, "a signal: EINTR, always");
	semctl(id, 0, IPC_RMID);
}

/* A child in semop, asleep; its status is the call's result */
static pid_t sleeper(int id, struct sembuf *ops, int n)
{
	pid_t pid = fork();

	if (!pid)
		_exit(semop(id, ops, n));
	asleep(pid);
	return pid;
}

/* The second one lets the first one go on, which came before it and could not. */
static void helped(int id, struct sembuf *first, int n1, struct sembuf *second, int n2, int num, int v, const char *what)
{
	pid_t a, b;
	int i, j;

	a = sleeper(id, first, n1);
	b = sleeper(id, second, n2);
	set(id, num, v);
	ok(eventually(waitpid(b, &i, WNOHANG) == b) && eventually(waitpid(a, &j, WNOHANG) == a) && !i && !j, "%s", what);
}

static void helping(void)
{
	struct sembuf zero = { 0, 0, 0 }, two = { 0, -2, 0 }, one = { 0, -1, 0 }, other = { 1, -1, 0 }, from[2] = { { 0, -1, 0 }, { 1, 1, 0 } };
	struct sembuf exactly[2] = { { 0, -2, 0 }, { 0, 0, 0 } };
	int id = semget(IPC_PRIVATE, 2, 0600);

	set(id, 0, 1);
	helped(id, &zero, 1, &two, 1, 0, 2, "who waits for zero goes on when a younger call takes the last");
	helped(id, exactly, 2, &one, 1, 0, 3, "... who waits for exactly two, when it leaves two");
	helped(id, &other, 1, from, 2, 0, 1, "... who waits for another semaphore, when it gives there");
	ok(value(id, 0) == 0 && value(id, 1) == 0, "... and nothing is left");
	semctl(id, 0, IPC_RMID);
}

static void undo(void)
{
	int id = semget(IPC_PRIVATE, 2, 0600), status;
	pid_t a, b;

	set(id, 0, 5);
	if (!fork()) {
		op(id, 0, -3, SEM_UNDO);
		op(id, 1, 2, SEM_UNDO);
		op(id, 0, -1, 0);
		_exit(value(id, 0) != 1 || value(id, 1) != 2);
	}
	wait(&status);
	ok(status == 0 && value(id, 0) == 4 && value(id, 1) == 0, "an exit undoes what asked for it");
	if (!(a = fork())) {
		op(id, 0, -4, SEM_UNDO);
		pause();
	}
	ok(asleep(a) && value(id, 0) == 0, "one has them");
	if (!(b = fork()))
		_exit(op(id, 0, -4, 0));
	asleep(b);
	kill(a, SIGKILL);
	waitpid(b, &status, 0);
	waitpid(a, NULL, 0);
	ok(status == 0 && value(id, 0) == 0, "... and its end wakes who waits for them");
	set(id, 0, 5);
	if (!fork()) {
		op(id, 0, -3, SEM_UNDO);
		set(id, 0, 9);
		_exit(0);
	}
	wait(NULL);
	is(value(id, 0), 9, "SETVAL makes undo void");
	if (!fork()) {
		op(id, 0, -3, SEM_UNDO);
		semctl(id, 0, IPC_RMID);
		id = semget(IPC_PRIVATE, 1, 0600);
		op(id, 0, 1, SEM_UNDO);
		semctl(id, 0, IPC_RMID);
		_exit(0);
	}
	wait(&status);
	is(status, 0, "sets that are gone are not undone");
}

static int counted(void)
{
	struct seminfo si;

	return semctl(0, 0, SEM_INFO, &si) < 0 ? -1 : si.semaem;
}

/* What is to be undone keeps nothing of a set that is gone. */
static void gone_with_undo(void)
{
	int before = counted(), id = semget(IPC_PRIVATE, 100, 0600);

	op(id, 0, 1, SEM_UNDO);
	is(counted(), before + 100, "SEM_INFO counts the semaphores");
	semctl(id, 0, IPC_RMID);
	is(counted(), before, "... and those of a removed set no more, with SEM_UNDO or without");
}

static void failed_set(void)
{
	int id = semget(IPC_PRIVATE, 1, 0600);
	struct semid_ds ds;
	time_t made;

	semctl(id, 0, IPC_STAT, &ds);
	made = ds.sem_ctime;
	(void)eventually(time(NULL) > made);
	ds.sem_perm.uid = -1;
	fails(semctl(id, 0, IPC_SET, &ds), EINVAL, "IPC_SET to nobody at all");
	semctl(id, 0, IPC_STAT, &ds);
	is(ds.sem_ctime, made, "... is no change");
	semctl(id, 0, IPC_RMID);
}

static int pingpong;
static void *ping(void *arg)
{
	int me = (long)arg;

	for (int i = 0; i < 500; i++)
		if (op(pingpong, me, -1, 0) || op(pingpong, !me, 1, 0))
			return (void *)1;
	return NULL;
}
static void threads(void)
{
	pthread_t t[2];
	void *r[2];

	pingpong = semget(IPC_PRIVATE, 2, 0600);
	op(pingpong, 0, 1, 0);
	for (long i = 0; i < 2; i++)
		pthread_create(&t[i], NULL, ping, (void *)i);
	for (int i = 0; i < 2; i++)
		pthread_join(t[i], &r[i]);
	ok(!r[0] && !r[1] && value(pingpong, 0) == 1, "two threads take turns");
	semctl(pingpong, 0, IPC_RMID);
}

/* --- messages ------------------------------------------------------------------------------------------------------------ */
struct msg { long type; char text[9000]; };

static void messages(void)
{
	static struct msg m;
	struct msqid_ds ds;
	int id = msgget(KEY, IPC_CREAT | IPC_EXCL | 0600), n, status;
	pid_t pid;

	if (id < 0)
		bail("msgget");
	is(msgget(KEY, 0), id, "found by key");
	for (int i = 1; i <= 5; i++) {
		m.type = 6 - i;
		m.text[0] = 'a' + i;
		is(msgsnd(id, &m, i, 0), 0, "msgsnd %d", i);
	}
	ok(!msgctl(id, IPC_STAT, &ds) && ds.msg_qnum == 5 && ds.msg_lspid == getpid() && ds.msg_stime, "IPC_STAT");
	ok(msgrcv(id, &m, 100, 0, 0) == 1 && m.type == 5 && m.text[0] == 'b', "the first");
	ok(msgrcv(id, &m, 100, 2, 0) == 4 && m.type == 2, "by type");
	ok(msgrcv(id, &m, 100, -3, 0) == 5 && m.type == 1, "the lowest type");
	ok(msgrcv(id, &m, 100, 4, MSG_EXCEPT) == 3 && m.type == 3, "MSG_EXCEPT");
	fails(msgrcv(id, &m, 1, 0, 0), E2BIG, "too big");
	is(msgrcv(id, &m, 1, 0, MSG_NOERROR), 1, "MSG_NOERROR cuts");
	fails(msgrcv(id, &m, 100, 0, IPC_NOWAIT), ENOMSG, "none");
	m.type = 0;
	fails(msgsnd(id, &m, 1, 0), EINVAL, "type 0");
	m.type = 1;
	fails(msgsnd(id, &m, 9000, 0), EINVAL, "more than msgmax");
	fails(msgsnd(id, (void *)1, 1, 0), EFAULT, "EFAULT");
	for (n = 0; n < 100 && msgsnd(id, &m, 4000, IPC_NOWAIT) == 0; n++)
		;
	ok(errno == EAGAIN && n == 4, "a full queue");
	if (!(pid = fork()))
		_exit(msgsnd(id, &m, 3000, 0));
	asleep(pid);
	msgrcv(id, &m, 4000, 0, 0);
	wait(&status);
	is(status, 0, "a sender waits for room");
	while (msgrcv(id, &m, 4000, 0, IPC_NOWAIT) > 0)
		;
	if (!(pid = fork()))
		_exit(msgrcv(id, &m, 4000, 7, 0) != 2);
	asleep(pid);
	kill(pid, SIGSTOP);
	eventually(state_of(pid) == 'T');
	kill(pid, SIGCONT);
	asleep(pid);
	m.type = 6;
	msgsnd(id, &m, 1, 0);
	m.type = 7;
	msgsnd(id, &m, 2, 0);
	wait(&status);
	is(status, 0, "a receiver waits for its type, through a stop");
	if (!(pid = fork()))
		_exit(msgrcv(id, &m, 4000, 9, 0) != -1 || errno != EIDRM);
	asleep(pid);
	is(msgctl(id, IPC_RMID, NULL), 0, "IPC_RMID with a message in it");
	wait(&status);
	is(status, 0, "... wakes receivers: EIDRM");
	fails(msgsnd(id, &m, 1, 0), EINVAL, "gone");
}

static void mode_changes(void)
{
	static struct msg m;
	int id, status = 0;
	struct msqid_ds ds;
	pid_t pid;

	if (geteuid()) {
		skip("needs root");
		return;
	}
	id = msgget(IPC_PRIVATE, 0666);
	if (!(pid = fork()))
		_exit(setgid(4242) || setuid(4242) || msgrcv(id, &m, 100, 7, 0) != -1 ? 0 : errno);
	asleep(pid);
	msgctl(id, IPC_STAT, &ds);
	ds.msg_perm.mode = 0600;
	is(msgctl(id, IPC_SET, &ds), 0, "IPC_SET takes others' right to receive");
	ok(eventually(waitpid(pid, &status, WNOHANG) == pid), "... from one that waits");
	is(WEXITSTATUS(status), EACCES, "... EACCES");
	msgctl(id, IPC_RMID, NULL);
}

static void listing(void)
{
	int s = semget(KEY, 2, IPC_CREAT | 0604), q = msgget(KEY, IPC_CREAT | 0604), found = 0;
	const char *const files[] = { "/proc/sysvipc/sem", "/proc/sysvipc/msg" };
	char line[300], want[40];
	struct seminfo si;
	struct msginfo mi;

	for (int i = 0; i < 2; i++) {
		FILE *f = fopen(files[i], "r");

		snprintf(want, sizeof(want), "%10d %10d   604 ", KEY, i ? q : s);
		while (f && fgets(line, sizeof(line), f))
			found += !strncmp(line, want, strlen(want));
		if (f)
			fclose(f);
	}
	is(found, 2, "/proc/sysvipc/sem and msg");
	ok(semctl(0, 0, SEM_INFO, &si) >= 0 && si.semusz >= 1 && si.semaem >= 2, "SEM_INFO");
	ok(msgctl(0, MSG_INFO, (void *)&mi) >= 0 && mi.msgpool >= 1, "MSG_INFO");
	semctl(s, 0, IPC_RMID);
	msgctl(q, IPC_RMID, NULL);
}

int main(void)
{
	operations();
	waiting();
	helping();
	undo();
	gone_with_undo();
	failed_set();
	threads();
	messages();
	mode_changes();
	listing();
	return done();
}
