#!/bin/sh
# SPDX-License-Identifier: MIT
# usage: seeds.sh FOLDER: small ext2 images of all block sizes, revisions and kinds of files, made by mke2fs
set -e
PATH=$PATH:/sbin:/usr/sbin
rm -rf "$1"; mkdir -p "$1/tree/dir/sub/deep"
cd "$1"
printf 'a file\n' > tree/file
: > tree/empty
seq 9000 > tree/big
seq 700 > tree/dir/yy
ln tree/file tree/dir/hard
ln -s file tree/short
ln -s a/text/of/more/than/sixty/bytes/so/that/it/does/not/fit/into/the/inode/itself tree/long
printf x | dd of=tree/sparse bs=1 seek=75000000 2>/dev/null
printf y | dd of=tree/sparse bs=1 seek=500000 conv=notrunc 2>/dev/null
mkfifo tree/dir/sub/x
make() { # number size options
	n=$1; size=$2; shift 2
	truncate -s "$size" "$n.img"
	mke2fs -q -F -t ext2 -E root_owner=0:0 "$@" -d tree "$n.img"
}
make 0 192K -b 1024 -N 32 -I 128
make 1 512K -b 1024 -g 256 -N 64 -I 128 -O ^resize_inode
make 2 384K -b 2048 -N 32 -I 256
make 3 768K -b 4096 -N 32
make 4 192K -b 1024 -N 32 -I 128 -O none
for i in $(seq 70); do : > "tree/dir/a_name_that_fills_the_blocks_of_its_directory_$i"; done
make 5 256K -b 1024 -N 128 -I 128 -O dir_index
e2fsck -fyD 5.img > /dev/null || [ $? -le 1 ]
