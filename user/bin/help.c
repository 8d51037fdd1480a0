/* SPDX-License-Identifier: MIT
 * help: this list
 *
 * Lists the bundled programs from /etc/programs, which the build makes from the `help:` line of each program's source.
 */
#include <stdio.h>
#include <string.h>

int main(void)
{
	char line[512], *text;
	FILE *f = fopen("/etc/programs", "r");

	if (!f) {
		perror("/etc/programs");
		return 1;
	}
	printf("Programs of Isthmus (each answers to --help):\n");
	while (fgets(line, sizeof(line), f))
		if ((text = strchr(line, '\t'))) {
			*text++ = 0;
			printf("  %-12s %s", line, text);
		}
	fclose(f);
	printf("BusyBox gives the rest: `busybox --list`. `cat /proc/lowmem` shows who holds low memory. `poweroff` leaves.\n");
	return 0;
}
