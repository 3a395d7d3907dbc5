# `nacre attest` against nacre-kbs as an owner sets it up: every case that can be run passes, a
# handshake is shown, load is carried; and what is wrong is told in one line.
set -euo pipefail
source "$(dirname "$0")/lib/check.sh"
PATH=$1/bin:$PATH
STACK=$(mktemp -d)  # a broker only: no containerd, no guest
out=$STACK/out err=$STACK/err
broker=
trap '[ -z "$broker" ] || kill "$broker" 2>/dev/null || true; rm -rf "$STACK"' EXIT

run 0 nacre-tee-emulator init --dir "$STACK/chip"
run 0 nacre-kbs init --dir "$STACK/kbs" --emulated-root "$STACK/chip/ark.pem" --allow-emulated
sed -i 's/^attestations_per_minute.*/attestations_per_minute = 100000/' "$STACK/kbs/kbs.toml"
nacre-kbs --config "$STACK/kbs/kbs.toml" --listen 127.0.0.1:0 --port-file "$STACK/port" \
  2>"$STACK/kbs.log" &
broker=$!
until_true 20 test -s "$STACK/port"
kbs=(--kbs "https://127.0.0.1:$(cat "$STACK/port")" --cert "$STACK/kbs/tls.pem")
chip=(--emulator "$STACK/chip")
owner=(--admin-key "$STACK/kbs/admin.key")

# An unregistered guest is refused, and the id of the refusal is shown.
run 1 nacre attest run "${kbs[@]}" "${chip[@]}"
says "$out" "launch-measurement"
says "$out" "nacre kbs explain"

run 0 nacre attest conformance "${kbs[@]}" "${chip[@]}" "${owner[@]}" --patience-ms 60000 \
  --junit "$STACK/junit.xml"
says "$out" "attack/session"
says "$STACK/junit.xml" '<testcase classname="attack.session" name="nonce-replayed"'
# Without a guest and a key the rest can still be run, and --strict tells it from a whole run.
run 1 nacre attest conformance "${kbs[@]}" --only protocol/auth --only attack/snp-report --strict
says "$out" "not run"
run 0 nacre attest conformance --list
says "$out" "attack/binding/swapped-key"

run 1 nacre attest load "${kbs[@]}" "${chip[@]}" --clients 4 --seconds 1 --json
says "$out" '"attest: 401 launch-measurement"'

run 1 nacre attest run --kbs https://127.0.0.1:1 --cert "$STACK/kbs/tls.pem" "${chip[@]}"
says "$out" "auth failed"
run 1 nacre attest run "${kbs[@]}" --emulator "$STACK/nothing"
one_line "$err"
run 2 nacre attest conformance --assume pearls
run 2 nacre attest load --clients 0 "${kbs[@]}"
one_line "$err"
