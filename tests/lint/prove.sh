#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Proves every lint: breaks a scratch copy in one place at a time and expects the
# lint of that rule, which passes on the copy as it is, to fail.
#	prove.sh BUILD-FOLDER
set -eu
cd "$(dirname "$0")/../.."
build=$1
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
trap 'exit 130' INT TERM
tests/lint/sources.sh '*' > "$copy.list"
tar -cf - -T "$copy.list" | tar -xf - -C "$copy"
rm -f "$copy.list"
cd "$copy"
git init -q . && git add -A
lint() {
    make -s O="$build" "lint-$1" > .output 2>&1
}
failed=0

# breaks RULE WHAT FILE TEXT [WORD]: appends TEXT to FILE, new or not; the lint
# must fail and tell of FILE or WORD
breaks() {
    rule=$1 what=$2 file=$3 text=$4
    had=0
    [ ! -e "$file" ] || { had=1 && cp "$file" .kept; }
    printf '%b\n' "$text" >> "$file"
    if lint "$rule"; then
        echo "lint-$rule does NOT find: $what"
        failed=1
    elif ! grep -q -- "${file##*/}\|${5:-${file##*/}}" .output; then
        echo "lint-$rule failed, but not over $what:"
        tail -n 5 .output
        failed=1
    else
        echo "lint-$rule finds: $what"
    fi
    if [ "$had" -eq 1 ]; then mv .kept "$file"; else rm -f "$file"; fi
}

bsd='/* SPDX-License-Identifier: BSD-2-Clause */\n'
long=$(awk 'BEGIN { for (i = 0; i < 61; i++) printf "\\tx++;\\n" }')
blank='\0040'
breaks layers 'a lower room that includes a higher one' userspace/model/broken.c "$bsd"'#include "core/config.h"'
breaks layers 'rooms of equal rank' userspace/source/broken.c "$bsd"'#include "wire/json.h"'
breaks layers 'wire messages outside the wire' userspace/core/broken.c "$bsd"'#include <edgeprof/v1/edgeprof.pb-c.h>'
breaks layers 'logging below core' userspace/wire/broken.c "$bsd"'void f(void)\n{\n\tlog_info("x");\n}'
breaks spdx 'a source without a licence' userspace/base/broken.c 'int x;'
breaks spdx 'the wrong licence' bpf/broken.bpf.h "$bsd"
breaks spdx 'a script without a licence' tests/broken.sh '#!/bin/sh\nexit 0'
breaks names 'a banned function' userspace/base/broken.c "$bsd"'void f(char *a)\n{\n\tstrcpy(a, "x");\n}'
breaks names 'a marker of unfinished work' userspace/base/broken.c "$bsd"'/* TO''DO: more */'
breaks names 'a folder of one machine' packaging/broken.conf '# SPDX-License-Identifier: BSD-2-Clause\nroot = /wo''rk/main'
breaks names 'a blank at the end of a line' packaging/broken.conf "# ends in a blank$blank"
breaks size 'a function of 64 lines' userspace/base/broken.c "$bsd"'void f(int x)\n{\n'"$long"'}'
breaks size 'a file of more than 600 lines' userspace/base/broken.c "$bsd$(awk 'BEGIN { for (i = 0; i < 600; i++) printf "int x%d;\\n", i }')"
breaks format 'bad format' userspace/base/broken.c "$bsd"'int  f (void) { return 0 ; }'
breaks cppcheck 'an index out of bounds' userspace/base/broken.c "$bsd"'int f(void);\nint f(void)\n{\n\tint a[2];\n\ta[2] = 0;\n\treturn a[2];\n}'
breaks shell 'an unquoted variable' tests/broken.sh '#!/bin/sh\n# SPDX-License-Identifier: BSD-2-Clause\ncd $1'
breaks python 'a syntax error' tests/broken.py '# SPDX-License-Identifier: BSD-2-Clause\ndef f(:'
breaks clang 'what clang alone warns of' userspace/base/broken.c "$bsd"'int f(int x);\nint f(int x)\n{\n\tint y = y;\n\treturn x == x;\n}'
breaks budget 'a program that is gone' tests/lint/bpf_budget.txt 'cpu ep_gone_btf 10 10' ep_gone
sed -i -E 's/^(cpu ep_switch_btf) ([0-9]+)/\1 10/' tests/lint/bpf_budget.txt
breaks budget 'a program that grew' tests/lint/bpf_budget.txt '# the switch program grew' 'ep_switch_btf: instructions'
exit "$failed"
