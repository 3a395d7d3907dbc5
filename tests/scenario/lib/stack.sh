# A whole Nacre installation on loopback in one folder: registry, broker, containerd, emulated TEE
# and an encrypted image. Sourced by ./demo, by the scenario tests and by the benches. Every port is
# chosen by the kernel; every process is recorded and ended by stack_stop.
#
#   source tests/scenario/lib/stack.sh
#   stack_new build/release        # picks $STACK, arranges for stack_stop at exit
#   stack_up                       # everything below, in order
#   stack_run [OPTIONS] [-- ARGS]  # nacre run of the encrypted image

stack_source=$(cd "$(dirname "${BASH_SOURCE[0]}")/../../.." && pwd)
stack_repository=demo/pearl:1

stack_fail() {
  echo "${STACK_NAME:-nacre}: $*" >&2
  exit 1
}

# stack_step LOG COMMAND...: runs it into log/LOG.log; when it fails, its last line is the reason.
stack_step() {
  local log=$STACK/log/$1.log
  shift
  "$@" >"$log" 2>&1 || stack_fail "$1 failed: $(tail -n 1 "$log")"
}

# stack_new BUILD [FOLDER]: the state folder; sockets live in it, so its path is kept short.
stack_new() {
  NACRE_BUILD=$(cd "$1" && pwd) || stack_fail "no build folder '$1'"
  guest=$NACRE_BUILD/guest
  [ -x "$NACRE_BUILD/bin/nacre" ] || stack_fail "no nacre in $NACRE_BUILD/bin: build first"
  [ -f "$guest/initrd.img" ] ||
    stack_fail "no guest image: run guest-image/build.sh --build $NACRE_BUILD"
  PATH=$NACRE_BUILD/bin:$PATH
  STACK=${2:-$(mktemp -d "${TMPDIR:-/tmp}/nacre.XXXXXX")}
  mkdir -p "$STACK"/{log,pid,run}
  # What a caller may change before the step that reads it.
  allow_emulated=--allow-emulated
  accelerator=tcg
  memory_mib=512
  agent_channel=auto
  create_timeout_ms=60000
  policy=open          # or generated, from stack_workload
  workload_command=    # of the generated policy's container: a list of YAML, or the image's
  workload_requests='"ReadStreamRequest"'
  trap stack_stop EXIT
  trap 'exit 130' INT TERM
}

# stack_start NAME COMMAND...: a service in its own session, logging to log/NAME.log.
stack_start() {
  local name=$1
  shift
  setsid "$@" >"$STACK/log/$name.log" 2>&1 </dev/null &
  echo $! >"$STACK/pid/$name"
}

# stack_wait NAME SECONDS TEST...: until TEST succeeds; else NAME's last logged line is the reason.
stack_wait() {
  local name=$1 tries=$(($2 * 20))
  local log=$STACK/log/$name.log
  shift 2
  until "$@" >/dev/null 2>&1; do
    kill -0 "$(cat "$STACK/pid/$name")" 2>/dev/null ||
      stack_fail "$name ended early: $(tail -n 1 "$log")"
    tries=$((tries - 1))
    [ $tries -gt 0 ] || stack_fail "$name is not ready: $(tail -n 1 "$log")"
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

# The processes of this installation's guests. Shims outlive containerd by design.
guest_processes() {
  guest_machines
  pgrep -f "(nacre-tee-emulator serve|containerd-shim-nacre).*$STACK" || true
}

# QEMU's command line names no file of an installation; the folder it runs in is its pod's.
guest_machines() {
  local pid
  for pid in $(pgrep qemu-system); do
    case $(readlink "/proc/$pid/cwd") in "$STACK"/*) echo "$pid" ;; esac
  done
}

# Everything down, in reverse; a failed run leaves its logs in STACK_KEEP_LOGS.
stack_stop() {
  local status=$? name
  set +e
  trap - EXIT INT TERM
  for name in containerd kbs registry node-cache lookaside; do stack_end $name; done
  guest_processes | xargs -r kill -9 2>/dev/null
  if [ $status -ne 0 ] && [ -n "${STACK_KEEP_LOGS:-}" ]; then stack_keep_logs; fi
  rm -rf "$STACK"
  exit $status
}

stack_keep_logs() {
  mkdir -p "$STACK_KEEP_LOGS"
  cp -r "$STACK/log/." "$STACK_KEEP_LOGS/"
  find "$STACK/run" -name '*.log' -o -name '*.jsonl' -o -name launch.json |
    xargs -r cp -t "$STACK_KEEP_LOGS/" 2>/dev/null
  echo "${STACK_NAME:-nacre}: failed; logs are in $STACK_KEEP_LOGS" >&2
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
  image=10.0.2.2:$registry_port/$stack_repository
}

stack_broker() {
  stack_step tee-init nacre-tee-emulator init --dir "$STACK/tee"
  stack_step kbs-init nacre-kbs init --dir "$STACK/kbs" --emulated-root "$STACK/tee/ark.pem" \
    $allow_emulated
  stack_start kbs nacre-kbs --config "$STACK/kbs/kbs.toml" --listen 127.0.0.1:0 \
    --port-file "$STACK/kbs/port"
  stack_wait kbs 10 test -s "$STACK/kbs/port"
  kbs_port=$(cat "$STACK/kbs/port")
}

# The owner's admin calls.
stack_kbs() {
  nacre kbs --url "https://127.0.0.1:$kbs_port" --cert "$STACK/kbs/tls.pem" \
    --admin-key "$STACK/kbs/admin.key" "$@"
}

stack_containerd() {
  cat >"$STACK/containerd.toml" <<EOF
version = 2
root = "$STACK/containerd/root"
state = "$STACK/containerd/state"
disabled_plugins = [
  "io.containerd.grpc.v1.cri", "io.containerd.internal.v1.opt",
  "io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs",
  "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.zfs",
]
[grpc]
  address = "$STACK/containerd.sock"
[ttrpc]
  address = "$STACK/containerd.sock.ttrpc"
EOF
  stack_start containerd containerd --config "$STACK/containerd.toml" --log-level warn
  stack_wait containerd 10 ctr --address "$STACK/containerd.sock" version
}

# stack_image_extra ROOT: what a scenario adds to the image.
stack_image_extra() { :; }

# A small image from nothing: busybox, and one file that only a proven guest may read.
stack_image() {
  local layout=$STACK/image root=$STACK/bundle/rootfs tool
  stack_step umoci-init umoci init --layout "$layout"
  stack_step umoci-new umoci new --image "$layout:1"
  stack_step umoci-unpack umoci unpack --image "$layout:1" "$STACK/bundle"
  mkdir -p "$root"/{bin,etc,proc,sys,dev,tmp,run}
  cp "$(command -v busybox)" "$root/bin/busybox"
  for tool in sh cat echo id ls uname sleep true false head wc kill ps env mount; do
    ln -s busybox "$root/bin/$tool"
  done
  printf '%s\n' root:x:0:0:root:/:/bin/sh guest:x:1000:1000::/:/bin/sh >"$root/etc/passwd"
  echo "the pearl is inside" >"$root/pearl.txt"
  stack_image_extra "$root"
  stack_step umoci-repack umoci repack --image "$layout:1" "$STACK/bundle"
  stack_step umoci-config umoci config --image "$layout:1" --config.env PATH=/bin \
    --config.workingdir / --config.cmd /bin/sh --config.cmd -c \
    --config.cmd 'cat /pearl.txt; echo "kernel $(uname -r), user $(id -u)"'
  rm -rf "$STACK/bundle"
}

# Encrypts through our key provider and pushes: by skopeo itself where its ocicrypt knows key
# providers (Debian 12's does not), else by `nacre image encrypt` with skopeo pushing.
stack_encrypt_and_push() {
  local to=docker://127.0.0.1:$registry_port/$stack_repository log=$STACK/log/skopeo.log key
  key_uri=kbs:///default/image-key/1
  head -c 32 /dev/urandom >"$STACK/image.key"
  cat >"$STACK/ocicrypt.json" <<EOF
{"key-providers": {"attestation-agent": {
  "cmd": {"path": "$NACRE_BUILD/bin/nacre", "args": ["keyprovider"]}}}}
EOF
  key=provider:attestation-agent:keyid=$key_uri::keypath=$STACK/image.key::algorithm=A256GCM
  if OCICRYPT_KEYPROVIDER_CONFIG=$STACK/ocicrypt.json skopeo copy --dest-tls-verify=false \
    --encryption-key "$key" "oci:$STACK/image:1" "$to" >"$log" 2>&1; then
    encrypted_by="skopeo, through nacre keyprovider"
    return
  fi
  grep -q 'Provided protocol not recognized' "$log" || stack_fail "skopeo: $(tail -n 1 "$log")"
  stack_step encrypt nacre image encrypt --encryption-key "$key" \
    "oci:$STACK/image:1" "oci:$STACK/encrypted:1"
  stack_step skopeo skopeo copy --dest-tls-verify=false "oci:$STACK/encrypted:1" "$to"
  encrypted_by="nacre image encrypt, pushed by skopeo (this skopeo knows no key providers)"
}

# runtime.toml: where the guest is and what it is started with.
stack_runtime_config() {
  stack_step firmware nacre-tee-emulator firmware --out "$STACK/tee/firmware.fd"
  cat >"$STACK/runtime.toml" <<EOF
[hypervisor]
path = "$(command -v qemu-system-x86_64)"
accelerator = "$accelerator"
agent_channel = "$agent_channel"
tee = "emulated-snp"
firmware = "$STACK/tee/firmware.fd"
kernel = "$guest/vmlinux"
initrd = "$guest/initrd.img"
vcpus = 1
memory_mib = $memory_mib
[emulator]
path = "$NACRE_BUILD/bin/nacre-tee-emulator"
dir = "$STACK/tee"
[network]
mode = "user"
[runtime]
state_dir = "$STACK/run"
create_timeout_ms = $create_timeout_ms
enable_annotations = ["cc_init_data", "kernel_params"]
EOF
}

# Rules that allow what every scenario asks of its guest. What a policy refuses is for scenarios
# with a generated one.
stack_policy() {
  cat <<'EOF'
package agent_policy

CloseStdinRequest := true
CreateContainerRequest := true
CreateSandboxRequest := true
DestroySandboxRequest := true
ExecProcessRequest := true
GetOOMEventRequest := true
GuestDetailsRequest := true
ReadStreamRequest := true
RemoveContainerRequest := true
SignalProcessRequest := true
StartContainerRequest := true
StatsContainerRequest := true
TtyWinResizeRequest := true
UpdateInterfaceRequest := true
UpdateRoutesRequest := true
WaitProcessRequest := true
WriteStreamRequest := true
EOF
}

# The workload as its owner describes it: `nacre policy generate` makes the rules from this.
stack_workload() {
  cat <<EOF
apiVersion: v1
kind: Pod
metadata:
  name: pearl
spec:
  containers:
  - name: pearl
    image: 10.0.2.2:$registry_port/$stack_repository
${workload_command:+    command: $workload_command}
EOF
}

# The generated policy into initdata; $image is then the image by digest.
stack_generate() {
  stack_workload >"$STACK/workload.yaml"
  cat >"$STACK/settings.toml" <<EOF
[requests]
allow = [$workload_requests]
[registry]
insecure = ["127.0.0.1:$registry_port"]
mirrors = {"10.0.2.2:$registry_port" = "127.0.0.1:$registry_port"}
EOF
  stack_step generate nacre policy generate -f "$STACK/workload.yaml" -o "$STACK/made" \
    --settings "$STACK/settings.toml" --initdata "$STACK/initdata.toml"
  cp "$STACK/made/pod-pearl.initdata.toml" "$STACK/initdata.toml"
  image=$(sed -n 's/^ *image: //p' "$STACK/made/workload.yaml")
}

# Whose images may run. A stranger's image could not be decrypted, so anything is accepted here;
# the scenarios of signatures say more.
stack_image_policy() {
  echo '{"default": [{"type": "insecureAcceptAnything"}]}'
}

# What the owner says to the guest: its policy, its broker, how to reach its registry.
stack_initdata() {
  cat >"$STACK/initdata.toml" <<EOF
version = "0.1.0"
algorithm = "sha256"
[data]
"policy.rego" = '''
$(stack_policy)
'''
"nacre.toml" = """
[broker]
url = "https://10.0.2.2:$kbs_port"
server_certificate = '''
$(cat "$STACK/kbs/tls.pem")
'''
[registry]
insecure_registries = ["10.0.2.2:$registry_port"]
[image]
image_security_policy = '''
$(stack_image_policy)
'''
"""
EOF
  if [ "$policy" = generated ]; then stack_generate; fi
}

# The launch measurement this configuration will have, and the image key, into the broker.
stack_register() {
  stack_step measure nacre measure --config "$STACK/runtime.toml" \
    --initdata "$STACK/initdata.toml" --reference "$STACK/reference.json"
  stack_step register stack_kbs reference register "$STACK/reference.json"
  stack_step resource stack_kbs resource set "${key_uri#kbs:///}" "$STACK/image.key"
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

# stack_run [OPTIONS] [-- ARGS]: runs the encrypted image; OPTIONS are nacre run's.
stack_run() {
  local options=()
  while [ $# -gt 0 ] && [ "$1" != -- ]; do
    options+=("$1")
    shift
  done
  [ $# -eq 0 ] || shift
  nacre run --address "$STACK/containerd.sock" --config "$STACK/runtime.toml" \
    --initdata "$STACK/initdata.toml" "${options[@]}" "$image" "$@"
}
