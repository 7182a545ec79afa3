#!/bin/sh
# Installs Spacehatch for the user who runs it, without root, below ~/.local or
# another folder, and sets it up. A newer archive's install.sh replaces an older
# installation. The uninstall.sh that it leaves takes everything out again.
set -eu

usage() {
	cat <<'TEXT'
Usage: ./install.sh [--prefix DIR] [--yes] [--no-setup] [--replace]
  --prefix DIR  install below DIR, in place of ~/.local
  --yes         set up without asking
  --no-setup    only put the files there; `spacehatch setup` does the rest
  --replace     replace files of these names that something else put there
TEXT
}

fail() {
	printf 'install.sh: %s\n' "$1" >&2
	exit 1
}

prefix=${HOME:?}/.local
setup=ask
replace=no
while [ $# -gt 0 ]; do
	case $1 in
	--prefix)
		[ $# -ge 2 ] || { usage >&2; exit 2; }
		prefix=$2
		shift
		;;
	--prefix=*) prefix=${1#--prefix=} ;;
	--yes | -y) setup=yes ;;
	--no-setup) setup=no ;;
	--replace) replace=yes ;;
	--help | -h) usage; exit 0 ;;
	*) usage >&2; exit 2 ;;
	esac
	shift
done
case $prefix in
/*) ;;
*) prefix=$(pwd)/$prefix ;;
esac
prefix=${prefix%/}

here=$(cd "$(dirname "$0")" && pwd)
cd "$here"
[ "$here" != "$prefix" ] || fail "$prefix is where the archive was unpacked; choose another folder"
version=$(bin/spacehatch version 2>/dev/null) ||
	fail "the program does not start: is this archive, $(basename "$here"), made for this machine ($(uname -s) $(uname -m))?"

own=$prefix/lib/spacehatch
list=$own/installed
# What goes where: a line each, the file here and the path below the prefix.
plan() {
	find bin share -type f | while read -r name; do echo "$name	$name"; done
	echo "uninstall.sh	lib/spacehatch/uninstall.sh"
	for name in LICENSE THIRD-PARTY-LICENSES.txt CHANGELOG.md; do echo "$name	share/doc/spacehatch/$name"; done
}

listed() { [ -f "$list" ] && grep -qxF "$1" "$list"; }

# Nothing of anybody else's is lost.
[ "$replace" = yes ] || plan | while IFS='	' read -r _ to; do
	if [ -e "$prefix/$to" ] && ! listed "file $to"; then
		fail "$prefix/$to is there already and did not come from here; --replace replaces it"
	fi
done

# folders prints the missing folders from $1 up to the topmost.
missing() {
	dir=$1
	while [ ! -d "$dir" ]; do
		echo "folder $dir"
		dir=$(dirname "$dir")
	done
}

# The list is written before anything of it is done, so that what an interrupted
# installation did can be taken out.
before=$(if [ -f "$list" ]; then cat "$list"; fi)
now=$(
	plan | while IFS='	' read -r _ to; do
		echo "file $to"
		missing "$(dirname "$prefix/$to")"
	done
	missing "$own"
	printf '%s\n' "$before" | grep '^folder ' || :
)
mkdir -p "$own"
printf '%s\n' "$now" "$before" | sort -u | sed '/^$/d' >"$list.new"
mv -f "$list.new" "$list"

plan | while IFS='	' read -r from to; do
	mkdir -p "$(dirname "$prefix/$to")"
	# Beside and then over it: a program that runs keeps its file.
	cp -p "$from" "$prefix/$to.new"
	mv -f "$prefix/$to.new" "$prefix/$to"
done

# What only the older version had goes.
printf '%s\n' "$before" | sed -n 's/^file //p' | while read -r old; do
	printf '%s\n' "$now" | grep -qxF "file $old" || rm -f "$prefix/$old"
done
printf '%s\n' "$now" | sort -u >"$list.new"
mv -f "$list.new" "$list"

echo "Installed $version below $prefix."
case :$PATH: in
*":$prefix/bin:"*) ;;
*) echo "$prefix/bin is not in your PATH: add it, or log in again where your system does it by itself." ;;
esac
echo "$own/uninstall.sh takes everything out again."
if [ "$setup" = ask ] && [ ! -t 0 ]; then
	setup=no
fi
case $setup in
no) echo "Run \`$prefix/bin/spacehatch setup\` to have links come to it." ;;
yes) exec "$prefix/bin/spacehatch" setup --yes ;;
ask) exec "$prefix/bin/spacehatch" setup ;;
esac
