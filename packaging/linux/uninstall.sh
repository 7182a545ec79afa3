#!/bin/sh
# Takes out what install.sh put in, after `spacehatch uninstall` has taken back
# what Spacehatch changed.
set -eu

usage() {
	cat <<'TEXT'
Usage: uninstall.sh [--yes] [--keep-settings]
  --yes            do not ask
  --keep-settings  leave settings.toml where it is
TEXT
}

fail() {
	printf 'uninstall.sh: %s\n' "$1" >&2
	exit 1
}

for argument; do
	case $argument in
	--yes | -y | --keep-settings) ;;
	--help | -h) usage; exit 0 ;;
	*) usage >&2; exit 2 ;;
	esac
done

own=$(cd "$(dirname "$0")" && pwd)
list=$own/installed
[ -f "$list" ] || fail "there is no list of what was installed beside this file ($list)"
prefix=$(cd "$own/../.." && pwd)

if [ -x "$prefix/bin/spacehatch" ]; then
	"$prefix/bin/spacehatch" uninstall "$@" ||
		fail "nothing was removed, because \`spacehatch uninstall\` did not do all of its work"
fi

cd /
sed -n 's/^file //p' "$list" | while read -r name; do rm -f "$prefix/$name"; done
folders=$(sed -n 's/^folder //p' "$list" | sort -r) # what is below comes first
rm -f "$list"
printf '%s\n' "$folders" | while read -r folder; do
	# What is not empty holds something of somebody else's.
	[ -z "$folder" ] || rmdir "$folder" 2>/dev/null || :
done
echo "Spacehatch is gone from $prefix."
