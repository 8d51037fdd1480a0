#!/bin/sh
# SPDX-License-Identifier: MIT
# What the build and the tests need from Debian 12.
#
# usage: tools/deps.sh CACHE             install missing packages (as root), fetch BusyBox into CACHE
#        tools/deps.sh --busybox CACHE   BusyBox alone
#        tools/deps.sh --peer CACHE      Linux 6.1 686-PAE into CACHE/peer (tools/peer)
#        tools/deps.sh --packages CACHE PACKAGE...    i386 packages, unpacked into CACHE/packages/PACKAGE (not installed)
#        tools/deps.sh --debs CACHE PACKAGE...        the .deb files of i386 packages, kept in CACHE/debs-root (tools/rootimage)
#        tools/deps.sh --check TOOL...   prints one line for the first tool that is missing
#
# i386 packages (BusyBox, the peer's kernel) are fetched through an apt state of its own in CACHE, which uses the host's
# sources and keys; nothing of them is installed and the host gains no architecture. apt checks the signatures as always.
set -eu

PACKAGES="make gcc gcc-i686-linux-gnu binutils-i686-linux-gnu libc6-dev-i386-cross linux-libc-dev-i386-cross
libasan8-i386-cross libubsan1-i386-cross nasm clang libclang-rt-14-dev python3 git perl qemu-system-x86 qemu-utils grub-common grub-pc-bin xorriso mtools
bochs bochsbios vgabios gdb e2fsprogs fdisk"

package_of() {
	case $1 in
	i686-linux-gnu-gcc) echo gcc-i686-linux-gnu ;;
	i686-linux-gnu-*) echo binutils-i686-linux-gnu ;;
	qemu-system-*) echo qemu-system-x86 ;;
	grub-mkrescue) echo grub-common ;;
	mformat) echo mtools ;;
	/usr/bin/python3 | python3) echo python3 ;;
	prove) echo perl ;;
	*) echo "$1" ;;
	esac
}

check() {
	for tool; do
		command -v "$tool" >/dev/null 2>&1 && continue
		package=$(package_of "$tool")
		echo "$tool is missing (Debian package $package): run 'make deps' as root, or: apt-get install $package"
		return
	done
}

install_packages() {
	missing=
	for p in $PACKAGES; do
		case $(dpkg-query -W -f '${db:Status-Status}' "$p" 2>/dev/null) in
		installed) ;;
		*) missing="$missing $p" ;;
		esac
	done
	[ -n "$missing" ] || return 0
	command="apt-get install -y --no-install-recommends$missing"
	if [ "$(id -u)" != 0 ]; then
		echo "make deps: packages are missing; as root, run: apt-get update && $command" >&2
		exit 1
	fi
	apt-get update -qq || echo "make deps: apt-get update reported errors; trying with what it got" >&2
	DEBIAN_FRONTEND=noninteractive $command -qq >"$cache/apt-install.log" 2>&1 || {
		tail -n 20 "$cache/apt-install.log" >&2
		exit 1
	}
}

# apt-get with a state of its own, for i386
apt_i386() {
	a=$cache/apt
	mkdir -p "$a/lists/partial" "$a/archives/partial"
	: >"$a/status"
	tool=$1
	shift
	"$tool" -q -o Dir::State="$a" -o Dir::State::Lists="$a/lists" -o Dir::State::status="$a/status" -o Dir::Cache="$a" \
		-o Dir::Log="$a" -o APT::Architecture=i386 -o APT::Architectures::=i386 -o APT::Sandbox::User="$(id -un)" \
		-o Acquire::Languages=none "$@"
}

# => the package's files lie in $cache/$2
fetch_i386() {
	rm -rf "$cache/$2.new"
	mkdir -p "$cache/$2.new" "$cache/debs"
	(cd "$cache/debs" && rm -f "$1"_* && apt_i386 apt-get download "$1")
	dpkg-deb -x "$cache/debs/$1"_*.deb "$cache/$2.new"
	rm -rf "$cache/${2:?}" "$cache/debs/$1"_*
	mv "$cache/$2.new" "$cache/$2"
}

update_i386() {
	apt_i386 apt-get update >"$cache/apt-update.log" 2>&1 || true # one failed index may leave what we need
}

get_busybox() {
	[ ! -s "$cache/busybox" ] || return 0
	update_i386
	fetch_i386 busybox-static bb >"$cache/apt-download.log" 2>&1 || {
		cat "$cache/apt-update.log" "$cache/apt-download.log" >&2
		exit 1
	}
	cp "$cache/bb/bin/busybox" "$cache/busybox.new"
	mv "$cache/busybox.new" "$cache/busybox"
}

get_peer() {
	[ ! -e "$cache/peer/lx/boot" ] || return 0
	mkdir -p "$cache/peer"
	update_i386
	kernel=$(apt_i386 apt-cache depends linux-image-686-pae | awk '/Depends: linux-image-/ {print $2; exit}')
	fetch_i386 "$kernel" peer/lx
}

get_packages() {
	for p; do
		[ ! -e "$cache/packages/$p" ] || continue
		mkdir -p "$cache/packages"
		[ -e "$cache/apt/lists/lock" ] || update_i386
		fetch_i386 "$p" "packages/$p" >&2
	done
}

get_debs() {
	mkdir -p "$cache/debs-root/new" # where unfinished ones lie
	cd "$cache/debs-root"
	missing=
	for p; do
		[ -n "$(ls "$p"_*.deb 2>/dev/null)" ] || missing="$missing $p"
	done
	[ -n "$missing" ] || return 0
	[ -e "$cache/apt/lists/lock" ] || update_i386
	cd new && rm -f ./*.deb
	# lists of last month name files that are gone: once more with today's
	apt_i386 apt-get download $missing >"$cache/apt-download.log" 2>&1 || {
		update_i386
		apt_i386 apt-get download $missing >"$cache/apt-download.log" 2>&1
	} || {
		tail -n 20 "$cache/apt-update.log" "$cache/apt-download.log" >&2
		exit 1
	}
	mv ./*.deb ..
}

case $1 in
--check)
	shift
	check "$@"
	exit
	;;
--busybox | --peer | --packages | --debs) what=$1 && shift ;;
*) what=all ;;
esac
mkdir -p "$1"
cache=$(cd "$1" && pwd)
exec 9>"$cache/lock" # apt's lists and archives are one user's at a time
flock 9
shift
case $what in
all) install_packages && get_busybox ;;
--busybox) get_busybox ;;
--peer) get_busybox && get_peer ;;
--packages) get_packages "$@" ;;
--debs) get_debs "$@" ;;
esac
