"""Every example runs from another folder, prints what it promises and writes a picture that is not blank."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
COMPILES = importlib.util.find_spec("numba") is not None
RUNS = {
    "single_neuron": (
        ["--steps", "300"],
        ["AND: 4 of 4", "OR: 4 of 4", "hidden neurons, XOR: 4 of 4"],
    ),
    "activations": (
        [],
        [
            "ReLU",
            "maxout",
            "ten of sigmoid in a row, from 0.5: 3.5e-07",
            "ten of ReLU in a row, from 0.5: 1",
        ],
    ),
    "backpropagation": ([], ["loss by hand 1.2957", "equal to rounding: True"]),
    "gradient_descent": ([], ["Nesterov", "too large   height after 30 steps 210"]),
    "first_network": (["--epochs", "3"], ["test accuracy", "Trainable parameters: 209"]),
    "lab_as_for_keras": (None, ["Accuracy: 7", "(expected 1)"]),
    "losses": (
        ["--epochs", "80"],
        [
            "MSE    finds 1.",
            "squared hinge        9.000 / 1.000 / 0.000",
            "squared hinge        94 of 100",
        ],
    ),
    "learning_rate_decay": (["--epochs", "5"], ["least possible loss 0.4823", "nearest: "]),
    "batch_size": (
        ["--epochs", "1", "--draws", "20"],
        ["batch size   32: direction right to 0.5", "   43 steps in"],
    ),
    "dropout": (["--epochs", "2"], ["dropout 50%: training loss"]),
    "regularization": (
        ["--epochs", "40"],
        ["no price  cross-entropy: training 0.0", "below 0.01: 8"],
    ),
    "early_stopping": ([], ["early stopping   ", "kept the weights of epoch"]),
    "maxout": (["--epochs", "200"], ["8 pieces: mean squared error 0.0"]),
    "initialization": (
        ["--epochs", "1"],
        ["after layer 10 2e-06", "He normal                signal"],
    ),
    "batch_normalization": (["--epochs", "4"], ["after layer 8 0.00000", "held-out accuracy 7"]),
    "convolution": (["--epochs", "3"], ["convolutional  6090 weights, held-out accuracy 9"]),
    "augmentation": (["--epochs", "30"], ["augmentation shift", "moved by a pixel 8"]),
    "digits": (["--epochs", "1"], ["held-out loss"]),
    "hyperparameters": (["--epochs", "3", "--trials", "4"], ["hidden layers:", "best of 4 trials"]),
    "compiled_step": (
        ["--epochs", "2"],
        [
            "compiled, an epoch a call",
            "weights equal to rounding: True\nweights equal to rounding: True",
            "beside the interpreter: ",
            *(["add maximum less_equal: argument.0, w1, b1", "us in 10 kernels"] if COMPILES else []),
        ],
    ),
    "table": (
        None,
        [
            "age     numeric            2",
            "gradloom      accuracy 0.8",
            "scikit-learn",
            "the file in another process answers the same: True",
        ],
    ),
    "estimators": (
        ["--epochs", "8"],
        [
            "nn.sklearn.Classifier  accuracy 0.9",
            "best of 4: ",
            "are read as zero, one, two",
            "calibrated Brier score 0.",
        ],
    ),
    "serving": (
        ["--epochs", "2", "--requests", "200"],
        [
            "up to  1 rows at a time",
            "up to 32 rows at a time",
            "answers are those of one call: True",
            "a row of another size: ",
        ],
    ),
}
"""Arguments for a short run (None: the script takes none and draws nothing), and what it has to print."""


ALONE = "lab_as_for_keras"
"""This one is always run as a user runs it; the others are with `--full`."""
COMPILED = ("compiled_step", "augmentation")
"""These are compiled in any case. It takes most of the others' time, so without `--full` NumPy runs them."""

STARTER = """
import json, os, runpy, sys, traceback
import matplotlib
matplotlib.use("Agg")
import matplotlib.pyplot, sklearn.datasets, autograd, backends, nn, nn.compiled
try:
    import backends.native.executable
except ImportError:
    pass

def run(script, options, folder, backend):
    os.chdir(folder)
    if backend:
        backends.set_default(backend)
    for number, name in ((1, "printed"), (2, "said")):
        os.dup2(os.open(name, os.O_CREAT | os.O_WRONLY), number)
    sys.path.insert(0, os.path.dirname(script))
    sys.argv = [script, *options]
    try:
        runpy.run_path(script, run_name="__main__")
    except BaseException:
        traceback.print_exc()
        return 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
    return 0

for line in sys.stdin:
    child = os.fork()
    if child == 0:
        os._exit(run(*json.loads(line)))
    print(os.waitpid(child, 0)[1], flush=True)
"""
"""Runs scripts in turn, each in a process of its own that has what takes long to import already."""

ENVIRONMENT = {"PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "error::RuntimeWarning"}


@pytest.fixture(scope="module")
def starter() -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, "-c", STARTER], env=os.environ | ENVIRONMENT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:  # fmt: skip
        yield process
        assert process.stdin is not None
        process.stdin.close()
    assert process.returncode == 0


def start(starter: subprocess.Popen[str], name: str, options: list[str], folder: Path) -> str:
    """What a script prints that has its imports from `starter`."""
    assert starter.stdin is not None
    assert starter.stdout is not None
    script = str(ROOT / "examples" / f"{name}.py")
    backend = None if name in COMPILED else "numpy"
    starter.stdin.write(json.dumps([script, options, str(folder), backend]) + "\n")
    starter.stdin.flush()
    status = starter.stdout.readline()
    assert status == "0\n", (folder / "said").read_text()
    return (folder / "printed").read_text()


def run(name: str, options: list[str], folder: Path) -> str:
    """What a script prints that is run as a user runs it."""
    done = subprocess.run(
        [sys.executable, ROOT / "examples" / f"{name}.py", *options],
        cwd=folder, env=os.environ | ENVIRONMENT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_example_is_listed() -> None:
    scripts = {path.stem for path in (ROOT / "examples").glob("*.py")} - {"pictures"}
    assert scripts == set(RUNS)


def test_the_chapters_are_listed_in_order() -> None:
    text = (ROOT / "examples" / "README.md").read_text(encoding="utf-8")
    assert re.findall(r"\[(\w+)\.py\]", text) == list(RUNS)
    sys.path.insert(0, str(ROOT))
    try:
        import run as commands
    finally:
        sys.path.remove(str(ROOT))
    assert list(commands.EXAMPLES) == list(RUNS)


@pytest.mark.parametrize("name", RUNS)
def test_example(name: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    image = pytest.importorskip("matplotlib.image")
    options, promises = RUNS[name]
    picture = tmp_path / "out" / f"{name}.png"
    words = [] if options is None else [*options, "--picture", str(picture)]
    if name == ALONE or request.config.getoption("--full") or not hasattr(os, "fork"):
        printed = run(name, words, tmp_path)
    else:
        printed = start(request.getfixturevalue("starter"), name, words, tmp_path)
    for promise in promises:
        assert promise in printed
    if options is not None:
        pixels = image.imread(picture)
        assert min(pixels.shape[:2]) > 300
        assert pixels[..., :3].std() > 0.05


@pytest.mark.oracle
def test_the_lab_is_the_same_script_in_keras(tmp_path: Path) -> None:
    """Only the import lines differ. What ours finds is held by `test_example`."""
    if importlib.util.find_spec("keras") is None:
        pytest.skip("keras is not installed")
    text = (ROOT / "examples" / "lab_as_for_keras.py").read_text(encoding="utf-8")
    for ours, theirs in (
        ("from nn import utils", "from keras import utils"),
        ("from nn.layers import", "from keras.layers import"),
        ("from nn.models import", "from keras.models import"),
    ):
        assert text.count(ours) == 1
        text = text.replace(ours, theirs)
    shipped = 'Path(__file__).parent / ".." / "nn" / "datasets" / "data"'
    assert text.count(shipped) == 1
    text = text.replace(shipped, f"Path({str(ROOT / 'nn' / 'datasets' / 'data')!r})")
    assert "nn." not in text
    (tmp_path / "lab.py").write_text(text)
    done = subprocess.run(
        [sys.executable, tmp_path / "lab.py"], env=os.environ | {"KERAS_BACKEND": "jax"},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    # with raw inputs a run may end where it says no to everyone, 66.7 %
    assert float(re.search(r"Accuracy: ([\d.]+)", done.stdout)[1]) > 66
