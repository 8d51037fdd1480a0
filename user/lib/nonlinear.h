/* SPDX-License-Identifier: MIT
 *
 * Nonlinear areas for programs: what libc's headers do not know. The manual page is user/doc/nonlinear.txt; in the guest
 * /usr/share/doc/nonlinear.txt. Example: user/bin/window.c.
 */
#ifndef USER_LIB_NONLINEAR_H
#define USER_LIB_NONLINEAR_H

#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef MAP_SHARED_VALIDATE
#define MAP_SHARED_VALIDATE 0x03
#endif
#define MAP_NONLINEAR 0x01000000 /* with MAP_SHARED_VALIDATE: a nonlinear area, empty. Elsewhere: EOPNOTSUPP, EINVAL with MAP_ANONYMOUS */
#define SYS_nonlinear_place 1000

/* At addr (a multiple of 4096) `pages` pages of the file fd appear, the first of them its page pgoff. fd -1: nothing any more. */
struct nonlinear_range { uint32_t addr, pages; int32_t fd; uint32_t pgoff; };

/* flags: 0 or MAP_NONBLOCK. => ranges done, or -1 if the first failed */
static inline long nonlinear_place(const struct nonlinear_range *ranges, unsigned n, unsigned flags)
{
	return syscall(SYS_nonlinear_place, ranges, n, flags);
}

#endif
