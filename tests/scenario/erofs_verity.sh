# Layers as EROFS under dm-verity on a disk of the host: an image larger than the guest's whole
# memory runs, the host finds no byte of it on its disk, and whatever it does to that disk (a bit,
# whole pieces moved, the disk as it was earlier) is an I/O error and never a wrong byte. What the
# container writes is not on the disk. With the pod the disk is gone.
set -euo pipefail
source "$(dirname "$0")/lib/scratch.sh"
begin_scratch "$1"
memory_mib=192
storage_images=erofs-verity
create_timeout_ms=200000
pieces=200 # of 1 MiB, all alike

stack_image_extra() {
  local tool
  for tool in dd sha256sum seq cut cp ln mkdir grep; do ln -s busybox "$1/bin/$tool"; done
  head -c 15360 /dev/urandom | base64 -w 0 >"$STACK/marker" # 20 KiB of text
  for _ in $(seq 52); do cat "$STACK/marker"; done | head -c 1048576 >"$STACK/piece"
  for _ in $(seq $pieces); do cat "$STACK/piece"; done >"$1/big"
}
scratch_up

# In the container: its own programs are copied first, which puts them into memory. A piece read
# past every cache is what it was ("as it was"), nothing ("refused"), or something else ("WRONG").
cat >"$STACK/script" <<EOF
mkdir /own && cp /bin/busybox /own/busybox
for tool in sh dd sha256sum seq cut cat grep; do ln -s busybox /own/\$tool; done
PATH=/own exec /own/sh -c '
look() {
  as_it_was=0 refused=0 wrong=0
  for i in \$(seq 0 8 $((pieces - 1))); do
    case \$(dd if=/big bs=1M skip=\$i count=1 iflag=direct 2>/dev/null | sha256sum | cut -c 1-64) in
      $(sha256sum <"$STACK/piece" | cut -c 1-64)) as_it_was=\$((as_it_was + 1)) ;;
      $(sha256sum </dev/null | cut -c 1-64)) refused=\$((refused + 1)) ;;
      *) wrong=\$((wrong + 1)) ;;
    esac
  done
  echo "\$1: \$as_it_was as it was, \$refused refused, \$wrong WRONG"
}
cat /pearl.txt
grep -o " / overlay .*" /proc/mounts | cut -c 1-40
look whole
read go; look bits
cat /big 2>&1 >/dev/null | cut -c 1-60
read go; look moved
read go; look older
read go; look restored'
EOF
mkfifo "$STACK/in"
stack_run -- /bin/sh -c "$(cat "$STACK/script")" <"$STACK/in" >"$out" 2>"$err" &
pod=$!
exec 9>"$STACK/in"
# told NAME: the container has looked.
told() { grep -q "^$1: " "$out" || ! kill -0 $pod 2>/dev/null; }
# ask NAME SECONDS: it looks again.
ask() { echo go >&9; until_true "$2" told "$1"; }

until_true 200 told whole
says "$out" "the pearl is inside"
says "$out" "whole: $((pieces / 8)) as it was, 0 refused, 0 WRONG"
disk=$(scratch_file)
[ -z "$(ls -A "$STACK/scratch")" ] || failed "the scratch file has a name"
kept=$(($(stat -L -c '%b * %B' "$disk") >> 20))
[ $kept -ge $pieces ] && [ $kept -le $((pieces + 16)) ] ||
  failed "the disk holds $kept MiB, the image has $pieces"
for place in 0 5000 16384; do
  ! LC_ALL=C grep -qaF "$(tail -c +$((place + 1)) "$STACK/marker" | head -c 24)" "$disk" ||
    failed "the host reads the image on its disk"
done
cp --sparse=always "$disk" "$STACK/good"
put_back() { dd if="$1" of="$disk" bs=4M conv=notrunc status=none; }

# The host turns one bit in each MiB.
perl -e 'open(my $disk, "+<", $ARGV[0]) or die; binmode $disk;
  for (my $at = 0; $at < $ARGV[1] << 20; $at += 1 << 20) {
    seek($disk, $at + 12345, 0); read($disk, my $byte, 1) or last;
    seek($disk, $at + 12345, 0); print $disk chr(ord($byte) ^ 4); }' "$disk" $kept
ask bits 100
says "$out" "bits: 0 as it was, $((pieces / 8)) refused, 0 WRONG"

# It moves whole pieces: each MiB has its neighbour's place.
perl -e 'open(my $from, "<", $ARGV[0]) or die; open(my $to, "+<", $ARGV[1]) or die;
  for (my $i = 0; $i < $ARGV[2]; $i++) {
    seek($from, ($i ^ 1) << 20, 0); read($from, my $piece, 1 << 20);
    seek($to, $i << 20, 0); print $to $piece; }' "$STACK/good" "$disk" $kept
ask moved 100
says "$out" "Input/output error"
says "$out" "moved: 0 as it was, $((pieces / 8)) refused, 0 WRONG"

# It brings back the disk as it was before the image came, and then what the guest wrote to it.
truncate -s ${scratch_mib}M "$STACK/before"
put_back "$STACK/before"
ask older 100
says "$out" "older: 0 as it was, $((pieces / 8)) refused, 0 WRONG"
put_back "$STACK/good"
ask restored 100
grep -qE '^restored: [1-9][0-9]* as it was, [0-9]+ refused, 0 WRONG$' "$out" ||
  failed "what came back is still refused"
console=$(find "$STACK/run" -name console.log)
grep -F '"layer_block_refused"' "$console" >"$err" || failed "the agent's log does not tell"

exec 9>&-
wait $pod || failed "the pod ended with $?"
nothing_left
[ -z "$(ls -A "$STACK/scratch")" ] || failed "the scratch disk outlived its pod"
