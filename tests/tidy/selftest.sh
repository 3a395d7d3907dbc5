#!/usr/bin/env bash
# The checks find what they are for: a small tree with one fault of each kind.
set -euo pipefail
tidy=$(cd "$(dirname "$0")" && pwd)
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
mkdir -p "$tree/docs/design" "$tree/base" "$tree/net" "$tree/net/inner" "$tree/stray"
failures=0

cat >"$tree/docs/design/rooms.toml" <<'END'
[base]
uses = []
libraries = ["wrapped/"]

[net]
uses = ["base"]
libraries = []

[net/inner]
uses = ["base"]
libraries = []
END

# expect CHECK FILE CONTENTS PART: with that file alone the check fails and says PART; PART "" means
# that it passes.
expect() {
  local check=$1 file=$2 contents=$3 part=$4 out status=0
  printf "$contents" >"$tree/$file"
  out=$("$tidy/$check.sh" "$tree" 2>&1) || status=$?
  rm "$tree/$file"
  if [ -z "$part" ]; then
    [ "$status" -eq 0 ] && return
  else
    [ "$status" -ne 0 ] && grep -qF -- "$part" <<<"$out" && return
  fi
  echo "$check with $file ($contents): status $status, expected '${part:-success}', got:"
  echo "$out"
  failures=$((failures + 1))
}

expect rooms base/a.cc '#include "base/a.h"\n#include <vector>\n' ''
expect rooms net/a.cc '#include "base/a.h"\n#include "net/b.h"\n' ''
expect rooms base/a.cc '#include "net/b.h"\n' 'base/a.cc:1: base may not include net/b.h'
expect rooms base/a.cc '\n  # include  "net/b.h"\n' 'base/a.cc:2: base may not include net/b.h'
expect rooms net/a.cc '#include "net/inner/b.h"\n' ''
expect rooms net/inner/a.cc '#include "net/b.h"\n' 'net/inner may not include net/b.h'
expect rooms base/a.cc '#include <wrapped/b.h>\n' ''
expect rooms net/a.cc '#include <wrapped/b.h>\n' 'wrapped/b.h belongs to base, not net'
expect rooms net/a.cc '#include "b.h"\n' 'b.h is not a path from the top'
expect rooms stray/a.cc '#include "base/a.h"\n' 'file in no room'

column100=$(printf '%0100d' 0)
expect text base/a.cc "// ${column100:3}\n" ''
expect text base/a.cc "// ${column100:2}\n" 'a.cc:1: 101 columns'
expect text base/a.h '#pragma once\n' ''
expect text base/a.h '// nothing\n' 'no #pragma once'
expect text base/a.cc '// \n' 'space at the end'
expect text base/a.cc '\tint a;\n' 'tab'
expect text base/a.cc '// TO''DO: later\n' 'a note for later'
expect text base/a.md 'see FIX''ME\n' 'a note for later'
expect text base/a.cc '"file.X''X''X''X"\n' ''
expect text base/a.cc '// a st''ub\n' 'only stands for'
expect text base/a.md 'in /wo''rk/main\n' 'a path of one machine'

body=$(printf '  x();\\n%.0s' {1..98})
expect size base/a.cc "void A() {\n$body}\n" ''
expect size base/a.cc "void A() {\n  x();\n$body}\n" 'base/a.cc:1: 101 lines'
expect size base/a.cc "$(printf '//\\n%.0s' {1..600})" ''
expect size base/a.cc "$(printf '//\\n%.0s' {1..601})" 'base/a.cc: 601 lines'

echo "selftest: $failures failures"
[ "$failures" -eq 0 ]
