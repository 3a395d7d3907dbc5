#!/usr/bin/env bash
# Builds the guest: Debian's cloud kernel, and an initrd with nacre-agent, crun, their shared
# libraries and the kernel modules.
#
#   guest-image/build.sh --build build/release [--out build/release/guest] [--kernel FILE.deb]
#                        [--openpgp] [--disk]
#
# --kernel takes another kernel package of Debian's. Debian 12's own (6.1) has no drivers for
# reports of SNP or TDX and is for emulated TEEs; hardware wants 6.12 (docs/guide/hardware.md).
# --openpgp puts in gpgv and its libraries (2 MiB), for image policies that ask for "signedBy".
# --disk puts in what images on a scratch disk need (3 MiB): device mapper, ciphers and EROFS as
# modules, mke2fs and its libraries.
#
# vmlinuz is the package's kernel; vmlinux is what it unpacks to, for machines without a TEE: QEMU
# enters it directly, which saves the guest from unpacking it at every start.
#
# The same inputs give the same bytes: files are listed in order, owned by root, dated 1970, and
# what was put in is written to manifest.json with its sha256 and the Debian package it came from.
# The initrd is not compressed: unpacking costs the guest more time than the bytes cost anyone else.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
fail() { echo "guest-image: $*" >&2; exit 1; }

build= out= deb= openpgp= disk=
while [ $# -gt 0 ]; do
  case $1 in
    --build) build=${2:?}; shift 2 ;;
    --out) out=${2:?}; shift 2 ;;
    --kernel) deb=${2:?}; shift 2 ;;
    --openpgp) openpgp=gpgv; shift ;;
    --disk) disk=mke2fs; shift ;;
    *) fail "unknown argument '$1' (known: --build --out --kernel --openpgp --disk)" ;;
  esac
done
[ -n "$build" ] || fail "--build DIR is required"
build=$(cd "$build" && pwd) || fail "no build folder '$build'"
out=${out:-$build/guest}
agent=$build/bin/nacre-agent
[ -x "$agent" ] || fail "no nacre-agent in $build/bin: build it first"
for tool in crun modinfo cpio ldd lz4 zstd xz cc nm $openpgp $disk; do
  command -v $tool >/dev/null || fail "'$tool' is missing (packaging/apt-packages.txt lists it)"
done
mkdir -p "$out" "$out/cache"
work=$(mktemp -d "$out/work.XXXXXX")
trap 'rm -rf "$work"' EXIT
root=$work/root
manifest=$work/manifest.tsv

# package_of FILE: "name version" of the Debian package a file of this machine belongs to. /lib and
# /usr/lib are one folder.
package_of() {
  local path name
  path=$(readlink -f "$1")
  name=$(dpkg -S "$path" 2>/dev/null || dpkg -S "${path#/usr}" 2>/dev/null || true)
  name=${name%%: *}
  [ -n "$name" ] || { echo "nacre"; return; }
  dpkg-query -W -f '${Package} ${Version}' "${name%%,*}"
}

digest() { sha256sum <"$1" | cut -d' ' -f1; }
lines() { sed -e 's/#.*//' -e '/^[[:space:]]*$/d' "$here/$1"; }

# put SOURCE TARGET [MODE] [PACKAGE]: copies one file into the guest and notes it in the manifest.
put() {
  install -D -m "${3:-0644}" "$1" "$root/$2"
  printf '%s\t%s\t%s\n' "$2" "$(digest "$root/$2")" "${4:-$(package_of "$1")}" >>"$manifest"
}

# kernel_behind META: the versioned package Debian's metapackage points to.
kernel_behind() {
  apt-cache depends "$1" 2>/dev/null | awk '/Depends: linux-image/ {print $2; exit}'
}
download() (cd "$out/cache" && apt-get download -qq "$1" >/dev/null 2>&1)

fetch_kernel() {
  local meta package
  meta=$(lines packages.txt)
  package=$(kernel_behind "$meta")
  if [ -z "$package" ]; then
    apt-get update -qq >/dev/null 2>&1 || true
    package=$(kernel_behind "$meta")
  fi
  if [ -n "$package" ] && ! ls "$out/cache/${package}_"*.deb >/dev/null 2>&1; then
    download "$package" || { apt-get update -qq >/dev/null 2>&1 && download "$package"; } ||
      fail "cannot download the Debian package $package"
  fi
  deb=$(ls "$out/cache/${package:-linux-image-}"*.deb 2>/dev/null | sort -V | tail -n 1)
  [ -n "$deb" ] || fail "no kernel: cannot find Debian's package $meta (is apt set up?)"
}

unpack_kernel_package() {
  [ -f "$deb" ] || fail "no kernel package '$deb'"
  kernel_package="$(dpkg-deb -f "$deb" Package) $(dpkg-deb -f "$deb" Version)"
  dpkg-deb -x "$deb" "$work/kernel"
}

# unpack_kernel VMLINUZ: the payload, found by the boot protocol's header (setup_sects,
# payload_offset, payload_length); LZ4 or Zstandard with the unpacked size in its last four bytes.
unpack_kernel() {
  local setup offset length unpack
  setup=$(od -An -t u1 -j 497 -N 1 "$1")
  read -r offset length < <(od -An -t u4 -j 584 -N 8 "$1")
  offset=$(((setup + 1) * 512 + offset))
  case $(od -An -t x1 -j $offset -N 4 "$1" | tr -d ' ') in
    02214c18) unpack=lz4 ;;
    28b52ffd) unpack=zstd ;;
    *) fail "the kernel of $kernel_package is packed with neither LZ4 nor Zstandard" ;;
  esac
  dd if="$1" bs=64K iflag=skip_bytes,count_bytes status=none skip=$offset count=$((length - 4)) |
    $unpack -dcq
}

# module_file NAME: the module's file below the kernel package, packed or not; "" when it has none.
module_file() {
  find "$work/kernel/lib/modules" \( -name "$1.ko*" -o -name "${1//_/-}.ko*" \) -print -quit
}
is_built_in() {
  grep -qE "/(${1//_/[-_]})\.ko$" "$work"/kernel/lib/modules/*/modules.builtin
}

# add_module NAME LIST: its dependencies first, then itself, each once, into the named list. What is
# built into the kernel needs nothing.
add_module() {
  local name=${1//-/_} list=$2 file dependency plain
  grep -qx "$name" "$work/modules.seen" && return
  file=$(module_file "$name")
  [ -n "$file" ] || ! is_built_in "$name" || return 0
  [ -n "$file" ] || fail "the kernel package has no module '$name'"
  plain=$work/$name.ko
  case $file in
    *.xz) xz -dc "$file" >"$plain" ;;
    *.zst) zstd -dcq "$file" >"$plain" ;;
    *) cp "$file" "$plain" ;;
  esac
  file=$plain
  for dependency in $(modinfo -F depends "$file" | tr ',' ' '); do
    add_module "$dependency" "$list"
  done
  echo "$name" >>"$work/modules.seen"
  # Without debug data goes the signature: the initrd is measured, and checking 14 RSA signatures
  # is a third of a start.
  strip --strip-unneeded --remove-section=.BTF -o "$work/module.ko" "$file"
  put "$work/module.ko" "lib/nacre/modules/$name.ko" 0644 "$kernel_package"
  echo "/lib/nacre/modules/$name.ko" >>"$work/$list"
}

# add_program FILE TARGET: an executable with the shared libraries it names, and the loader.
add_program() {
  local library
  put "$1" "$2" 0755
  LD_LIBRARY_PATH=$work/lib ldd "$1" | awk '$2 == "=>" {print $3} $1 ~ /^\// {print $1}' |
    sort -u | while read -r library; do
    case $library in
      /lib64/*) target=lib64/$(basename "$library") ;;
      *) target=usr/lib/x86_64-linux-gnu/$(basename "$library") ;;
    esac
    [ -e "$root/$target" ] || put "$(readlink -f "$library")" "$target" 0755
  done
}

[ -n "$deb" ] || fetch_kernel
unpack_kernel_package
mkdir -p "$root"/{dev,proc,sys,run,tmp,etc,usr/bin,usr/lib/x86_64-linux-gnu,lib64,lib/nacre}
ln -s ../usr/lib/x86_64-linux-gnu "$root/lib/x86_64-linux-gnu"
ln -s usr/bin "$root/bin"
: >"$work/modules.seen" ; : >"$work/modules.list"

strip --strip-all -o "$work/nacre-agent" "$agent"
add_program "$work/nacre-agent" usr/bin/nacre-agent
mkdir "$work/lib"
"$here/without_systemd.sh" "$(command -v crun)" "$work/lib/libsystemd.so.0"
add_program "$(command -v crun)" usr/bin/crun
[ -z "$openpgp" ] || add_program "$(command -v gpgv)" usr/bin/gpgv
ln -s usr/bin/nacre-agent "$root/init"
while read -r module; do add_module "$module" modules.list; done < <(lines modules.txt)
tee_drivers=
while read -r module; do
  is_built_in "$module" || [ -n "$(module_file "$module")" ] || continue
  add_module "$module" modules.list
  tee_drivers+=" $module"
done < <(lines tee_modules.txt)
put "$work/modules.list" lib/nacre/modules.list
if [ -n "$disk" ]; then
  while read -r module; do add_module "$module" disk-modules.list; done < <(lines disk_modules.txt)
  put "$work/disk-modules.list" lib/nacre/disk-modules.list
  add_program "$(command -v mke2fs)" usr/bin/mke2fs
fi
find /usr/share/ca-certificates/mozilla -name '*.crt' | LC_ALL=C sort | xargs cat >"$work/ca.crt"
put "$work/ca.crt" etc/ssl/certs/ca-certificates.crt 0644 \
  "$(dpkg-query -W -f '${Package} ${Version}' ca-certificates)"
printf 'root:x:0:0:root:/:/sbin/nologin\n' >"$work/passwd"
put "$work/passwd" etc/passwd

find "$root" -exec touch -h -d @0 {} +
(cd "$root" && find . -mindepth 1 | LC_ALL=C sort |
  cpio --quiet -o -H newc --reproducible -R 0:0) >"$work/initrd.img"
cp "$work"/kernel/boot/vmlinuz-* "$work/vmlinuz"
unpack_kernel "$work/vmlinuz" >"$work/vmlinux"
[ "$(head -c 4 "$work/vmlinux")" = $'\x7fELF' ] || fail "$kernel_package holds no ELF kernel"
LC_ALL=C sort "$manifest" | jq -R -s \
  --arg kernel "$(digest "$work/vmlinuz")" --arg package "$kernel_package" \
  --arg unpacked "$(digest "$work/vmlinux")" --arg drivers "$tee_drivers" \
  --arg initrd "$(digest "$work/initrd.img")" --argjson size "$(stat -c %s "$work/initrd.img")" '
  { schema: "nacre.guest-image/1",
    kernel: {file: "vmlinuz", sha256: $kernel, package: $package},
    unpacked_kernel: {file: "vmlinux", sha256: $unpacked},
    tee_drivers: ($drivers | split(" ") | map(select(. != ""))),
    initrd: {file: "initrd.img", sha256: $initrd, size: $size},
    contents: (split("\n") | map(select(. != "") | split("\t") |
      {path: .[0], sha256: .[1], package: .[2]})) }' \
  >"$work/manifest.json"
for file in vmlinuz vmlinux initrd.img manifest.json; do
  cmp -s "$work/$file" "$out/$file" || mv "$work/$file" "$out/$file"
done
case $deb in "$out"/cache/*) find "$out/cache" -name '*.deb' ! -path "$deb" -delete ;; esac
size=$(($(stat -c %s "$out/initrd.img") / 1048576))
echo "guest image: $out/{vmlinuz,vmlinux,initrd.img,manifest.json}, initrd $size MiB"
[ -n "$tee_drivers" ] ||
  echo "guest image: $kernel_package has no driver of SNP or TDX: for emulated TEEs only" >&2
