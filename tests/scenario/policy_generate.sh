# docs/guide/policy.md without a guest: a manifest becomes a policy, which explains by its field
# what it refuses, and a new version is told apart. The image comes from a layout.
set -euo pipefail
source "$(dirname "$0")/lib/check.sh"
begin "$1"
name=registry.example/demo/pearl:1
stack_image
cat >"$STACK/workload.yaml" <<EOF
apiVersion: v1
kind: Pod
metadata:
  name: pearl
spec:
  containers:
  - name: pearl
    image: $name  # by tag
    env:
    - name: MODE
      value: strict
EOF
generate=(nacre policy generate -f "$STACK/workload.yaml" --offline --layout "$name=$STACK/image:1")
made=$STACK/made/pod-pearl.policy.rego
run 0 "${generate[@]}" -o "$STACK/made"
says "$STACK/made/workload.yaml" "image: $name@sha256:"
says "$STACK/made/workload.yaml" "# by tag"
says "$STACK/made/workload.yaml" "io.katacontainers.config.hypervisor.cc_init_data: H4sI"
run 0 nacre policy check "$made"
cp "$made" "$STACK/first.rego"
run 0 "${generate[@]}" -o "$STACK/made"
cmp "$made" "$STACK/first.rego" || failed "the same manifest gives two policies"
run 0 "${generate[@]}" --diff "$made"

# A request that adds a variable: explain names where.
query=data.agent_policy.CreateContainerRequest
cat >"$STACK/request.json" <<EOF
{"container_id": "a", "string_user": null, "shared_mounts": [], "sandbox_pidns": false, "OCI": {
  "Version": "1.0.2", "Hostname": "a", "Solaris": null, "Windows": null, "Hooks": null,
  "Annotations": {}, "Process": {"Terminal": false, "Args": [], "Cwd": "/",
    "User": {"UID": 0, "GID": 0, "AdditionalGids": [], "Username": ""},
    "Capabilities": {"Ambient": [], "Inheritable": [], "Bounding": [], "Effective": [],
      "Permitted": []}, "NoNewPrivileges": true, "Env": ["MODE=strict", "LD_PRELOAD=/host.so"]}}}
EOF
run 1 nacre policy explain "$made" --input "$STACK/request.json" --query $query
says "$out" "allow_environment(want, got.Env)"
says "$out" "LD_PRELOAD=/host.so"

# What a debug run recorded: the variable is proposed, with its reason.
jq -c "{kind: \"CreateContainerRequest\", request: .}" "$STACK/request.json" >"$STACK/log.jsonl"
run 0 nacre policy learn "$made" --log "$STACK/log.jsonl" -o "$STACK/learned.toml"
says "$STACK/learned.toml" '# container pearl was given variable LD_PRELOAD'
run 0 "${generate[@]}" --settings "$STACK/learned.toml" -o "$STACK/learned"

# A new version of the manifest.
sed -i 's/strict/loose/' "$STACK/workload.yaml"
run 1 "${generate[@]}" --diff "$made"
says "$out" 'containers.pearl.env.MODE: "strict" -> "loose"'

# Refusals are one line with the place.
sed -i 's/    env:/    imagePullPolicy: Never\n    enviroment:/' "$STACK/workload.yaml"
run error "${generate[@]}" -o "$STACK/made"
one_line "$err"
says "$err" "workload.yaml:10: spec.containers[0].enviroment: is not known"
run error nacre policy generate -f "$STACK/none.yaml" -o "$STACK/made"
one_line "$err"
