# A whole Nacre installation on loopback in one folder: registry, broker, containerd, emulated TEE, an encrypted image.
# Sourced by ./demo, by the scenario tests and by the benches; every port is chosen by the kernel, every process is recorded and
# ended by stack_stop. Callers may override the variables below between stack_new and the step that reads them.
#
#   source tests/scenario/lib/stack.sh
#   stack_new build/release        # picks $STACK, arranges for stack_stop at exit
#   stack_up                       # everything below, in order
#   stack_run IMAGE-ARGS...        # nacre run of the encrypted image

stack_source=$(cd "$(dirname "${BASH_SOURCE[0]}")/../../.." && pwd)

stack_fail() {
  echo "${STACK_NAME:-nacre}: $*" >&2
  exit 1
}

# stack_new BUILD [FOLDER]: the state folder; sockets live in it, so its path is kept short.
stack_new() {
  NACRE_BUILD=$(cd "$1" && pwd) || stack_fail "no build folder '$1'"
  STACK=${2:-$(mktemp -d "${TMPDIR:-/tmp}/nacre.XXXXXX")}
  mkdir -p "$STACK"/{log,pid,run}
  PATH=$NACRE_BUILD/bin:$PATH
  guest=$NACRE_BUILD/guest
  [ -x "$NACRE_BUILD/bin/nacre" ] || stack_fail "no nacre in $NACRE_BUILD/bin: build first"
  [ -f "$guest/initrd.img" ] || stack_fail "no guest image in $guest: run guest-image/build.sh --build $NACRE_BUILD"
  kernel_params=${kernel_params:-}
  allow_emulated=true
  trap 'stack_stop' EXIT
  trap 'exit 130' INT TERM
}

# stack_start NAME COMMAND...: a service in its own session, logging to log/NAME.log.
stack_start() {
  local name=$1
  shift
  setsid "$@" >"$STACK/log/$name.log" 2>&1 </dev/null &
  echo $! >"$STACK/pid/$name"
}

# stack_wait NAME SECONDS TEST...: until TEST succeeds; says what NAME printed last when it ends or never gets there.
stack_wait() {
  local name=$1 tries=$(($2 * 20))
  shift 2
  until "$@" >/dev/null 2>&1; do
    kill -0 "$(cat "$STACK/pid/$name")" 2>/dev/null || stack_fail "$name ended early: $(tail -n 1 "$STACK/log/$name.log")"
    tries=$((tries - 1))
    [ $tries -gt 0 ] || stack_fail "$name is not ready: $(tail -n 1 "$STACK/log/$name.log")"
    sleep 0.05
  done
}

# stack_end NAME: SIGTERM, then SIGKILL after five seconds.
stack_end() {
  local pid tries=100
  [ -f "$STACK/pid/$1" ] || return 0
  pid=$(cat "$STACK/pid/$1")
  rm -f "$STACK/pid/$1"
  kill "$pid" 2>/dev/null || return 0
  while kill -0 "$pid" 2>/dev/null; do
    tries=$((tries - 1))
    [ $tries -gt 0 ] || { kill -9 "$pid" 2>/dev/null; break; }
    sleep 0.05
  done
  wait "$pid" 2>/dev/null || true
}

# Everything down, in reverse; the folder goes unless KEEP_STATE is set. A failed run leaves its logs behind.
stack_stop() {
  local status=$? name
  trap - EXIT INT TERM
  for name in containerd kbs registry; do stack_end $name; done
  if [ $status -ne 0 ] && [ -n "${STACK_KEEP_LOGS:-}" ]; then
    mkdir -p "$STACK_KEEP_LOGS"
    cp -r "$STACK/log/." "$STACK_KEEP_LOGS/" 2>/dev/null
    find "$STACK/run" -name '*.log' -o -name '*.jsonl' -o -name launch.json 2>/dev/null |
      xargs -r cp -t "$STACK_KEEP_LOGS/" 2>/dev/null
    echo "${STACK_NAME:-nacre}: failed; logs are in $STACK_KEEP_LOGS" >&2
  fi
  [ -n "${KEEP_STATE:-}" ] || rm -rf "$STACK"
  exit $status
}

stack_registry() {
  cat >"$STACK/registry.yml" <<EOF
version: 0.1
log: {level: info, formatter: json, accesslog: {disabled: true}}
storage: {filesystem: {rootdirectory: $STACK/registry}, delete: {enabled: true}}
http: {addr: "127.0.0.1:0", secret: not-shared}
EOF
  stack_start registry docker-registry serve "$STACK/registry.yml"
  stack_wait registry 10 grep -q 'listening on' "$STACK/log/registry.log"
  registry_port=$(sed -n 's/.*listening on 127.0.0.1:\([0-9]*\).*/\1/p' "$STACK/log/registry.log")
  image=10.0.2.2:$registry_port/demo/pearl:1
}

stack_broker() {
  nacre-kbs init --dir "$STACK/kbs" >"$STACK/log/kbs-init.log" 2>&1 || stack_fail "nacre-kbs init: $(tail -n 1 "$STACK/log/kbs-init.log")"
  nacre-tee-emulator init --dir "$STACK/tee" >"$STACK/log/tee-init.log" 2>&1 || stack_fail "nacre-tee-emulator init: $(tail -n 1 "$STACK/log/tee-init.log")"
  stack_start kbs nacre-kbs --config "$STACK/kbs/kbs.toml" --listen 127.0.0.1:0 --port-file "$STACK/kbs/port"
  stack_wait kbs 10 test -s "$STACK/kbs/port"
  kbs_port=$(cat "$STACK/kbs/port")
}

# The owner's admin calls.
stack_kbs() {
  nacre kbs --url "https://127.0.0.1:$kbs_port" --cert "$STACK/kbs/tls.pem" --admin-key "$STACK/kbs/admin.key" "$@"
}

stack_containerd() {
  cat >"$STACK/containerd.toml" <<EOF
version = 2
root = "$STACK/containerd/root"
state = "$STACK/containerd/state"
disabled_plugins = [
  "io.containerd.grpc.v1.cri", "io.containerd.internal.v1.opt", "io.containerd.snapshotter.v1.aufs",
  "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.zfs",
]
[grpc]
  address = "$STACK/containerd.sock"
[ttrpc]
  address = "$STACK/containerd.sock.ttrpc"
EOF
  stack_start containerd containerd --config "$STACK/containerd.toml" --log-level warn
  stack_wait containerd 10 ctr --address "$STACK/containerd.sock" version
}

# A small image from nothing: busybox and one file that only a proven guest may read.
stack_image() {
  local layout=$STACK/image tool
  umoci init --layout "$layout" && umoci new --image "$layout:1" || stack_fail "umoci cannot make an image"
  umoci unpack --image "$layout:1" "$STACK/bundle" >/dev/null 2>&1 || stack_fail "umoci cannot unpack the new image"
  mkdir -p "$STACK/bundle/rootfs"/{bin,etc,proc,sys,dev,tmp,run}
  cp "$(command -v busybox)" "$STACK/bundle/rootfs/bin/busybox"
  for tool in sh cat echo id ls uname sleep true false head wc kill ps env mount; do
    ln -s busybox "$STACK/bundle/rootfs/bin/$tool"
  done
  printf 'root:x:0:0:root:/:/bin/sh\nguest:x:1000:1000::/:/bin/sh\n' >"$STACK/bundle/rootfs/etc/passwd"
  echo "the pearl is inside" >"$STACK/bundle/rootfs/pearl.txt"
  umoci repack --image "$layout:1" "$STACK/bundle" >/dev/null 2>&1 || stack_fail "umoci cannot repack the image"
  umoci config --image "$layout:1" --config.cmd /bin/sh --config.cmd -c \
    --config.cmd 'cat /pearl.txt; echo "kernel $(uname -r), user $(id -u)"' --config.env PATH=/bin --config.workingdir / ||
    stack_fail "umoci cannot configure the image"
  rm -rf "$STACK/bundle"
}

# Encrypts through our key provider, by skopeo itself where its ocicrypt knows key providers (Debian 12's does not), and pushes.
stack_encrypt_and_push() {
  local destination=docker://127.0.0.1:$registry_port/demo/pearl:1 log=$STACK/log/skopeo.log
  key_uri=kbs:///default/image-key/1
  head -c 32 /dev/urandom >"$STACK/image.key"
  cat >"$STACK/ocicrypt.json" <<EOF
{"key-providers": {"attestation-agent": {"cmd": {"path": "$NACRE_BUILD/bin/nacre", "args": ["keyprovider"]}}}}
EOF
  if OCICRYPT_KEYPROVIDER_CONFIG=$STACK/ocicrypt.json skopeo copy --dest-tls-verify=false --encryption-key \
    "provider:attestation-agent:provider:attestation-agent:keyid=$key_uri::keypath=$STACK/image.key::algorithm=A256GCM" \
    "oci:$STACK/image:1" "$destination" >"$log" 2>&1; then
    encrypted_by="skopeo, through nacre keyprovider"
    return
  fi
  grep -q 'Provided protocol not recognized' "$log" || stack_fail "skopeo: $(tail -n 1 "$log")"
  nacre image encrypt --layout "$STACK/image" --tag 1 --output "$STACK/encrypted" \
    --key-uri "$key_uri" --key-file "$STACK/image.key" >"$STACK/log/encrypt.log" 2>&1 ||
    stack_fail "nacre image encrypt: $(tail -n 1 "$STACK/log/encrypt.log")"
  skopeo copy --dest-tls-verify=false "oci:$STACK/encrypted:1" "$destination" >"$log" 2>&1 || stack_fail "skopeo: $(tail -n 1 "$log")"
  encrypted_by="nacre image encrypt (this skopeo has no key providers), pushed by skopeo"
}

# runtime.toml: where the guest is and what it is started with.
stack_runtime_config() {
  nacre-tee-emulator firmware --out "$STACK/tee/firmware.fd" >/dev/null || stack_fail "nacre-tee-emulator firmware failed"
  cat >"$STACK/runtime.toml" <<EOF
[hypervisor]
path = "$(command -v qemu-system-x86_64)"
accelerator = "${accelerator:-tcg}"
tee = "emulated-snp"
firmware = "$STACK/tee/firmware.fd"
kernel = "$guest/vmlinuz"
initrd = "$guest/initrd.img"
vcpus = 1
memory_mib = ${memory_mib:-512}
[emulator]
path = "$NACRE_BUILD/bin/nacre-tee-emulator"
dir = "$STACK/tee"
[network]
mode = "user"
[runtime]
state_dir = "$STACK/run"
enable_annotations = ["cc_init_data", "kernel_params"]
EOF
}

# What the owner says to the guest: its policy, its broker, how to reach its registry.
stack_initdata() {
  cat >"$STACK/initdata.toml" <<EOF
version = "0.1.0"
algorithm = "sha256"
[data]
"policy.toml" = """
allow = [
  "CreateSandboxRequest", "DestroySandboxRequest", "UpdateInterfaceRequest", "UpdateRoutesRequest",
  "CreateContainerRequest", "StartContainerRequest", "RemoveContainerRequest", "WaitProcessRequest", "SignalProcessRequest",
  "ReadStreamRequest", "WriteStreamRequest", "CloseStdinRequest", "ExecProcessRequest", "TtyWinResizeRequest",
  "GetOOMEventRequest", "StatsContainerRequest", "GuestDetailsRequest",
]
"""
"nacre.toml" = """
[broker]
url = "https://10.0.2.2:$kbs_port"
certificate = '''
$(cat "$STACK/kbs/tls.pem")
'''
[image]
insecure_registries = ["10.0.2.2:$registry_port"]
"""
EOF
}

# The launch measurement this configuration will have, and the image key, into the broker.
stack_register() {
  nacre measure --config "$STACK/runtime.toml" --initdata "$STACK/initdata.toml" --reference "$STACK/reference.json" \
    >"$STACK/log/measure.log" 2>&1 || stack_fail "nacre measure: $(tail -n 1 "$STACK/log/measure.log")"
  stack_kbs reference register "$STACK/reference.json" >"$STACK/log/register.log" 2>&1 ||
    stack_fail "nacre kbs reference register: $(tail -n 1 "$STACK/log/register.log")"
  stack_kbs resource set "${key_uri#kbs:///}" "$STACK/image.key" >>"$STACK/log/register.log" 2>&1 ||
    stack_fail "nacre kbs resource set: $(tail -n 1 "$STACK/log/register.log")"
}

stack_up() {
  stack_registry
  stack_broker
  stack_containerd
  stack_image
  stack_encrypt_and_push
  stack_runtime_config
  stack_initdata
  stack_register
}

# stack_run [NACRE-RUN-OPTIONS] [-- ARGS]: runs the encrypted image; options come before the image, arguments after it.
stack_run() {
  local options=()
  while [ $# -gt 0 ] && [ "$1" != -- ]; do options+=("$1"); shift; done
  [ $# -eq 0 ] || shift
  nacre run --address "$STACK/containerd.sock" --config "$STACK/runtime.toml" --initdata "$STACK/initdata.toml" \
    "${options[@]}" "$image" "$@"
}
