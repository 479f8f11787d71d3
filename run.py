"""Set up and run: `python3 run.py lab`, `test`, `examples` or `check`. Needs Python 3.11 or newer and nothing else.

Makes the virtual environment .venv beside this file on first use, installs this checkout with the extras that the
command needs, and runs it there.
"""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
import venv
from importlib.util import find_spec
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent
HOME = ROOT / ".venv"
PYTHON = HOME / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
# every worker collects all tests, which takes seconds: more than eight do not pay
WORKERS = ("-n", "auto", "--maxprocesses", "8", "--dist", "worksteal")
QUICK_SECONDS = 55.0
"""What a quick run may take for its tests; starting and collecting come on top."""
EXAMPLES = (
    "single_neuron", "activations", "backpropagation", "gradient_descent", "first_network", "lab_as_for_keras",
    "losses", "learning_rate_decay", "batch_size", "dropout", "regularization", "early_stopping", "maxout",
    "initialization", "batch_normalization", "convolution", "augmentation", "digits", "hyperparameters",
    "compiled_step", "table", "estimators", "serving",
)  # fmt: skip


def install(extra: str) -> None:
    """The environment with `extra` installed; a stamp file remembers what is there."""
    stamp = HOME / f"installed-{extra}"
    if stamp.exists() and stamp.stat().st_mtime > (ROOT / "pyproject.toml").stat().st_mtime:
        return
    if not PYTHON.exists():
        print(f"creating {HOME}", flush=True)
        venv.create(HOME, with_pip=True)
    print(f"installing gradloom[{extra}]", flush=True)
    python(
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        # whatever is imported is compiled then, and kept: a part of what is installed, and half of the time
        "--no-compile",
        "--editable",
        f".[{extra}]",
    )
    stamp.touch()


def python(*arguments: str) -> None:
    """Run the environment's Python in this folder; leave with its exit code when it fails."""
    code = subprocess.run([PYTHON, *arguments], cwd=ROOT, env=surroundings(), check=False).returncode
    if code:
        sys.exit(code)


def surroundings() -> dict[str, str]:
    """The environment of what runs: bytecode is kept in any case, since dozens of processes import the same modules."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def lab() -> None:
    """Train the course's first network on the Pima records and print its accuracy."""
    install("examples")
    python("examples/first_network.py")


def examples() -> None:
    """Run every example."""
    install("examples")
    for name in EXAMPLES:
        python(f"examples/{name}.py")


def test(*arguments: str) -> None:
    """The tests. `--quick`: those nearest to what changed since the last commit; `--full`: every seed and architecture, too.

    Other arguments go to pytest. Every core runs tests; `-n 0` runs them one by one, in this process.
    """
    words = [word for word in arguments if word not in ("--quick", "--full")]
    if "--quick" in arguments:
        words = [*words, *quick()]
    install("test")
    pytest = ("-m", "pytest", *WORKERS, "--progress")
    if "--full" not in arguments:
        python(*pytest, *words)
        return
    print(
        "Full: every seed, more drawn examples, every architecture, and once more on Numba.",
        flush=True,
    )
    python(*pytest, "--full", *words)
    # what trains to convergence has done so on NumPy, and its arrays are too small for kernels
    rooms = ("tests/autograd", "tests/backends", "tests/nn")
    python(*pytest, "--full", "--backend", "numba", "-m", "not slow and not once", *rooms, *words)


def quick() -> list[str]:
    """The test files of a quick run; says what they are and why."""
    choosing = from_tests("choosing")
    changed = choosing.changed()
    chosen, left_out = choosing.choose(changed, QUICK_SECONDS * (os.cpu_count() or 1))
    what = f"{len(changed)} changed files ({', '.join(changed[:4])}{', ...' if len(changed) > 4 else ''})" if changed else "no changed file"  # fmt: skip
    print(f"Quick: {what}; the core and {len(chosen) - len(choosing.CORE)} more of the test files:")
    print("  " + "\n  ".join(chosen))
    if left_out:
        print(f"Left to the default run, since they take longer: {', '.join(left_out)}")
    sys.stdout.flush()
    return chosen


def from_tests(module: str) -> Any:
    """A module of the folder tests that needs nothing but Python."""
    sys.path.insert(0, str(ROOT / "tests"))
    try:
        return importlib.import_module(module)
    finally:
        sys.path.pop(0)


def planted(*arguments: str) -> None:
    """Plant the faults of tests/planted one by one and see that the tests find them; takes an hour."""
    tool("planted", *arguments)


def mutation(*arguments: str) -> None:
    """Put faults into the gradient rules and see that the gradient tester finds them; names of ops: those alone."""
    tool("mutation", *arguments)


def tool(package: str, *arguments: str) -> None:
    """A package of the folder tests as a command."""
    install("test")
    command = [PYTHON, "-m", package, *arguments]
    code = subprocess.run(command, cwd=ROOT / "tests", env=surroundings(), check=False).returncode
    sys.exit(code)


def gpu(*arguments: str) -> None:
    """Everything that needs an NVIDIA GPU, the most telling first, into out/gpu within nine minutes; `--help` says more.

    Runs in this interpreter where CuPy and what tests need are installed in it, else in the environment with the extra
    `cuda13`.
    """
    interpreter = sys.executable
    if not all(map(find_spec, ("cupy", "pytest", "hypothesis"))):
        install("test")
        install("cuda13")
        interpreter = str(PYTHON)
    process = subprocess.Popen(
        [interpreter, "-m", "benchmarks.gpu", *arguments], cwd=ROOT, env=surroundings()
    )
    while True:
        try:
            sys.exit(process.wait())
        except KeyboardInterrupt:
            # it was told, too, and writes down what it has
            continue


def check() -> None:
    """Lint, types, and the whole test suite."""
    install("dev")
    python("-m", "ruff", "check", ".")
    python("-m", "ruff", "format", "--check", ".")
    python("-m", "mypy")
    # at level information it lists the functions without annotations, which it passes over
    python("-m", "pyright", "--level", "warning", "--pythonpath", str(PYTHON))
    test()


COMMANDS = {
    "lab": lab,
    "examples": examples,
    "test": test,
    "check": check,
    "planted": planted,
    "mutation": mutation,
    "gpu": gpu,
}

if __name__ == "__main__":
    if sys.version_info < (3, 11):  # noqa: UP036 - an older Python may well start this file
        sys.exit(f"Gradloom needs Python 3.11 or newer, this is {sys.version.split()[0]}")
    if len(sys.argv) < 2 or sys.argv[1] not in COMMANDS:
        sys.exit(f"usage: python3 run.py {{{','.join(COMMANDS)}}}")
    COMMANDS[sys.argv[1]](*sys.argv[2:])
