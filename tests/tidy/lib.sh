# For the tidy checks: which files are looked at, and how faults are told.
set -euo pipefail

root=${1:?usage: $0 ROOT}
cd "$root"
faults=$(mktemp)
trap 'rm -f "$faults"' EXIT

# Names of the tree's own files that match one of the patterns, sorted. Works in a git checkout and
# in an unpacked archive.
files() {
  if git rev-parse --is-inside-work-tree >/dev/null 2>&1; then
    git ls-files --cached --others --exclude-standard -- "$@"
  else
    local args=() pattern
    for pattern in "$@"; do args+=(-o -path "./$pattern" -o -name "$pattern"); done
    find . -path ./build -prune -o -path ./.git -prune -o \
      -type f \( "${args[@]:1}" \) -print | sed 's|^\./||'
  fi | sort -u | while IFS= read -r file; do if [ -f "$file" ]; then echo "$file"; fi; done
}

# Reads faults, one a line, from the input.
report() { cat >>"$faults"; }

# grep over the files named on the input; no match is no failure.
search() { xargs grep "$@" || [ $? -eq 123 ]; }

finish() {
  local count
  count=$(wc -l <"$faults")
  sort "$faults"
  echo "$(basename "$0"): $count faults"
  [ "$count" -eq 0 ]
}
