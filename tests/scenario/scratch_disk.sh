# Images on an encrypted disk of the host: an image larger than the guest's whole memory runs, the
# host finds no byte of it on its disk, what the host changes or brings back from earlier is an I/O
# error and never a wrong byte, and with the pod the disk is gone.
set -euo pipefail
source "$(dirname "$0")/lib/scratch.sh"
begin_scratch "$1"
memory_mib=192
create_timeout_ms=200000
pieces=200 # of 1 MiB, all alike

stack_image_extra() {
  local tool
  for tool in dd sha256sum seq cut; do ln -s busybox "$1/bin/$tool"; done
  head -c 15360 /dev/urandom | base64 -w 0 >"$STACK/marker" # 20 KiB of text
  for _ in $(seq 52); do cat "$STACK/marker"; done | head -c 1048576 >"$STACK/piece"
  for _ in $(seq $pieces); do cat "$STACK/piece"; done >"$1/big"
}
scratch_up

# In the container. A piece read past every cache is what it was ("as it was"), nothing ("refused"),
# or something else ("WRONG"). look FILE DIGEST PIECES STEP.
cat >"$STACK/script" <<EOF
look() {
  as_it_was=0 refused=0 wrong=0
  for i in \$(seq 0 \$4 \$((\$3 - 1))); do
    case \$(dd if=\$1 bs=1M skip=\$i count=1 iflag=direct 2>/dev/null | sha256sum | cut -c 1-64) in
      \$2) as_it_was=\$((as_it_was + 1)) ;;
      $(sha256sum </dev/null | cut -c 1-64)) refused=\$((refused + 1)) ;;
      *) wrong=\$((wrong + 1)) ;;
    esac
  done
  echo "\$1: \$as_it_was as it was, \$refused refused, \$wrong WRONG"
}
dd if=/dev/zero of=/own bs=1M count=8 conv=fsync 2>/dev/null
look /big $(sha256sum <"$STACK/piece" | cut -c 1-64) $pieces 8
read go
dd if=/big of=/own bs=1M count=8 conv=notrunc,fsync 2>/dev/null
echo "written again"
read go
look /own $(sha256sum <"$STACK/piece" | cut -c 1-64) 8 1
read go
look /big $(sha256sum <"$STACK/piece" | cut -c 1-64) $pieces 8
EOF
mkfifo "$STACK/in"
stack_run -- /bin/sh -c "$(cat "$STACK/script")" <"$STACK/in" >"$out" 2>"$err" &
pod=$!
exec 9>"$STACK/in"
# told LINES: the container has said so many.
told() { [ "$(wc -l <"$out")" -ge "$1" ] || ! kill -0 $pod 2>/dev/null; }

until_true 200 told 1
says "$out" "/big: $((pieces / 8)) as it was, 0 refused, 0 WRONG"
disk=$(scratch_file)
[ -z "$(ls -A "$STACK/scratch")" ] || failed "the scratch file has a name"
kept=$(($(stat -L -c '%b * %B' "$disk") >> 20))
[ $kept -ge $pieces ] || failed "the disk holds $kept MiB, the image has $pieces"
for place in 0 5000 16384; do
  ! LC_ALL=C grep -qaF "$(tail -c +$((place + 1)) "$STACK/marker" | head -c 24)" "$disk" ||
    failed "the host reads the image on its disk"
done

# The host brings back what it kept from before the container wrote again.
cp --sparse=always "$disk" "$STACK/older"
echo go >&9
until_true 60 told 2
dd if="$STACK/older" of="$disk" bs=4M conv=notrunc status=none
rm -f "$STACK/older"
echo go >&9
until_true 60 told 3
says "$out" "/own: 0 as it was, 8 refused, 0 WRONG"

# It turns one bit in each MiB.
perl -e 'open(my $disk, "+<", $ARGV[0]) or die; binmode $disk;
  for (my $at = 64 << 20; $at < -s $ARGV[0]; $at += 1 << 20) {
    seek($disk, $at + 12345, 0); read($disk, my $byte, 1) or last;
    seek($disk, $at + 12345, 0); print $disk chr(ord($byte) ^ 4); }' "$disk"
echo go >&9
until_true 100 told 4
says "$out" " 0 WRONG"
silent_about "$out" "/big: 0 as it was, 0 refused"
grep -qE '^/big: [0-9]+ as it was, [1-9][0-9]* refused, 0 WRONG$' "$out" ||
  failed "no changed piece was refused"

exec 9>&-
wait $pod || failed "the pod ended with $?"
nothing_left
[ -z "$(ls -A "$STACK/scratch")" ] || failed "the scratch disk outlived its pod"
