# A guest started for debugging writes the host's requests to its console. `learn` proposes what the
# generated policy would refuse of them, and `explain` names the field. Such a guest has another
# measurement: it gets no key.
set -euo pipefail
source "$(dirname "$0")/lib/check.sh"
begin "$1"
stack_up
run error stack_run --kernel-arg nacre.policy_debug=1 --env NODE=n1
says "$err" "launch-measurement"
console=$STACK/run/last-failed-start/console.log
says "$console" '{"kind":"CreateContainerRequest","request":{'
stack_generate
made=$STACK/made/pod-pearl.policy.rego
run 0 nacre policy learn "$made" --log "$console" -o "$STACK/learned.toml"
says "$STACK/learned.toml" 'name = "^NODE$"'
sed -n 's/.*\({"kind":"CreateContainerRequest".*}\).*/\1/p' "$console" | head -n 1 |
  jq .request >"$STACK/request.json"
run 1 nacre policy explain "$made" --input "$STACK/request.json" \
  --query data.agent_policy.CreateContainerRequest
says "$out" "Env"
says "$out" "NODE=n1"
nothing_left
