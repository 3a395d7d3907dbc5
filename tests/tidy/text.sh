#!/usr/bin/env bash
# Lines of at most 100 columns, #pragma once in headers, and nothing in the tree that belongs to one
# machine or to a later day.
. "$(dirname "$0")/lib.sh"

# Bytes everywhere; a column is a character, so the continuation bytes of UTF-8 do not count.
export LC_ALL=C
files '*.h' '*.cc' '*.c' '*.sh' '*.awk' | xargs awk '
  { text = $0; gsub(/[\200-\277]/, "", text) }
  length(text) > 100 { print FILENAME ":" FNR ": " length(text) " columns, the limit is 100" }
  /\t/ && FILENAME ~ /\.(h|cc|c)$/ { print FILENAME ":" FNR ": tab" }
  /[ \t]$/ { print FILENAME ":" FNR ": space at the end of the line" }' | report

files '*.h' | while IFS= read -r file; do
  if ! grep -q '^#pragma once$' "$file"; then echo "$file:1: no #pragma once"; fi
done | report

# The words are put together here so that this file does not hold them.
later="TO""DO|FIX""ME|X""XX"
files '*' | grep -vE '\.(bin|der|png|svg)$' |
  search -HInE "(^|[^A-Za-z_.-])($later)([^A-Za-z_X]|\$)" |
  sed -E 's/^([^:]*:[0-9]+):.*/\1: a note for later; finish it or open an issue/' | report
# In comments only: gRPC calls its client objects that.
files '*.h' '*.cc' '*.c' '*.sh' |
  search -HIniE "(//|#).*\\b(place""holder|st""ub)s?\\b" |
  sed -E 's/^([^:]*:[0-9]+):.*/\1: something that only stands for a real thing/' | report

machine="/wo""rk/|/home/[a-z]+/"
files '*' | search -HInE "$machine" |
  sed -E 's/^([^:]*:[0-9]+):.*/\1: a path of one machine/' | report
finish
