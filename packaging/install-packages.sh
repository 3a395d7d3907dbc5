#!/usr/bin/env bash
# Installs what packaging/apt-packages.txt lists and is not there yet; silent and quick when
# nothing is missing.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)

listed=$(sed -e 's/#.*//' -e '/^[[:space:]]*$/d' "$here/apt-packages.txt")
present=$(dpkg-query -W -f '${Package} ${db:Status-Abbrev}\n' 2>/dev/null |
  awk '$2 == "ii" {print $1}' | sort -u)
missing=$(comm -23 <(sort -u <<<"$listed") <(cat <<<"$present"))
[ -n "$missing" ] || exit 0

sudo=
if [ "$(id -u)" -ne 0 ]; then
  if ! command -v sudo >/dev/null; then
    echo "install-packages: need root or sudo to install: $(tr '\n' ' ' <<<"$missing")" >&2
    exit 1
  fi
  sudo=sudo
fi
log=$(mktemp)
echo "installing $(wc -l <<<"$missing") Debian packages..." >&2
install() {
  $sudo apt-get update -qq &&
    $sudo env DEBIAN_FRONTEND=noninteractive \
      apt-get install -y -qq --no-install-recommends $missing
}
if ! install >"$log" 2>&1 </dev/null; then
  echo "install-packages: apt-get failed: $(grep -E '^E:' "$log" | head -n 1)" >&2
  echo "  whole log: $log" >&2
  exit 1
fi
rm -f "$log"
