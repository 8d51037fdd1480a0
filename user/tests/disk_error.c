/* SPDX-License-Identifier: MIT
 * test: mem=256M smp=2 time=30 disk=16M block=both linux=no append="blk.fail=vda:2048 blk.fail=sda:2048 blk.fail=vda:4096:2 blk.fail=sda:4096:2 blk.fail=vda:6000:w blk.fail=sda:6000:w blk.fail=vda:8192:1:t blk.fail=sda:8192:1:t ata.timeout=3"
 *
 * Injected errors: whoever touches the bad sector hears of it, nobody else does; a failed write-back reaches each opener
 * once, at fsync; passing errors are retried; a command
 * that the device never answers is noticed after ata.timeout, and repeated.
 */
#define _GNU_SOURCE
#include "disk.h"

static char page[4096], big[128 << 10];
static void for_ever(int fd)
{
	long errors = vmstat("blk_error");
	int other = open_disk("", O_RDWR);

	fails(pread(fd, page, 512, 2048 * 512), EIO, "reading a bad sector");
	fails(pread(fd, page, 512, 2048 * 512), EIO, "... again");
	ok(vmstat("blk_error") > errors, "... is counted");
	is(pread(fd, page, 4096, 2048 * 512 - 4096), 4096, "the page before it is good");
	is(pread(fd, page, 4096, 2048 * 512 + 4096), 4096, "... and the one after it");
	is(pread(fd, big, sizeof(big), 2048 * 512 - 65536), 65536, "a long read ends there");
	memset(page, 'x', sizeof(page));
	is(pwrite(fd, page, 4096, 2048 * 512), 4096, "writing it");
	fails(fsync(fd), EIO, "... fails when it is written back");
	is(fsync(fd), 0, "... which is said once");
	fails(fsync(other), EIO, "... to each who had it open");
	is(fsync(other), 0, "... once");
	close(other);
	other = open_disk("", O_RDWR);
	is(fsync(other), 0, "... and not to who opens it later");
	close(other);
	is(pwrite(fd, page, 4096, 2048 * 512), 4096, "once more");
	fails(sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER), EIO, "sync_file_range says it too");
	is(ioctl(fd, BLKFLSBUF, 0), 0, "forget it");
	fails(pread(fd, page, 512, 2048 * 512), EIO, "... nothing is left in the cache");
}

static void passing(int fd)
{
	long retries = vmstat("blk_retry"), errors = vmstat("blk_error");

	is(pread(fd, page, 512, 4096 * 512), 512, "an error that passes");
	is(vmstat("blk_retry") - retries, 2, "... cost two retries");
	is(vmstat("blk_error"), errors, "... and is no error");
}

static void only_writes(int fd)
{
	is(pread(fd, page, 4096, 6000 * 512), 4096, "a sector that cannot be written can be read");
	memset(page, 'y', sizeof(page));
	is(pwrite(fd, page, 4096, 6000 * 512), 4096, "writing it");
	fails(fsync(fd), EIO, "... fails");
	is(ioctl(fd, BLKFLSBUF, 0), 0, "forget it");
	is(pread(fd, page, 4096, 6000 * 512), 4096, "reading it again");
	is(page[0], 0, "... gives what is on the disk");
	is(pwrite(fd, page, 4096, 6008 * 512), 4096, "its neighbour can be written");
	is(fsync(fd), 0, "... and reaches the disk");
}

static void lost(int fd)
{
	long retries = vmstat("blk_retry");
	double start = seconds(), took;

	is(pread(fd, page, 512, 8192 * 512), 512, "a command without an answer");
	took = seconds() - start;
	printf("# %.2f s\n", took);
	is(vmstat("blk_retry") - retries, 1, "... is given again");
	if (disk[5] == 's')
		ok(took > 2.9 && took < 10, "... after its time-out"); /* of 3 s, where 10 are the default */
	is(pread(fd, big, sizeof(big), 9000 * 512), sizeof(big), "and the disk goes on");
	is(pwrite(fd, big, sizeof(big), 9000 * 512), sizeof(big), "... in both directions");
	is(fsync(fd), 0, "... and flushes");
}

int main(void)
{
	int fd = open_disk("", O_RDWR);

	if (fd < 0)
		bail("no disk");
	for_ever(fd);
	passing(fd);
	only_writes(fd);
	lost(fd);
	return done();
}
