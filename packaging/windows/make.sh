#!/usr/bin/env bash
# make.sh VERSION LDFLAGS: makes the programs for Windows in build/windows/ and
# their installer in dist/. `make windows` calls it.
#
# With SIGN_CERTIFICATE and SIGN_KEY (PEM files) everything is signed; with
# SIGN_TIMESTAMP (an address) the signatures outlive the certificate. Without a
# certificate nothing is signed, and the files are the same bytes each time.
# With QUICK the installer is larger, its windows do not open, and it is made
# sooner; with DIST it goes to another folder. Both are for tests.
set -euo pipefail
cd "$(dirname "$0")/../.."
version=$1 ldflags=$2
mingw=x86_64-w64-mingw32
out=build/windows

for need in $mingw-gcc:gcc-mingw-w64-x86-64-win32 $mingw-windres:binutils-mingw-w64-x86-64 makensis:nsis ${SIGN_CERTIFICATE:+osslsigncode:osslsigncode}; do
	command -v "${need%:*}" >/dev/null || {
		echo "make windows: ${need%:*} is missing; it is in Debian's package ${need#*:}" >&2
		exit 1
	}
done
# What has a date in the installer has this one.
export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || date +%s)}

# Windows wants four numbers: v1.2.3-4-gabc is 1.2.3.4, what has no tag 0.0.0.0.
numbers=0.0.0.0
if [[ $version =~ ^v?([0-9]+)\.([0-9]+)\.([0-9]+)(-[0-9A-Za-z.]+)?(-([0-9]+)-g[0-9a-f]+)?(-dirty)?$ ]]; then
	numbers=${BASH_REMATCH[1]}.${BASH_REMATCH[2]}.${BASH_REMATCH[3]}.${BASH_REMATCH[6]:-0}
fi

rm -rf "$out"
mkdir -p "$out" "${DIST:-dist}"
made=()
trap 'rm -f "${made[@]}"' EXIT

program() { # program NAME FOLDER CGO [FLAG OF THE LINKER]
	local name=$1 folder=$2 cgo=$3 subsystem=${4:-}
	echo "building $name.exe"
	# The linker takes it from beside the sources, and from nowhere else.
	local resources=$folder/resources_windows_amd64.syso
	made+=("$resources")
	printf '#define NAME "%s"\n#define VERSION "%s"\n#define NUMBERS %s\n' "$name" "$version" "${numbers//./,}" >"$out/program.h"
	$mingw-windres -O coff -I "$out" -i packaging/windows/program.rc -o "$resources"
	GOOS=windows GOARCH=amd64 CGO_ENABLED=$cgo CC=$mingw-gcc \
		go build -ldflags "$ldflags $subsystem" -o "$out/$name.exe" "./$folder"
	rm "$resources" "$out/program.h"
	packaging/windows/sign.sh "$out/$name.exe"
}

program spacehatch cmd/spacehatch 0
program spacehatchw cmd/spacehatch 0 -H=windowsgui
# Elsewhere the windows draw by OpenGL ES; Windows has none of its own. OpenGL's
# bindings are a file of C that takes minutes, and not to optimise it halves them:
# it only passes calls on. The tests open no window and take what is made sooner.
if [[ -z ${QUICK:-} ]]; then
	export GOFLAGS='-trimpath -buildvcs=false' CGO_CFLAGS='-O0 -g0'
fi
program spacehatch-desktop cmd/spacehatch-desktop 1 -H=windowsgui

echo "packing the installer"
setup=${DIST:-dist}/spacehatch-${version#v}-windows-amd64-setup.exe
makensis -V2 -NOCD -INPUTCHARSET UTF8 -DVERSION="$version" -DNUMBERS="$numbers" -DFROM="$out" -DSETUP="$setup" ${QUICK:+-DQUICK} \
	packaging/windows/installer.nsi
packaging/windows/sign.sh "$setup"
ls -l "$out"/*.exe "$setup"
