#!/usr/bin/env bash
# What an encrypted scratch disk costs, against a tmpfs and a bare disk, all in one guest with one
# emulated processor: seconds to make the file system, to write a file and to read it from the
# disk. The device mapper's tables are those of guest-agent/storage/scratch_plan.cc; the last row
# keeps the tags on the disk, as dm-integrity does by itself.
#
#   tests/bench/scratch_disk.sh [BUILD] [MIB]    # BUILD/guest-disk: guest-image/build.sh --disk
#
# Emulation pays much for ciphers and little for the disk: these ratios are upper bounds.
set -euo pipefail
build=$(cd "${1:-build/release}" && pwd) mib=${2:-64}
guest=$build/guest-disk
work=$(mktemp -d "${TMPDIR:-/tmp}/scratch_bench.XXXXXX")
trap 'rm -rf "$work"' EXIT
key=$(head -c 64 /dev/urandom | od -An -v -t x1 | tr -d ' \n')
[ -f "$guest/initrd.img" ] || { echo "no $guest: run guest-image/build.sh --disk"; exit 1; }

mkdir "$work/root"
(cd "$work/root" && cpio --quiet -id <"$guest/initrd.img")
cp "$(command -v busybox)" "$work/root/usr/bin/busybox"
cp "$(command -v dmsetup)" "$work/root/usr/bin/dmsetup"
ldd "$(command -v dmsetup)" | awk '$2 == "=>" {print $3}' | while read -r library; do
  cp -L "$library" "$work/root/usr/lib/x86_64-linux-gnu/"
done
rm "$work/root/init"
cat >"$work/root/init" <<EOF
#!/usr/bin/busybox sh
b=/usr/bin/busybox
\$b mkdir -p /proc /sys /dev /m
\$b mount -t proc proc /proc; \$b mount -t sysfs sys /sys; \$b mount -t devtmpfs dev /dev
exec >/dev/console 2>&1
for list in modules disk-modules; do
  while read -r file; do
    options=; case \$file in */brd.ko) options="rd_nr=1 rd_size=65536" ;; esac
    \$b insmod \$file \$options 2>/dev/null
  done </lib/nacre/\$list.list
done
now() { read -r up rest </proc/uptime; echo \${up%.*}\${up#*.}; }
# cost COMMAND...: hundredths of a second
cost() {
  local from
  from=\$(now)
  "\$@" >/dev/null 2>&1 || echo "FAILED: \$*" >&2
  \$b expr \$(now) - \$from
}
measure() { # NAME DEVICE
  local made=0 wrote read_
  if [ \$2 = tmpfs ]; then \$b mount -t tmpfs -o size=90% t /m
  else
    \$b dd if=/dev/zero of=\$2 bs=64k count=1 conv=notrunc 2>/dev/null
    \$b dd if=/dev/zero of=\$2 bs=64k seek=\$((size / 128 - 1)) count=1 conv=notrunc 2>/dev/null
    made=\$(cost /usr/bin/mke2fs -q -F -t ext4 -b 4096 -m 0 \
      -I 256 -i 16384 -E nodiscard,num_backup_sb=0,packed_meta_blocks=1,lazy_itable_init=1 \
      -O ^has_journal,^resize_inode,^metadata_csum,^sparse_super,sparse_super2,uninit_bg \$2)
    \$b mount -t ext4 -o noatime,nobarrier,noinit_itable \$2 /m || return
  fi
  wrote=\$(cost \$b dd if=/source of=/m/f bs=1M conv=fsync)
  echo 3 >/proc/sys/vm/drop_caches
  read_=\$(cost \$b dd if=/m/f of=/dev/null bs=1M)
  \$b umount /m
  echo "row \$1 \$made \$wrote \$read_"
}
\$b dd if=/dev/urandom of=/source bs=1M count=$mib 2>/dev/null
size=2097152
crypt() {
  echo "0 \$size crypt aes-xts-plain64 $key 0 \$1 0 2 sector_size:4096 iv_large_sectors"
}
tags="allow_discards block_size:4096 internal_hash:sha256 journal_sectors:8 buffer_sectors:8"
dm() {
  dmsetup create --noudevsync \$1 --table "\$2" &&
    dm=/dev/dm-\$(dmsetup info -c --noheadings -o minor \$1)
}
tables() { \$b blkdiscard -l 17956864 \$dm; }
export DM_DISABLE_UDEV=1
measure tmpfs tmpfs
measure disk /dev/vda
dm a "\$(crypt /dev/vda)" && measure encrypted \$dm; dmsetup remove a
dm i "0 \$size integrity /dev/vda 0 16 D 6 meta_device:/dev/ram0 \$tags" && tables &&
  dm a "\$(crypt \$dm)" && measure encrypted,tags-in-memory \$dm; dmsetup remove a; dmsetup remove i
\$b dd if=/dev/zero of=/dev/vda bs=1M count=1 2>/dev/null
dm i "0 \$((size - 65536)) integrity /dev/vda 0 16 D 5 \$tags" &&
  size=\$((size - 65536)) && tables &&
  dm a "\$(crypt \$dm)" && measure encrypted,tags-on-disk \$dm
\$b poweroff -f
EOF
chmod 0755 "$work/root/init"
(cd "$work/root" && find . | cpio -o -H newc --quiet) >"$work/initrd"
truncate -s 1G "$work/disk"
qemu-system-x86_64 -nodefaults -no-reboot -display none -cpu max,-erms,-smap,-xsave,-pcid \
  -M q35,accel=tcg -m 1G -kernel "$guest/vmlinux" -initrd "$work/initrd" -serial stdio \
  -append "console=ttyS0 quiet loglevel=3 panic=-1 cryptomgr.notests no_timer_check" \
  -blockdev driver=raw,node-name=d,cache.no-flush=on,file.driver=file,file.filename="$work/disk" \
  -device virtio-blk-pci,drive=d </dev/null | tr -d '\r' >"$work/console"
grep -q '^row' "$work/console" || { cat "$work/console"; exit 1; }
grep -v '^row' "$work/console" | grep -iE 'fail|error' || true
echo "$mib MiB: s to make the file system, to write (MiB/s), to read (MiB/s)"
awk -v mib="$mib" '/^row/ {printf "%-28s %6.2f  %6.2f (%4d)  %6.2f (%4d)\n", $2, $3 / 100,
  $4 / 100, mib * 100 / ($4 + .01), $5 / 100, mib * 100 / ($5 + .01)}' "$work/console"
