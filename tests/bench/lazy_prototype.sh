#!/usr/bin/env bash
# What a lazy start would give: one image's tree as an EROFS blob read on demand, with dm-verity and
# with dm-crypt below it, beside the same tree pulled whole. docs/design/lazy-images.md reads these
# figures. The guest is emulated: times compare with each other only.
#
#   tests/bench/lazy_prototype.sh [BUILD]
#
# Needs root, and the packages erofs-utils, cryptsetup-bin and dmsetup.
set -euo pipefail
cd "$(dirname "$0")/../.."
here=$PWD
source tests/scenario/lib/stack.sh
source tests/scenario/lib/outer_guest.sh
STACK_NAME=lazy
stack_new "${1:-build/release}"

packages="libc6 libgcc-s1 libcrypt1 zlib1g libexpat1 libssl3 libffi8 libbz2-1.0 liblzma5 libuuid1
  libpython3.11-minimal libpython3.11-stdlib python3.11-minimal python3.11 media-types
  perl-base libperl5.36 perl-modules-5.36 git binutils-x86-64-linux-gnu libbinutils
  cpp-12 gcc-12 libgcc-12-dev libstdc++-12-dev g++-12"
started="import json, ssl, email, http.client, asyncio, logging, argparse; print('started')"

# The image, in all its forms.
make_images() {
  local root=$STACK/root debs=$STACK/debs
  mkdir -p "$root" "$debs"
  (cd "$debs" && apt-get download -q $packages >"$STACK/log/download.log" 2>&1)
  for deb in "$debs"/*.deb; do dpkg-deb -x "$deb" "$root"; done
  mkdir -p "$root"/{proc,dev,tmp}
  key=$(od -An -tx1 -N64 /dev/urandom | tr -d ' \n')
  tar -C "$root" --sort=name -cf - . | gzip -6 >"$STACK/layer.tar.gz"
  mkfs.erofs --quiet "$STACK/plain.erofs" "$root" >/dev/null
  mkfs.erofs --quiet -zlz4hc "$STACK/lz4.erofs" "$root" >/dev/null
  cc -O2 -o "$STACK/xts_image" tests/bench/xts_image.c -lcrypto
  "$STACK/xts_image" "$key" "$STACK/lz4.erofs" "$STACK/lz4.crypt"
  for form in lz4.erofs lz4.crypt; do
    veritysetup format --data-block-size 4096 --hash-block-size 4096 --salt - \
      "$STACK/$form" "$STACK/$form.tree" >"$STACK/$form.verity"
  done
  find "$root" -type f | wc -l >"$STACK/files"
  du -s --apparent-size -B1 "$root" | cut -f1 >"$STACK/unpacked"
}

size() { stat -c %s "$1"; }
disk() {
  local file=file.driver=file,file.filename=$2
  outer_options+=(-blockdev "driver=raw,node-name=$1,read-only=on,$file"
    -device "virtio-blk-pci,drive=$1,serial=$1")
}
root_hash() { awk '/Root hash/{print $3}' "$STACK/$1.verity"; }

# What runs in the guest: each way from "the blob is on this node" to the program's first line.
write_guest_script() {
  cat >"$STACK/guest.sh" <<EOF
set -e
export DM_DISABLE_UDEV=1  # no udev runs there
ln -s /proc/self/fd /dev/fd
trap 'dmesg | tail -n 6' ERR
set -- \$(ls /sys/block | grep vd)
for disk; do eval "\$(cat /sys/block/\$disk/serial)=\$disk"; done
now() { cut -d' ' -f1 /proc/uptime; }
sectors() { awk '{print \$3}' /sys/block/\$1/stat; }
report() { # NAME BEGAN DISK [TREE]
  local read=\$(sectors \$3)
  [ -z "\${4:-}" ] || read=\$((read + \$(sectors \$4)))
  echo "lazy: \$1 \$(echo "\$(now) - \$2" | bc) \$((read * 512))"
}
first_line() { chroot \$1 /usr/bin/python3.11 -c "$started" >/dev/null; }
verity() { # NAME DISK TREE BLOCKS ROOT-HASH
  dmsetup create \$1 --readonly --table \
    "0 \$((\$4 * 8)) verity 1 /dev/\$2 /dev/\$3 4096 4096 \$4 1 sha256 \$5 -"
}
blocks=$(($(size "$STACK/lz4.erofs") / 4096))
mkdir -p /run/a /run/b /run/c /run/whole
# The first run of anything here also reads the tools themselves.
dmsetup version >/dev/null; now >/dev/null; mount -t tmpfs -o size=2G whole /run/whole

began=\$(now)
mount -t erofs -o ro /dev/\$plain /run/a; first_line /run/a; report erofs \$began \$plain
umount /run/a
began=\$(now)
mount -t erofs -o ro /dev/\$lz4 /run/a; first_line /run/a; report erofs-lz4 \$began \$lz4
umount /run/a; echo 3 >/proc/sys/vm/drop_caches
was=\$(sectors \$lz4)
began=\$(now)
verity v \$lz4 \$lz4tree \$blocks $(root_hash lz4.erofs)
mount -t erofs -o ro /dev/mapper/v /run/b; first_line /run/b
read=\$((\$(sectors \$lz4) - was + \$(sectors \$lz4tree)))
echo "lazy: erofs-lz4-verity \$(echo "\$(now) - \$began" | bc) \$((read * 512))"
began=\$(now)
verity w \$crypt \$crypttree \$blocks $(root_hash lz4.crypt)
cipher="aes-xts-plain64 $key 0 /dev/mapper/w 0 2 sector_size:4096 iv_large_sectors"
dmsetup create c --readonly --table "0 \$((blocks * 8)) crypt \$cipher"
mount -t erofs -o ro /dev/mapper/c /run/c; first_line /run/c
report erofs-lz4-crypt-verity \$began \$crypt \$crypttree
began=\$(now)
cat /run/c/usr/lib/git-core/git >/dev/null
report then-one-file-more \$began \$crypt \$crypttree
began=\$(now)
openssl dgst -sha256 </dev/\$layer >/dev/null
gzip -dc </dev/\$layer 2>/dev/null | tee >(openssl dgst -sha256 >/dev/null) |
  tar -C /run/whole -xf -
first_line /run/whole; report whole-tar-gz \$began \$layer
EOF
}

make_images
write_guest_script
outer_modules="$outer_modules virtio_blk erofs dm_mod dm_verity dm_crypt ecb xts"
disk plain "$STACK/plain.erofs"
disk lz4 "$STACK/lz4.erofs"
disk lz4tree "$STACK/lz4.erofs.tree"
disk crypt "$STACK/lz4.crypt"
disk crypttree "$STACK/lz4.crypt.tree"
# Padded to sectors: a disk has no other sizes. gzip ignores zeros behind its end.
truncate -s %512 "$STACK/layer.tar.gz"
disk layer "$STACK/layer.tar.gz"

outer_guest "$STACK" "$STACK/guest.sh" >"$STACK/log/guest.log" ||
  { tail -n 20 "$STACK/log/guest.log" >&2; exit 1; }
echo "files $(cat "$STACK/files"), unpacked $(($(cat "$STACK/unpacked") >> 20)) MiB"
for form in layer.tar.gz plain.erofs lz4.erofs lz4.erofs.tree; do
  printf '%-16s %7.1f MiB\n' "$form" "$(echo "$(size "$STACK/$form") / 1048576" | bc -l)"
done
printf '\n%-24s %8s %12s\n' "to the first line" seconds "MiB read"
sed -n 's/^lazy: //p' "$STACK/log/guest.log" |
  while read -r name seconds bytes; do
    printf '%-24s %8s %12.1f\n' "$name" "$seconds" "$(echo "$bytes / 1048576" | bc -l)"
  done
