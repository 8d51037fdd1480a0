/* SPDX-License-Identifier: MIT
 *
 * kernel/net among its own files: a socket, a message, what travels beside the bytes.
 *
 * Locks, outermost first:
 *   read_lock        one reader, or one bind, at a time; held while bytes are copied (above the mmap lock, inode->lock)
 *     gc_mutex       what is in flight (scm.c, gc.c)
 *       sock->lock   two of them by address (lock_two); a listener before its embryos
 *         table_lock, a wait queue's lock: leaves
 * Keys: l sock->lock | t table_lock | g gc_mutex | a atomic | f fixed once visible | o options: racy words
 */
#ifndef KERNEL_NET_INTERNAL_H
#define KERNEL_NET_INTERNAL_H

#include "kernel/fs/internal.h"
#include "kernel/net/abi.h"
#include "kernel/net/net.h"
#include <linux/eventpoll.h>

enum sock_state { SOCK_IDLE, SOCK_LISTENING, SOCK_CONNECTED, SOCK_DEAD };
enum { RCV_SHUT = 1, SND_SHUT = 2, BOTH_SHUT = 3 };
#define WAIT_FOREVER (~0ULL)

/* A name: of the file system (un.sun_path up to its NUL) or abstract (sun_path[0] is NUL). Never changes. */
struct address {
	atomic_t refcount;
	int len;                       /* of the struct sockaddr_un, as bind got it */
	struct sockaddr_un un;
};

struct sock {
	atomic_t refcount;             /* the file, the peer's pointer, messages sent, a listener's queue */
	spinlock_t lock;
	u8 type;                       /* f: SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET */
	u8 state;                      /* l: enum sock_state */
	u8 shutdown;                   /* l: RCV_SHUT | SND_SHUT */
	bool pass_cred;                /* o */
	bool embryo;                   /* l: made by connect, not yet accepted: node is in the listener's queue */
	bool named;                    /* t: found by its name (an accepted socket only shows its listener's) */
	u32 options;                   /* o: those that are only remembered, 1 << SO_x */
	int err;                       /* l: told once (SO_ERROR, the next call) */
	struct sock *peer;             /* l: reference. Streams: set once, until our own release */
	struct list_head queue;        /* l: messages, oldest first; a listener's: embryos */
	u32 queued, max_queued;        /* l: entries of it; o: more than that is full */
	u32 sndbuf, rcvbuf, lowat;     /* o: bytes */
	atomic_t sent;                 /* a: bytes of memory that its messages hold until they are read */
	struct mutex read_lock;
	struct wait_queue rd, wr;      /* something to read or accept; room to send, a change of state */
	struct wait_queue room;        /* its queue is no longer full: senders of datagrams, connects */
	u64 rcvtimeo, sndtimeo;        /* o: ns */
	struct address *addr;          /* set once under read_lock and table_lock; reference */
	struct path path;              /* t: where it is bound; references */
	struct hlist_node hash;        /* t */
	struct file *file;             /* f: no reference; NULL for embryos */
	const struct cred *peer_cred;  /* l: who connected, listened, made the pair */
	struct pid *peer_pid;          /* l */
	struct list_head node;         /* embryo: listener's queue, its lock */
	struct list_head full_node;    /* the lock of the peer whose queue we found full: in its full_list */
	struct list_head full_list;    /* l: who polls for room in our queue */
	struct list_head flying;       /* g: in flight, see gc.c */
	u32 inflight, gc_refs;         /* g */
};

/* --- what travels beside the bytes: scm.c --------------------------------------------------------------------------- */
struct rights { /* open files under way */
	struct list_head node;         /* to be closed */
	struct user *user;             /* whose RLIMIT_NOFILE counts them; reference while in a message */
	u32 count;
	struct file *files[];          /* references */
};
struct scm { bool has_cred; struct ucred cred; struct rights *rights; };

/* One call to send or receive. */
struct transfer {
	struct iov data;
	u32 flags;                     /* MSG_*; O_NONBLOCK is MSG_DONTWAIT here */
	u32 out_flags;
	struct sockaddr_un name;       /* send: where to; receive: from whom */
	int name_len;                  /* 0: no name */
	struct scm scm;
};
int scm_import(struct scm *scm, const void __user *control, u32 len);   /* 0 or -errno */
/* Installs descriptors and tells credentials. => 0 or -EFAULT; what does not fit is dropped (MSG_CTRUNC) */
int scm_export(struct scm *scm, struct user_msghdr *h, u32 *used, u32 in_flags, u32 *out_flags, bool want_cred);
struct rights *rights_dup(struct rights *r);       /* NULL: no memory */
int rights_take_off(struct rights *r);             /* into a message: -ETOOMANYREFS */
void rights_land(struct rights *r);                /* and out of it */
void rights_drop(struct rights *r);                /* not in flight: closes the files; NULL is fine. Sleeps */
/* gc.c */
extern struct mutex gc_mutex;
extern u32 nr_flying;                              /* g: references to sockets in flight */
extern struct list_head all_flying;                /* g: sockets with inflight > 0 */
void gc_find(struct list_head *garbage);           /* takes rights that nobody can reach any more out of their messages */
void gc_run(void);                                 /* a socket was closed */
struct sock *file_sock(const struct file *f);      /* NULL: not a socket */

/* --- messages: message.c -------------------------------------------------------------------------------------------- */
struct message {
	struct list_head node;         /* the receiver's queue */
	struct sock *from;             /* reference: its buffer is charged */
	u32 len, off;                  /* bytes; of them, already read */
	u32 charge;
	struct rights *rights;         /* in flight */
	struct ucred cred;
	bool has_cred;
	u8 nr_pages;
	union {
		char bytes[0];
		struct page *pages[0];
	};
};
#define INLINE_BYTES 512U              /* larger messages lie in pages, from high memory */
#define MESSAGE_PAGES 255U             /* at most: a datagram of a little less than 1 MB */
/* Waits for room, allocates, copies in `len` bytes and takes t->scm's rights. => ERR_PTR */
struct message *message_make(struct sock *s, struct transfer *t, size_t len);
void message_sign(struct message *m, const struct sock *to);
int message_take_rights(struct message *m, struct transfer *t);
size_t message_read(struct message *m, u32 off, struct iov *to, size_t n); /* => bytes, less: -EFAULT */
void message_free(struct message *m);              /* sleeps */
void messages_free(struct list_head *list);
ssize_t message_bytes_left(struct sock *s);        /* FIONREAD */

/* --- sock.c ----------------------------------------------------------------------------------------------------------- */
struct sock *sock_alloc(unsigned type);            /* NULL: no memory; reference 1 */
void sock_free(struct sock *s);
static inline struct sock *sock_get(struct sock *s) { atomic_inc(&s->refcount); return s; }
static inline void sock_put(struct sock *s)
{
	if (s && atomic_dec_and_test(&s->refcount))
		sock_free(s);
}
void sock_release(struct sock *s);                 /* its file is gone; eats the file's reference */
void lock_two(struct sock *a, struct sock *b);     /* b: NULL or a is fine */
void unlock_two(struct sock *a, struct sock *b);
struct sock *sock_peer(struct sock *s);            /* with reference, or NULL */
int sock_error(struct sock *s);                    /* the pending error, once: 0 or -errno */
void sock_forget_full(struct sock *s, struct sock *peer); /* s does not poll for room in peer's queue any more */
void sock_note_peer(struct sock *s, const struct cred *c, struct pid *pid); /* takes its own references; lock held */
static inline bool sock_writable(const struct sock *s) { return (u32)atomic_read(&s->sent) * 4 <= s->sndbuf; }
static inline bool queue_full(const struct sock *s) { return READ_ONCE(s->queued) > READ_ONCE(s->max_queued); }
static inline bool is_connected_type(const struct sock *s) { return s->type != SOCK_DGRAM; }
/* => 0: cond holds or *left ran out (then 0); -ERESTARTSYS, -EINTR */
#define sock_wait(wq, cond, left) ({ int _err = 0;                                        \
	if (*(left) == WAIT_FOREVER) {                                                      \
		_err = wait_event_interruptible(wq, cond);                                  \
	} else {                                                                            \
		s64 _ns = wait_event_interruptible_timeout(wq, cond, *(left));              \
		if (_ns < 0)                                                                \
			_err = -EINTR;                                                      \
		else                                                                        \
			*(left) = _ns;                                                      \
	}                                                                                   \
	_err; })

/* --- the rest ---------------------------------------------------------------------------------------------------------- */
extern const struct file_ops socket_ops;
struct file *sock_file(int flags);                        /* an open file that is no socket yet; ERR_PTR */
void sock_attach(struct file *f, struct sock *s);         /* eats the reference */
void transfer_init(struct transfer *t, const struct file *f, u32 flags); /* all but data */
void sockfs_init(void), name_init(void), sock_init(void);
/* name.c */
void name_add(struct sock *s);                             /* into the table of all sockets */
void name_remove(struct sock *s);
int name_bind(struct sock *s, const struct sockaddr_un *un, int len);
int name_autobind(struct sock *s);                         /* 0 if it has a name already */
struct sock *name_find(const struct sockaddr_un *un, int len, unsigned type, int *err); /* with reference */
void address_put(struct address *a);
int name_copy(struct sock *s, struct sockaddr_un *un);     /* => length: 2 without a name */
/* connect.c */
int sock_listen(struct sock *s, int backlog);
int sock_connect(struct sock *s, const struct sockaddr_un *un, int len, u32 flags);
struct sock *sock_accept(struct sock *s, u32 flags);       /* ERR_PTR; with the file's reference to be */
void sock_marry(struct sock *a, struct sock *b);           /* socketpair */
int sock_shutdown(struct sock *s, int how);
/* stream.c, dgram.c */
ssize_t stream_send(struct sock *s, struct transfer *t);
ssize_t stream_receive(struct sock *s, struct transfer *t);
ssize_t dgram_send(struct sock *s, struct transfer *t);
ssize_t dgram_receive(struct sock *s, struct transfer *t);
int dgram_connect(struct sock *s, const struct sockaddr_un *un, int len);
ssize_t sock_send(struct sock *s, struct transfer *t);     /* by type; raises SIGPIPE; drops what is left in t->scm */
ssize_t sock_receive(struct sock *s, struct transfer *t);
/* options.c */
int option_set(struct sock *s, int level, int name, const void __user *value, int len);
int option_get(struct sock *s, int level, int name, void __user *value, int __user *len);

#endif
