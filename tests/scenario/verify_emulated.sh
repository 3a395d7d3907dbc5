# Evidence of every emulated platform verifies, and every fault is refused for its reason: the
# emulator's files through `nacre verify`, with nothing else between them.
set -euo pipefail
source "$(dirname "$0")/lib/check.sh"
PATH=$1/bin:$PATH
STACK=$(mktemp -d)  # files only: no containerd, no guest
trap 'rm -rf "$STACK"' EXIT
out=$STACK/out err=$STACK/err

nonce=$(printf 'ab%.0s' {1..64})
# quote CHIP OPTION...: new evidence and collateral of that chip.
quote() {
  local chip=$1
  shift
  rm -rf "$STACK/collateral"
  run 0 nacre-tee-emulator quote --dir "$STACK/$chip" --report-data "$nonce" \
    --out "$STACK/evidence" --collateral "$STACK/collateral" "$@"
}
# verify WANTED OPTION...: the exit code of `nacre verify`.
verify() {
  local wanted=$1
  shift
  run "$wanted" nacre verify "$STACK/evidence" --collateral "$STACK/collateral" \
    --trust-root "$STACK/collateral/root.pem" --report-data "$nonce" "$@"
}

for product in Milan Turin; do
  run 0 nacre-tee-emulator init --dir "$STACK/$product" --product $product
  for version in 3 5; do
    quote $product --version $version
    verify 0
    quote $product --version $version --endorsement vlek
    verify 0
  done
done
for version in 4 5; do
  quote Milan --tee tdx --version $version
  verify 0
done

# Without trust in the emulated root nothing is believed.
quote Milan
run 1 nacre verify "$STACK/evidence" --collateral "$STACK/collateral"
says "$out" "CHAIN"

refused() {
  local class=$1
  shift
  quote Milan "$@"
  verify 1 --json
  says "$out" "\"$class\""
}
refused REPORT_DATA --faults wrong-nonce
refused SIGNATURE --faults bad-signature
refused POLICY_DEBUG --faults debug-policy
refused CHIP_ID --faults swapped-chip
refused TCB_MISMATCH --faults mismatched-tcb
refused EXPIRED --faults expired-leaf
refused REVOKED --faults revoked-chain
refused REVOKED --faults revoked-chain --endorsement vlek
refused CRL_EXPIRED --faults expired-collateral
refused REPORT_DATA --tee tdx --faults wrong-nonce
refused TD_DEBUG --tee tdx --faults debug
refused REVOKED --tee tdx --faults revoked-pck
refused TCB_STATUS --tee tdx --faults stale-tcb
refused COLLATERAL_EXPIRED --tee tdx --faults expired-collateral
echo "wrong-nonce # as a file" >"$STACK/faults"
refused REPORT_DATA --faults-file "$STACK/faults"
run 1 nacre-tee-emulator quote --dir "$STACK/Milan" --report-data "$nonce" --out "$STACK/x" \
  --collateral "$STACK/x.d" --faults no-such-fault
says "$err" "no-such-fault"
