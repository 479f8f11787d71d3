"""Where peers are installed: here, or in environments of their own, which `python -m benchmarks setup` makes.

A contestant runs in this environment where it has what it needs, else in one of those. TensorFlow has its own, as it
may ask for other versions than the rest.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Sequence
from pathlib import Path

from .machine import ROOT
from .names import PEERS

ENVIRONMENTS: dict[str, tuple[str, ...]] = {
    "peers": (f"{ROOT}[bench]", "onnxruntime"),
    "tensorflow": ("tensorflow-cpu", "keras>=3.12", "numpy>=2"),
}
MODULES = {
    "torch": "peers", "jax": "peers", "sklearn": "peers", "mygrad": "peers", "tinygrad": "peers", "onnxruntime": "peers",
    "tensorflow": "tensorflow",
}  # fmt: skip
"""Which environment has a module that this one lacks."""


def home() -> Path:
    """The folder of the environments: GRADLOOM_BENCH_DIR, or one in the user's cache folder."""
    chosen = os.environ.get("GRADLOOM_BENCH_DIR")
    if chosen:
        return Path(chosen)
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "gradloom-bench"


def python_of(name: str) -> Path:
    """The interpreter of an environment, made or not."""
    return home() / name / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def has(name: str, module: str) -> bool:
    """Whether an environment is there and holds a module."""
    folder = home() / name
    return any(folder.glob(f"[Ll]ib/**/site-packages/{module}/__init__.py"))


def python_for(contestant: str) -> Path:
    """The interpreter in which a contestant runs; this one where none has what it needs, and says so there."""
    module = PEERS[contestant].needs
    environment = MODULES.get(module)
    if environment and importlib.util.find_spec(module) is None and has(environment, module):
        return python_of(environment)
    return Path(sys.executable)


def needed() -> list[str]:
    """The environments that hold something which is missing here."""
    missing = {MODULES[module] for module in MODULES if importlib.util.find_spec(module) is None}
    return [name for name in ENVIRONMENTS if name in missing]


def setup(names: Sequence[str]) -> None:
    """Make the environments and install what belongs into them, or bring them up to date.

    Raises:
        SystemExit: an installation failed; the others are made all the same.
    """
    broken = []
    for name in names:
        print(f"{name}: {' '.join(ENVIRONMENTS[name])} into {home() / name}", flush=True)
        if not python_of(name).exists():
            venv.create(home() / name, with_pip=True)
        command = [str(python_of(name)), "-m", "pip", "install", "--disable-pip-version-check", "--quiet"]  # fmt: skip
        if subprocess.run([*command, *ENVIRONMENTS[name]], check=False).returncode:
            broken.append(name)
    if not shutil.which("clang"):
        print("tinygrad's CPU device needs clang, which is not on the path: tinygrad will be skipped")
    if broken:
        raise SystemExit(f"could not install {', '.join(broken)}; what pip said stands above")
    print("ready: contestants are started there when this environment lacks what they need")
