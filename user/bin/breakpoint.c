/* SPDX-License-Identifier: MIT
 *
 * help: stop in Bochs's debugger (without one it does nothing): breakpoint [COMMAND...]
 *
 * The magic breakpoint is an exchange of a register with itself: Bochs with its debugger stops there, every other machine goes on. With a
 * COMMAND the stop comes right before its execve, so that one can step into it.
 */
#include <stdio.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	__asm__ volatile("xchg %bx, %bx");
	if (argc < 2)
		return 0;
	execvp(argv[1], argv + 1);
	perror(argv[1]);
	return 127;
}
