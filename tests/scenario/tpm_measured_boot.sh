#!/usr/bin/env bash
# A guest that OVMF booted beside a TPM (swtpm) enrols its attestation key by its endorsement key's
# certificate and a credential, quotes its PCRs, and the verifier finds the log, the PCRs it
# predicted from kernel, initrd and command line, and the initdata the guest measured; with another
# command line it refuses and names it. No containerd: this is the machine and the TPM alone.
set -euo pipefail
build=$1
kernel=$build/guest/vmlinuz
skip() { echo "skipped: $*"; exit 77; }
failed() {
  echo "FAILED: $*"
  for file in "$work"/{check,console,swtpm,qemu}.log; do
    [ -s "$file" ] && { echo "--- ${file##*/}"; tail -n 25 "$file"; }
  done
  exit 1
}
for tool in swtpm swtpm_setup swtpm_localca qemu-system-x86_64 cpio busybox; do
  command -v $tool >/dev/null || skip "no $tool (packaging/apt-packages.txt lists its package)"
done
code=/usr/share/OVMF/OVMF_CODE_4M.fd vars=/usr/share/OVMF/OVMF_VARS_4M.fd
[ -f $code ] || skip "no $code (package ovmf)"
[ -f "$kernel" ] || skip "no guest kernel: guest-image/build.sh --build $build"
for program in bin/nacre-tpm tests/tpm_boot_check; do
  [ -x "$build/$program" ] || skip "no $build/$program: build it first"
done

work=$(mktemp -d)
trap 'kill $(cat "$work"/*.pid 2>/dev/null) 2>/dev/null || true; rm -rf "$work"' EXIT

# The TPM, made by a CA of its own.
mkdir "$work/tpm" "$work/ca"
cat >"$work/localca.conf" <<END
statedir = $work/ca
signingkey = $work/ca/signkey.pem
issuercert = $work/ca/issuercert.pem
certserial = $work/ca/serial
END
printf '%s\n' '--platform-manufacturer Nacre' '--platform-version 1' '--platform-model test' \
  >"$work/localca.options"
cat >"$work/setup.conf" <<END
create_certs_tool = swtpm_localca
create_certs_tool_config = $work/localca.conf
create_certs_tool_options = $work/localca.options
END
swtpm_setup --tpm2 --tpmstate "$work/tpm" --create-ek-cert --pcr-banks sha256 \
  --config "$work/setup.conf" >"$work/swtpm.log" 2>&1 || failed "swtpm_setup"
swtpm socket --tpm2 --tpmstate dir="$work/tpm" --ctrl type=unixio,path="$work/tpm.sock" \
  --daemon --pid file="$work/swtpm.pid" 2>>"$work/swtpm.log" || failed "swtpm"

# The guest: measures initdata as coco does, then answers the verifier at its second serial port.
initdata=$(printf 'initdata of the guest' | sha256sum | cut -d' ' -f1)
root=$work/root
mkdir -p "$root"/{bin,dev,proc,sys,run}
cp "$(command -v busybox)" "$root/bin/busybox"
cp "$build/bin/nacre-tpm" "$root/bin/nacre-tpm"
ldd "$build/bin/nacre-tpm" | awk '$2 == "=>" {print $3} $1 ~ /^\// {print $1}' |
  while read -r library; do install -D "$library" "$root$library"; done
cat >"$root/init" <<END
#!/bin/busybox sh
b=/bin/busybox
\$b mount -t proc proc /proc; \$b mount -t sysfs sys /sys; \$b mount -t devtmpfs dev /dev
\$b mount -t securityfs security /sys/kernel/security
nacre-tpm extend --pcr 8 --sha256 $initdata --runtime-log /run/log ||
  echo extend failed
nacre-tpm answer --port /dev/ttyS1 --runtime-log /run/log || echo answer failed
\$b poweroff -f
END
chmod +x "$root/init"
(cd "$root" && find . | sort | cpio --quiet -o -H newc) >"$work/initrd.img"

# Booted by OVMF.
command_line="console=ttyS0 quiet nacre.scenario=tpm"
cp $vars "$work/vars.fd"
qemu-system-x86_64 -M q35,smm=off -cpu max -m 512 -display none -no-reboot -monitor none -nic none \
  -drive if=pflash,format=raw,readonly=on,file=$code \
  -drive if=pflash,format=raw,file="$work/vars.fd" \
  -chardev socket,id=tpm,path="$work/tpm.sock" -tpmdev emulator,id=tpm0,chardev=tpm \
  -device tpm-crb,tpmdev=tpm0 -serial file:"$work/console.log" \
  -chardev socket,id=port,path="$work/port.sock",server=on,wait=on -serial chardev:port \
  -kernel "$kernel" -initrd "$work/initrd.img" -append "$command_line" \
  >"$work/qemu.log" 2>&1 &
echo $! >"$work/qemu.pid"
tries=600
until [ -S "$work/port.sock" ]; do
  tries=$((tries - 1))
  [ $tries -gt 0 ] || failed "QEMU makes no socket"
  sleep 0.05
done

"$build/tests/tpm_boot_check" --socket "$work/port.sock" \
  --root "$work/ca/swtpm-localca-rootca-cert.pem" --issuer "$work/ca/issuercert.pem" \
  --kernel "$kernel" --initrd "$work/initrd.img" --command-line "$command_line" \
  --memory $((512 << 20)) --initdata "$initdata" >"$work/check.log" 2>&1 ||
  failed "the guest does not verify"
says() { grep -qE -- "$1" "$work/check.log" || failed "the verifier does not say '$1'"; }
says '^enrolled: TPM endorsed by .*swtpm-localca'
says '^verified$'
says '^prediction: every event is as predicted$'
says '^claim secure_boot: off$'
says '^claim boot.action.1: Calling EFI Application from Boot Option$'
says '^prediction: PCR (4: kernel image|9: command line): expected'
says '^with another command line: PCR [49] refused: expected'
echo "the guest's TPM, log, PCRs and initdata verify; another command line is refused"
