# nacre run -t: the container has a terminal, and takes what is typed.
set -euo pipefail
source "$(dirname "$0")/lib/check.sh"
begin "$1"
command -v script >/dev/null || { echo "skipped: 'script' of bsdutils is missing"; exit 77; }
stack_up
cat >"$STACK/typed" <<'EOF'
a word
EOF
run_command="nacre run --address $STACK/containerd.sock --config $STACK/runtime.toml"
run_command+=" --initdata $STACK/initdata.toml -t $image /bin/sh -c"
run_command+=" '[ -t 0 ] && [ -t 1 ] && read -r line && echo typed: \$line; exit 7'"
status=0
script -qec "$run_command" /dev/null <"$STACK/typed" >"$out" 2>"$err" || status=$?
[ $status -eq 7 ] || failed "nacre run exited $status, wanted 7"
says "$out" "typed: a word"
nothing_left
