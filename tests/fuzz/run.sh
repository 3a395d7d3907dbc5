#!/usr/bin/env bash
# Runs the fuzz targets under libFuzzer with AddressSanitizer and UBSan, each from its own seeds and
# with its words (dictionaries/TARGET.dict), if it has any.
#
#   tests/fuzz/run.sh SECONDS [--jobs N] [TARGET...]     # all targets when none is named
#
# Needs clang-19. Found inputs stay in build/fuzz/corpus/TARGET and make the next run better; what
# breaks a target is kept in build/fuzz/findings and named at the end, with exit code 1.
set -euo pipefail
cd "$(dirname "$0")/../.."
seconds=${1:?how many seconds each}
shift
jobs=$(nproc)
if [ "${1:-}" = --jobs ]; then jobs=${2:?}; shift 2; fi
command -v clang++-19 >/dev/null || { echo "fuzz: clang-19 is missing" >&2; exit 1; }
targets=("$@")
if [ ${#targets[@]} -eq 0 ]; then
  mapfile -t targets < <(find . -name '*_fuzz.cc' -not -path './build/*' -printf '%f\n' |
    sed 's/\.cc$//' | sort)
fi

cmake --preset fuzz >/dev/null
ninja -C build/fuzz "${targets[@]}"
mkdir -p build/fuzz/{corpus,findings,log,seeds}

# one TARGET: seeds are what the target's gtest writes, when a build of it is there.
one() {
  local target=$1 corpus=build/fuzz/corpus/$1 log=build/fuzz/log/$1.log name seeds=()
  mkdir -p "$corpus"
  name=$(sed -n 's/^NACRE_FUZZ_TARGET(\([A-Za-z0-9]*\),.*/\1/p' \
    "$(find . -name "$target.cc" -not -path './build/*' | head -n 1)" | head -n 1)
  [ ! -d "build/fuzz/seeds/$name" ] || seeds=("build/fuzz/seeds/$name")
  [ ! -f "tests/fuzz/dictionaries/$target.dict" ] ||
    seeds+=("-dict=tests/fuzz/dictionaries/$target.dict")
  local status=0
  "build/fuzz/fuzz/$target" -max_total_time="$2" -max_len=65536 -timeout=25 -rss_limit_mb=2560 \
    -print_final_stats=1 -artifact_prefix="build/fuzz/findings/$target-" \
    "$corpus" "${seeds[@]}" >"$log" 2>&1 || status=$?
  printf '%-24s %12s executions  %s\n' "$target" \
    "$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")" \
    "$([ $status -eq 0 ] && echo clean || echo "BROKEN, see $log")"
  return $status
}
export -f one

for replay in build/{release,debug}/tests/*_test; do
  [ ! -x "$replay" ] || NACRE_FUZZ_SEEDS=$PWD/build/fuzz/seeds "$replay" \
    --gtest_filter='FuzzReplay.*' >/dev/null 2>&1 || true
done
printf '%s\n' "${targets[@]}" | xargs -P "$jobs" -I{} bash -c "one {} $seconds"
