/* SPDX-License-Identifier: MIT
 *
 * Credentials, inside kernel/sys.
 */
#ifndef KERNEL_SYS_CRED_H
#define KERNEL_SYS_CRED_H

#include "kernel/sys/process.h"
#include <linux/capability.h>

#define CAP_ALL ((1ULL << (CAP_LAST_CAP + 1)) - 1)
#define CAP_BIT(cap) (1ULL << (cap))

extern struct cred init_cred;
static inline const struct cred *get_cred(const struct cred *c)
{
	atomic_inc(&((struct cred *)c)->refcount);
	return c;
}
struct cred *cred_alloc(unsigned ngroups);           /* refcount 1, all zero; NULL */
struct cred *cred_copy(void);                        /* of current's, to change and commit; NULL */
void commit_cred(struct cred *new);                  /* becomes current's */
void put_user_of(struct user *u);
static inline bool cred_capable(const struct cred *c, int cap) { return c->cap_effective >> cap & 1; }
int cred_set_uid(struct cred *c, uid_t uid);         /* c->uid and c->user; -ENOMEM */
void cred_init(void);
int check_nproc(void);                               /* -EAGAIN: current's user has RLIMIT_NPROC tasks */
void cred_after_setuid(struct cred *c, const struct cred *old); /* capabilities follow the user ids */
void cred_after_setfsuid(struct cred *c, const struct cred *old);

#endif
