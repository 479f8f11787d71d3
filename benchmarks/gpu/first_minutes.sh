#!/bin/bash
# Nine minutes on a machine with a GPU, bare or not, the most telling first: `bash benchmarks/gpu/first_minutes.sh`.
# OUT: the folder that gets log.txt, first.jsonl, step.json, summary.txt and cache.tgz, as they come.
# BUDGET: seconds in all. PY: the interpreter, which has CuPy. REPO: another checkout than this one.
# Kernels that an earlier run has packed are taken from .gpu/cache.tgz in the checkout, or from $OUT/cache.tgz.
set -u
cd "${REPO:-$(dirname "$0")/../..}" || exit 1
exec "${PY:-python3}" -m benchmarks.gpu --out "${OUT:-${TMPDIR:-/tmp}/gpu-run}" \
  --minutes "$(awk "BEGIN { print ${BUDGET:-530} / 60 }")"
