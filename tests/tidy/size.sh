#!/usr/bin/env bash
# Files and functions one can see at once. Past the first number is a question to answer (reported);
# past the second the check fails.
. "$(dirname "$0")/lib.sh"

notes=$(mktemp)
trap 'rm -f "$faults" "$notes"' EXIT
file_question=400 file_limit=600
function_question=60 function_limit=100

# Function bodies start with a line in column 0 that opens a brace and end with a brace in column 0:
# the layout clang-format gives them.
files '*.h' '*.cc' '*.c' | xargs awk -v fq=$file_question -v fl=$file_limit \
  -v q=$function_question -v l=$function_limit '
  function told(what, size, question, limit) {
    if (size > limit) print "FAULT " what ": " size " lines, the limit is " limit
    else if (size > question) print "NOTE " what ": " size " lines"
  }
  function end_file() { if (last != "") told(last, lines, fq, fl) }
  FNR == 1 { end_file(); last = FILENAME; start = 0 }
  { lines = FNR }
  /^[A-Za-z~].*[({,]$/ &&
      !/^(namespace|class|struct|enum|union|extern|const|constexpr|static const)/ {
    if (!start) { start = FNR; name = $0 }
  }
  /^}/ && start { told(FILENAME ":" start, FNR - start + 1, q, l); start = 0 }
  /^[A-Za-z].*[;}]$/ { start = 0 }
  END { end_file() }' >"$notes"
sed -n 's/^FAULT //p' "$notes" | report
sed -n 's/^NOTE //p' "$notes" | sort
finish
