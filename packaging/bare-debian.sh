#!/usr/bin/env bash
# Proves packaging/apt-packages.txt: a minimal Debian 12 with nothing but git, in a folder, gets a
# clone of this tree and runs ./demo and ./test there, as a newcomer's machine would.
#
#   packaging/bare-debian.sh [FOLDER]     # needs root, debootstrap, 10 GB; about half an hour
#
# The folder is kept, so that a failure can be looked at: chroot FOLDER /bin/bash. Unmount what is
# below it before it is deleted.
set -euo pipefail
top=$(cd "$(dirname "$0")/.." && pwd)
folder=${1:-$(mktemp -d "${TMPDIR:-/tmp}/bare-debian.XXXXXX")}
[ "$(id -u)" -eq 0 ] || { echo "bare-debian: needs root" >&2; exit 1; }
command -v debootstrap >/dev/null || { echo "bare-debian: debootstrap is missing" >&2; exit 1; }

debootstrap --variant=minbase --include=git,ca-certificates bookworm "$folder"
cp /etc/resolv.conf "$folder/etc/resolv.conf"
# A real machine has these; the cgroups are for containerd.
mount -t proc proc "$folder/proc"
mount --rbind /sys "$folder/sys" && mount --make-rslave "$folder/sys"
mount --rbind /dev "$folder/dev" && mount --make-rslave "$folder/dev"
mount -t tmpfs run "$folder/run"
git clone -q "$top" "$folder/src/nacre"
[ ! -d "$top/../shared" ] || cp -r "$top/../shared" "$folder/src/shared"
for command in ./demo ./test; do
  echo "== $command"
  time env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 \
    chroot "$folder" sh -c "cd /src/nacre && $command"
done
echo "bare-debian: both pass; the machine is in $folder"
