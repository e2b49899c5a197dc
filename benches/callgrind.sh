#!/usr/bin/env bash
# Counts instructions per routed request among 10, 1,000 and 100,000 hosts. Needs valgrind.
set -euo pipefail
cd "$(dirname "$0")/.."
command -v valgrind >/dev/null || { echo "valgrind is not here (Debian: valgrind)" >&2; exit 1; }
exec cargo bench --bench callgrind "$@"
