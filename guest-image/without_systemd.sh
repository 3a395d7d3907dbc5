#!/usr/bin/env bash
# Makes the libsystemd.so.0 of the guest: every symbol PROGRAM wants of it answers ENOSYS, which is
# what a machine without systemd has to say. Debian's own would bring libgcrypt, three compression
# libraries and 3.4 MiB into the measured image, none of it ever used: the agent runs crun with
# cgroupfs and gives it no notification socket.
#
#   guest-image/without_systemd.sh PROGRAM OUT
set -euo pipefail
program=$1 out=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# "NAME VERSION" a line, as the program was linked: sd_notify LIBSYSTEMD_209.
nm -D --undefined-only "$program" | sed -n 's/.* U \(sd_[a-z_]*\)@\(LIBSYSTEMD_[0-9]*\)$/\1 \2/p' |
  LC_ALL=C sort -u >"$work/symbols"
[ -s "$work/symbols" ] || { echo "without_systemd: $program wants nothing of systemd" >&2; exit 1; }
{
  echo '#include <errno.h>'
  awk '{printf "int %s(void);\nint %s(void) { return -ENOSYS; }\n", $1, $1}' "$work/symbols"
} >"$work/library.c"
awk '{symbols[$2] = symbols[$2] " " $1 ";"}
  END {for (version in symbols) printf "%s {global:%s};\n", version, symbols[version]}' \
  "$work/symbols" | LC_ALL=C sort >"$work/library.map"
(cd "$work" && cc -Os -fPIC -fcf-protection=full -shared -nostdlib -Wl,-soname,libsystemd.so.0 \
  -Wl,--version-script=library.map,-z,relro,-z,now,-z,noexecstack,--build-id=none \
  -o library.so library.c)
strip --strip-all -o "$out" "$work/library.so"
