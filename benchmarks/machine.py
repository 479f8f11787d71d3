"""The machine: what figures depend on, which cores are used, and the variables that contestants start with."""

from __future__ import annotations

import os
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

# Some machines export these; they make OpenBLAS run kernels for an older processor.
HELD_BACK = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")
THREADS = ("OMP", "OPENBLAS", "MKL", "NUMBA")
ROOT = Path(__file__).resolve().parent.parent
IDENTITY = ("processor", "cores", "threads", "system", "gpu")
"""What makes two machines the same for a comparison."""


def threads_here() -> int:
    """The cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def threads_of(smoke: bool) -> int:
    """All of them; in a smoke run one, as other tests run beside it and threads would wait for each other."""
    return 1 if smoke else threads_here()


def use_cores(count: int) -> None:
    """Keep this process and all it starts on the first `count` of its cores.

    Raises:
        SystemExit: where the system cannot, or has fewer.
    """
    if not hasattr(os, "sched_setaffinity"):
        raise SystemExit(f"--cores: {platform.system()} does not let a process choose its cores")
    here = sorted(os.sched_getaffinity(0))
    if not 1 <= count <= len(here):
        raise SystemExit(f"--cores: from 1 to {len(here)}, got {count}")
    os.sched_setaffinity(0, here[:count])


def machine_facts() -> dict[str, Any]:
    """What the figures depend on."""
    return {
        "processor": _first_after(Path("/proc/cpuinfo"), "model name") or platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "threads": threads_here(),
        "affinity": sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None,
        "memory": _first_after(Path("/proc/meminfo"), "MemTotal"),
        "load": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
        "python": platform.python_version(),
        "numpy": _version_of("numpy"),
        "system": platform.system(),
        "release": platform.release(),
        "left out of the environment": [name for name in HELD_BACK if name in os.environ],
        "commit": _line("git", "-C", str(ROOT), "rev-parse", "--short", "HEAD"),
        "changed": changed(),
        "gpu": _line("nvidia-smi", "--query-gpu=name", "--format=csv,noheader"),
        "driver": _line("nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"),
    }  # fmt: skip


def changed() -> str | None:
    """The first file that is not as the commit has it, with git's letters, or None; reports do not count."""
    return _line("git", "-C", str(ROOT), "status", "--porcelain", "--", ".", ":!benchmarks/results")


def _version_of(distribution: str) -> str | None:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None


def _first_after(path: Path, label: str) -> str | None:
    try:
        lines = path.read_text().splitlines()
    except OSError:
        return None
    return next((line.split(":")[1].strip() for line in lines if line.startswith(label)), None)


def _line(*command: str) -> str | None:
    """The first line that a command prints; None where it is missing or fails."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=30)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip().partition("\n")[0] or None


def environment(threads: int, gpu: bool = False) -> dict[str, str]:
    """This process's variables without those that hold OpenBLAS back, with one number of threads for everyone.

    Without `gpu` no framework sees one.
    """
    count = str(threads)
    found = {key: value for key, value in os.environ.items() if key not in HELD_BACK}
    found |= {f"{name}_NUM_THREADS": count for name in THREADS}
    found |= {"TF_NUM_INTRAOP_THREADS": count, "TF_NUM_INTEROP_THREADS": count}
    found |= {"TF_CPP_MIN_LOG_LEVEL": "2", "PYTHONPATH": str(ROOT)}
    if not gpu:
        found |= {"JAX_PLATFORMS": "cpu", "CUDA_VISIBLE_DEVICES": "-1"}
    return found


def own_version() -> str:
    """Gradloom's."""
    installed = _version_of("gradloom")
    if installed:
        return installed
    # run from the source
    line = next(
        line for line in (ROOT / "pyproject.toml").read_text().splitlines() if line.startswith("version")
    )
    return line.split('"')[1]
