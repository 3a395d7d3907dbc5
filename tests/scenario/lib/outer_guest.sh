# A machine for what this host's kernel lacks: a guest that sees this host's files, and runs a
# script among them. Its root is the host's over virtiofs, with an overlay in its own memory on
# top, so what it writes is gone with it. Emulated, and so is any guest started inside: expect
# thirty times the time.
#
#   outer_guest WORK SCRIPT ARGS...   # output on stdout, the script's exit code
#
# WORK is a folder of the caller's. Needs root, for virtiofsd's chroot. A caller may add to these
# two: kernel modules, and QEMU's options.

outer_modules="virtio_pci virtiofs overlay vhost_vsock virtio_net"
outer_options=()
virtiofsd=/usr/lib/qemu/virtiofsd

# outer_module NAME: copies it and, before it, what it depends on. What the kernel has built in is
# no file.
outer_module() {
  local name=$1 file dependency
  grep -qx "$name" "$outer/modules" && return
  file=$(find "$outer/kernel/lib/modules" -name "$name.ko" -o -name "${name//_/-}.ko" | head -n 1)
  [ -n "$file" ] || return 0
  for dependency in $(modinfo -F depends "$file" | tr ',' ' '); do outer_module "$dependency"; done
  cp "$file" "$outer/root/$name.ko"
  echo "$name" >>"$outer/modules"
}

outer_initrd() {
  local module
  mkdir -p "$outer/root"/{bin,proc,sys,dev,lower,top,new}
  cp "$(command -v busybox)" "$outer/root/bin/busybox"
  : >"$outer/modules"
  for module in $outer_modules; do outer_module "$module"; done
  cat >"$outer/root/init" <<EOF
#!/bin/busybox sh
b=/bin/busybox
\$b mount -t proc proc /proc && \$b mount -t sysfs sys /sys && \$b mount -t devtmpfs dev /dev
for module in $(tr '\n' ' ' <"$outer/modules"); do \$b insmod /\$module.ko; done
\$b mount -t virtiofs host /lower && \$b mount -t tmpfs top /top && \$b mkdir /top/up /top/work &&
  \$b mount -t overlay -o lowerdir=/lower,upperdir=/top/up,workdir=/top/work root /new || {
  echo "outer guest: no root"; \$b poweroff -f; }
for folder in proc sys dev; do \$b mount --move /\$folder /new/\$folder; done
\$b mount -t tmpfs run /new/run
\$b mkdir -p /new/dev/pts && \$b mount -t devpts devpts /new/dev/pts
\$b ip link set lo up
export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8
\$b chroot /new /bin/bash $*
echo "outer guest: status \$?"
\$b poweroff -f
EOF
  chmod 0755 "$outer/root/init"
  (cd "$outer/root" && find . | cpio -o -H newc --quiet) >"$outer/initrd"
}

outer_guest() {
  local work=$1 daemon status tries=200
  shift
  outer=$work/outer
  mkdir -p "$outer/kernel"
  dpkg-deb -x "$(ls "$guest"/cache/linux-image-*.deb | sort -V | tail -n 1)" "$outer/kernel"
  outer_initrd "$@"
  "$virtiofsd" --socket-path="$outer/socket" -o source=/ -o cache=always -o sandbox=chroot \
    >"$outer/virtiofsd.log" 2>&1 &
  daemon=$!
  until [ -S "$outer/socket" ]; do
    tries=$((tries - 1))
    if [ $tries -eq 0 ] || ! kill -0 $daemon 2>/dev/null; then
      echo "skipped: virtiofsd does not run here: $(tail -n 1 "$outer/virtiofsd.log")"
      exit 77
    fi
    sleep 0.05
  done
  qemu-system-x86_64 -nodefaults -no-reboot -display none \
    -cpu max,-erms,-smap,-xsave,-pcid -smp 2 -m 3G \
    -M q35,accel=tcg,memory-backend=memory \
    -object memory-backend-memfd,id=memory,size=3G,share=on \
    -chardev socket,id=files,path="$outer/socket" -device vhost-user-fs-pci,chardev=files,tag=host \
    "${outer_options[@]}" -kernel "$guest/vmlinux" -initrd "$outer/initrd" -serial stdio \
    -append "console=ttyS0 quiet panic=-1" </dev/null | tr -d '\r' | tee "$outer/console"
  wait $daemon || true
  status=$(sed -n 's/^outer guest: status //p' "$outer/console")
  return "${status:-1}"
}
