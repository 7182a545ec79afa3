#!/usr/bin/env bash
# sign.sh FILE: signs a program for Windows, if there is a certificate: see make.sh.
set -euo pipefail
[[ -n ${SIGN_CERTIFICATE:-} ]] || exit 0
trap 'rm -f "$1.signed"' EXIT
osslsigncode sign -certs "$SIGN_CERTIFICATE" -key "$SIGN_KEY" -h sha256 -n Spacehatch \
	${SIGN_TIMESTAMP:+-ts "$SIGN_TIMESTAMP"} -in "$1" -out "$1.signed" >/dev/null
mv "$1.signed" "$1"
