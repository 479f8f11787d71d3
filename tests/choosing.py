"""What to test first after a change: `run.py test --quick` and the planted faults ask here. Knows no library, only paths."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CORE = (
    "tests/test_architecture.py", "tests/autograd/test_graph.py", "tests/autograd/test_generated.py",
    "tests/backends/test_program.py", "tests/nn/test_model.py", "tests/nn/test_fit.py",
)  # fmt: skip
"""What every quick run holds, after the tests of what changed."""
_COMPILED = ("tests/nn/compiled/*", "tests/autograd/jit/*")
_ON_DEVICE = ("tests/gpu/test_eager*", "tests/gpu/test_kernel_values.py", "tests/gpu/test_executable.py", "tests/gpu/test_executable_state.py", "tests/gpu/*")  # fmt: skip
TESTS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("nn/losses/", ("tests/nn/test_losses*", "tests/nn/test_trace.py")),
    ("nn/metrics/", ("tests/nn/test_metric*", "tests/nn/test_losses_margin.py", "tests/nn/compiled/test_compiled_parts.py", "tests/nn/test_batches.py")),
    ("nn/optimizers/", ("tests/nn/test_optimizer*", "tests/nn/test_schedules.py", "tests/nn/compiled/test_compiled_parts.py", "tests/nn/test_mixed_precision.py")),
    ("nn/layers/", ("tests/nn/test_layers*", "tests/nn/test_bad_arguments.py", "tests/nn/compiled/test_compiled_parts.py")),
    ("nn/callbacks/", ("tests/nn/test_callbacks*", "tests/nn/compiled/test_compiled_callbacks.py", "tests/nn/test_resuming.py", "tests/nn/test_files_on_disk.py", "tests/nn/test_refused_files.py")),
    ("nn/tuning/", ("tests/nn/test_tuning*", "tests/nn/test_refused_files.py")),
    ("nn/plots/", ("tests/nn/test_plots*",)),
    ("nn/diagram.py", ("tests/nn/test_diagram.py",)),
    ("nn/summary.py", ("tests/nn/test_summary.py",)),
    ("nn/range_test.py", ("tests/nn/test_range_test.py",)),
    ("nn/arguments.py", ("tests/nn/test_constructors.py", "tests/nn/test_*_arguments.py", "tests/nn/test_bad_input.py")),
    ("nn/constructors.py", ("tests/nn/test_constructors.py", "tests/nn/test_*_arguments.py")),
    ("nn/activations.py", ("tests/nn/test_activations.py",)),
    ("nn/initializers.py", ("tests/nn/test_initializers.py",)),
    ("nn/seed.py", ("tests/nn/test_initializers.py", "tests/nn/test_layers*", "tests/nn/compiled/*")),
    ("nn/regularizers.py", ("tests/nn/test_optimizer*", "tests/nn/test_layers*", "tests/nn/test_trace.py")),
    ("nn/constraints.py", ("tests/nn/test_optimizer*", "tests/nn/test_layers*")),
    ("nn/precision.py", ("tests/nn/test_mixed_precision.py", "tests/nn/test_precision_models.py")),
    ("nn/module.py", ("tests/nn/test_module.py", "tests/nn/test_saving.py")),
    ("nn/checkpoint/limits.py", ("tests/nn/test_load_limits.py", "tests/nn/test_damaged_files.py", "tests/nn/test_saving.py")),
    ("nn/checkpoint/files.py", ("tests/nn/test_files_on_disk.py", "tests/nn/test_saving.py")),
    ("nn/checkpoint/fields.py", ("tests/nn/test_refused_files.py", "tests/nn/test_damaged_files.py", "tests/nn/test_resuming.py")),
    ("nn/checkpoint/position.py", ("tests/nn/test_resuming.py", "tests/nn/test_refused_files.py")),
    ("nn/sequential.py", ("tests/nn/test_files_on_disk.py", "tests/nn/test_model.py", "tests/nn/test_saving.py")),
    ("nn/checkpoint/container.py", ("tests/nn/test_damaged_files.py", "tests/nn/test_refused_files.py", "tests/nn/test_saving.py")),
    ("nn/checkpoint/loading.py", ("tests/nn/test_refused_files.py", "tests/nn/test_saving.py", "tests/nn/test_resuming.py", "tests/nn/test_damaged_files.py")),
    ("nn/checkpoint/description.py", ("tests/nn/test_saving.py", "tests/nn/test_damaged_files.py", "tests/nn/test_refused_files.py")),
    ("nn/checkpoint/saving.py", ("tests/nn/test_saving.py", "tests/nn/test_files_on_disk.py", "tests/nn/test_resuming.py", "tests/nn/test_damaged_files.py")),
    ("nn/checkpoint/restore.py", ("tests/nn/test_refused_files.py", "tests/nn/test_resuming.py", "tests/nn/test_saving.py", "tests/nn/test_damaged_files.py")),
    ("nn/restore.py", ("tests/nn/test_refused_files.py", "tests/nn/test_resuming.py", "tests/nn/test_saving.py", "tests/nn/compiled/*")),
    ("nn/run.py", ("tests/test_interrupts.py", "tests/nn/test_fit.py", "tests/nn/test_resuming.py", "tests/nn/test_callbacks.py", "tests/nn/compiled/*")),
    ("nn/batches.py", ("tests/nn/test_batches.py", "tests/nn/test_resuming.py", "tests/nn/test_bad_input.py", "tests/nn/compiled/test_compiled_data.py")),
    ("nn/data.py", ("tests/nn/test_batches.py", "tests/nn/test_bad_input.py", "tests/nn/compiled/test_compiled_data.py")),
    ("nn/fit_arguments.py", ("tests/nn/test_bad_input.py", "tests/nn/test_fit.py", "tests/nn/test_batches.py")),
    ("nn/arguments.py", ("tests/nn/test_bad_arguments.py", "tests/nn/test_bad_input.py")),
    ("nn/step.py", ("tests/nn/test_trace.py", "tests/nn/test_fit.py", "tests/nn/test_model.py", "tests/nn/test_losses*", "tests/nn/compiled/*")),
    ("nn/compiled.py", ("tests/nn/compiled/*", "tests/nn/test_mixed_precision.py")),
    ("nn/model.py", ("tests/nn/test_model.py", "tests/nn/test_fit.py", "tests/nn/test_bad_input.py", "tests/nn/compiled/*")),
    ("nn/", ("tests/nn/test_model.py", "tests/nn/test_fit.py", "tests/nn/test_saving.py")),
    ("tests/mutation/", ("tests/autograd/test_mutation.py",)),
    ("autograd/testing/adapters/", ("tests/autograd/test_adapters.py", "tests/autograd/test_tester_subjects.py")),
    ("autograd/testing/", (
        "tests/autograd/test_tester*", "tests/autograd/test_kinks.py", "tests/autograd/test_false_alarms.py",
        "tests/autograd/test_plugin.py", "tests/autograd/test_strategies.py", "tests/autograd/test_mutation.py",
    )),
    ("autograd/ops/", (
        "tests/autograd/test_semantics.py", "tests/autograd/test_methods.py", "tests/autograd/test_indexing.py", "tests/autograd/test_conv.py",
        "tests/autograd/test_einsum.py", "tests/autograd/test_kinks.py", "tests/autograd/test_programs.py",
        "tests/nn/test_losses_logits.py", "tests/autograd/test_gelu.py", "tests/autograd/test_random.py",
    )),
    ("autograd/jit.py", _COMPILED[::-1]),
    ("autograd/jitted.py", _COMPILED[::-1]),
    ("autograd/quick.py", ("tests/nn/compiled/test_compiled_predict.py", "tests/nn/compiled/test_compiled_rows.py")),
    ("autograd/programs.py", ("tests/test_interrupts.py", *_COMPILED[::-1])),
    ("autograd/leaks.py", ("tests/test_interrupts.py", "tests/autograd/jit/test_jit_closures.py", "tests/autograd/jit/*")),
    ("autograd/executed.py", ("tests/test_interrupts.py", "tests/autograd/jit/*")),
    ("autograd/guards.py", ("tests/autograd/jit/*",)),
    ("autograd/guard_writer.py", ("tests/autograd/jit/*",)),
    ("autograd/tracekeys.py", ("tests/autograd/jit/*",)),
    ("autograd/tracing.py", ("tests/autograd/test_capture.py", "tests/test_interrupts.py", *_COMPILED[::-1])),
    ("autograd/profiling.py", ("tests/autograd/jit/test_jit_reports.py",)),
    ("autograd/debugging.py", ("tests/autograd/jit/test_jit_reports.py",)),
    ("autograd/checkpoint.py", ("tests/autograd/test_checkpoint*",)),
    ("autograd/anomaly.py", ("tests/autograd/test_anomaly.py",)),
    ("autograd/draw.py", ("tests/autograd/test_draw.py",)),
    ("autograd/notebook.py", ("tests/autograd/test_notebook_tensors.py", "tests/nn/test_notebook.py")),
    ("autograd/typing.py", ("tests/autograd/test_stubs.py", "tests/test_typing.py")),
    ("autograd/__init__.pyi", ("tests/autograd/test_stubs.py", "tests/test_typing.py")),
    ("autograd/svg.py", ("tests/autograd/test_draw.py", "tests/nn/test_diagram.py")),
    ("autograd/random.py", ("tests/autograd/test_random.py", "tests/autograd/test_checkpoint*", "tests/autograd/jit/test_jit_random.py")),
    ("autograd/functional.py", ("tests/autograd/test_functional.py", "tests/autograd/test_transforms.py")),
    ("autograd/differentiate.py", ("tests/autograd/test_transforms.py", "tests/autograd/test_functional.py", "tests/autograd/test_checkpoint*")),
    ("autograd/structure.py", ("tests/autograd/test_transforms.py", "tests/autograd/test_functional.py", "tests/autograd/jit/test_jit_arguments.py")),
    ("autograd/creation.py", ("tests/autograd/test_creation.py",)),
    ("autograd/tensor.py", (
        "tests/autograd/test_tensor.py", "tests/autograd/test_methods.py", "tests/autograd/jit/test_jit_state.py", "tests/autograd/test_memory.py",
        "tests/autograd/test_numpy_meets_tensor.py", "tests/autograd/test_transforms.py",
    )),
    ("autograd/arguments.py", ("tests/autograd/test_methods.py", "tests/autograd/test_numpy_meets_tensor.py")),
    ("autograd/mode.py", ("tests/test_interrupts.py", "tests/autograd/test_functional.py", "tests/autograd/test_checkpoint*", "tests/autograd/test_transforms.py")),
    ("autograd/", (
        "tests/autograd/test_tensor.py", "tests/autograd/test_methods.py", "tests/autograd/test_memory.py",
        "tests/autograd/test_transforms.py", "tests/autograd/test_capture.py", "tests/autograd/test_programs.py",
        "tests/autograd/test_numpy_meets_tensor.py", "tests/autograd/test_semantics.py",
    )),
    ("backends/native/", ("tests/backends/test_native*", "tests/nn/compiled/test_compiled_parts.py", *_COMPILED, "tests/nn/test_golden_kernels.py", "tests/test_interrupts.py")),
    ("backends/switching.py", ("tests/test_interrupts.py", "tests/backends/test_registry.py")),
    ("backends/numba/workers.py", ("tests/test_interrupts.py", "tests/backends/test_workers.py", "tests/backends/test_numba.py")),
    ("backends/errors.py", ("tests/backends/test_foreign_errors.py", "tests/autograd/jit/test_jit_errors.py")),
    ("backends/store.py", ("tests/backends/test_kernel_files.py", "tests/backends/test_foreign_errors.py", "tests/backends/test_translate.py")),
    ("backends/__main__.py", ("tests/backends/test_kernel_files.py",)),
    ("backends/numba/", ("tests/backends/test_numba.py", "tests/backends/test_foreign_errors.py", "tests/backends/test_eager_loops.py", "tests/backends/test_kernel_files.py", "tests/backends/test_erf.py", "tests/autograd/test_programs.py")),
    ("backends/cuda/", ("tests/backends/test_cuda.py", *_ON_DEVICE)),
    ("backends/cupy/", _ON_DEVICE),
    ("backends/numpy/rounding.py", ("tests/backends/test_precision.py", "tests/nn/test_mixed_precision.py")),
    ("backends/numpy/planned.py", ("tests/backends/test_passes.py", "tests/autograd/jit/*", "tests/nn/compiled/*")),
    ("backends/numpy/", ("tests/backends/test_primitives.py", "tests/backends/test_registry.py", "tests/autograd/test_conv.py", "tests/autograd/jit/*", "tests/autograd/test_einsum.py")),
    ("backends/program/precision.py", ("tests/backends/test_precision.py", "tests/backends/test_native_bfloat16.py", "tests/autograd/test_jit_precision.py", "tests/nn/test_mixed_precision.py")),
    ("backends/program/formula.py", ("tests/backends/test_formula.py", "tests/autograd/test_docs.py")),
    ("backends/program/", (
        "tests/backends/test_program.py", "tests/backends/test_fuse.py",
        "tests/backends/test_eager_loops.py", "tests/backends/test_passes.py", "tests/backends/test_native*",
        "tests/autograd/test_capture.py", "tests/backends/test_cuda.py", *_COMPILED, "tests/gpu/test_executable.py",
    )),
    ("backends/formats.py", ("tests/backends/test_precision.py",)),
    ("backends/coefficients.py", ("tests/backends/test_erf.py", "tests/backends/test_numba.py", "tests/backends/test_scalar_text.py")),
    ("backends/", (
        "tests/backends/test_primitives.py", "tests/backends/test_registry.py", "tests/autograd/test_random.py",
        "tests/backends/test_precision.py", "tests/backends/test_scalar_text.py", "tests/backends/test_passes.py",
    )),
    ("gradloom/", ("tests/test_alias.py", "tests/autograd/test_stubs.py")),
    ("nn/notebook.py", ("tests/nn/test_notebook.py",)),
    ("examples/", ("tests/test_examples.py",)),
    ("benchmarks/gpu/", ("tests/test_benchmark_gpu.py", "tests/gpu/test_first_answers.py")),
    ("benchmarks/", ("tests/test_benchmark*",)),
    ("docs/editors.md", ("tests/test_typing.py",)),
    ("docs/make_stubs.py", ("tests/autograd/test_stubs.py",)),
    ("docs/", ("tests/autograd/test_docs.py", "tests/test_engine_doc.py", "tests/nn/test_training_guide.py", "tests/nn/test_tuning_docs.py")),
    ("README.md", ("tests/test_readme.py",)),
    ("run.py", ("tests/test_readme.py", "tests/test_running.py", "tests/test_benchmark_gpu.py")),
    ("pyproject.toml", ("tests/test_packaging.py", "tests/test_architecture.py")),
    ("MANIFEST.in", ("tests/test_packaging.py",)),
    ("CHANGELOG.md", ("tests/test_packaging.py",)),
    ("tests/substitute/", ("tests/gpu/*", "tests/backends/test_cuda.py")),
    ("tests/typing/", ("tests/test_typing.py",)),
    ("tests/planted/", ("tests/test_planted.py",)),
    ("tests/", ("tests/test_running.py",)),
)  # fmt: skip
"""The start of a changed path, and the tests that see it best, the most telling first; of several rows the longest start."""


def changed() -> list[str]:
    """What differs from the last commit, new files too; paths relative to the root. None of it where there is no git."""
    found = []
    for words in (("diff", "--name-only", "HEAD"), ("ls-files", "--others", "--exclude-standard")):
        done = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=False)
        found += done.stdout.splitlines() if done.returncode == 0 else []
    return sorted(set(found))


def tests_for(path: str) -> list[str]:
    """The test files for one changed file, the most telling first."""
    if path.startswith("tests/") and Path(path).name.startswith("test_"):
        return [path] if (ROOT / path).exists() else []
    patterns = max(
        ((start, p) for start, p in TESTS if path.startswith(start)),
        default=("", ()),
        key=lambda row: len(row[0]),
    )[1]
    found = [
        str(f.relative_to(ROOT))
        for pattern in patterns
        for f in sorted(ROOT.glob(pattern))
        if f.name.startswith("test_")
    ]
    return list(dict.fromkeys(found))


def in_turn(lists: Iterable[Sequence[str]]) -> list[str]:
    """The first of each, then the second of each, and so on, without repetition."""
    rows = [list(row) for row in lists]
    longest = max(map(len, rows), default=0)
    return list(dict.fromkeys(row[i] for i in range(longest) for row in rows if i < len(row)))


def seconds() -> dict[str, float]:
    """What the tests of each file take, all workers added up, on the machine of `seconds.json`."""
    path = Path(__file__).with_name("seconds.json")
    return json.loads(path.read_text()) if path.exists() else {}


def choose(paths: Sequence[str], budget: float) -> tuple[list[str], list[str]]:
    """(files to run, files that would take too long), for changed paths and seconds of all workers.

    The core always runs; the tests of what changed in their order while there is time.
    """
    known, chosen, left_out = seconds(), [], []
    spent = sum(known.get(name, 1.0) for name in CORE)
    for name in in_turn(tests_for(path) for path in paths):
        if name in CORE:
            continue
        cost = known.get(name, 1.0)
        if spent + cost <= budget:
            chosen.append(name)
            spent += cost
        else:
            left_out.append(name)
    return [*chosen, *CORE], left_out
