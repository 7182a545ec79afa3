#!/usr/bin/env bash
# The demo: a Studio on this machine, one link, one space, and then everything
# as it was. With a display it opens the Studio page and leaves the clicking to
# you; without one it does in the terminal what a click does.
set -euo pipefail
cd "$(dirname "$0")/.."

spacehatch=$PWD/build/spacehatch
state=${XDG_STATE_HOME:-$HOME/.local/state}/spacehatch
config=${XDG_CONFIG_HOME:-$HOME/.config}/spacehatch
# OpenSSH takes the home folder from the user database and not from $HOME.
ssh_folder=$(getent passwd "$(id -u)" | cut -d: -f6)/.ssh/spacehatch

say() { printf '\n\033[1m%s\033[0m\n' "$*"; }
run() { printf '$ %s\n' "$*"; "$@"; }

for mine in "$state" "$config" "$ssh_folder"; do
	if [ -e "$mine" ]; then
		echo "Spacehatch is in use here already: $mine exists. The demo takes back all that it" >&2
		echo "changes and would take that too. Run it as another user, or run" >&2
		echo "\`spacehatch uninstall\` first." >&2
		exit 1
	fi
done

for tool in ssh curl; do
	command -v "$tool" >/dev/null && continue
	say "Installing $tool"
	root() { if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo "$@"; fi; }
	root apt-get -q update
	root apt-get -q install -y --no-install-recommends "${tool/#ssh/openssh-client}"
done

log=$(mktemp) simulator='' made=''
[ -d "${config%/*}" ] || made=${config%/*}
undo() {
	trap - EXIT INT TERM HUP
	say "Taking everything back"
	"$spacehatch" uninstall --yes || true
	if [ -n "$simulator" ]; then
		kill "$simulator" 2>/dev/null || true
		wait "$simulator" 2>/dev/null || true
	fi
	rm -f "$log"
	[ -z "$made" ] || rmdir --ignore-fail-on-non-empty "$made"
}
trap 'code=$?; undo; exit $code' EXIT
trap 'exit 130' INT TERM HUP

say "A Studio on this machine"
# Plain, because a program that a browser starts does not get our environment,
# and so not the simulator's certificate authority.
"$spacehatch" simulator --plain --json >"$log" &
simulator=$!
for _ in $(seq 100); do
	[ -s "$log" ] && break
	kill -0 "$simulator" || exit 1
	sleep 0.1
done
value() { grep -o "\"$1\":\"[^\"]*\"" "$log" | head -n 1 | cut -d'"' -f4; }
page=$(value page)
mkdir -p "$config"
printf '# Written by the demo, removed when it ends.\ntrusted_hosts = ["%s"]\n' "$(value gateway)" >"$config/settings.toml"
echo "$page"

if [ -n "${DISPLAY:-}${WAYLAND_DISPLAY:-}" ] && command -v xdg-open >/dev/null && [ -t 0 ]; then
	say "Links and SSH"
	run "$spacehatch" setup
	say "Click Open in VS Code in the page that opens now"
	run xdg-open "$page?scheme=spacehatch"
	read -r -p "Press Enter when you have seen enough: "
	exit 0
fi

say "One click, by hand: a link from the page, opened"
link=$(curl -fsS "${page}api/link?space=my-space&kind=sagemaker&scheme=spacehatch&encoding=once")
printf '$ spacehatch open --yes --editor none %s…\n' "${link:0:60}"
printf '%s' "$link" | "$spacehatch" open --yes --editor none -

say "The space, from any terminal"
run ssh my-space.hatch 'echo "Hello from $(whoami) in $(pwd)"; uname -sr'
run "$spacehatch" status
