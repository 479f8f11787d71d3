"""Every example runs from another folder, prints what it promises and writes a picture that is not blank."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
RUNS = {
    "single_neuron": (
        ["--steps", "300"],
        ["AND: 4 of 4", "OR: 4 of 4", "hidden neurons, XOR: 4 of 4"],
    ),
    "first_network": (["--epochs", "3"], ["test accuracy", "Trainable parameters: 209"]),
    "digits": (["--epochs", "2"], ["held-out loss"]),
}


def test_every_example_is_listed() -> None:
    scripts = {path.stem for path in (ROOT / "examples").glob("*.py")} - {"pictures"}
    assert scripts == set(RUNS)


@pytest.mark.parametrize("name", RUNS)
def test_example(name: str, tmp_path: Path) -> None:
    image = pytest.importorskip("matplotlib.image")
    options, promises = RUNS[name]
    picture = tmp_path / "out" / f"{name}.png"
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "error::RuntimeWarning"}
    done = subprocess.run(
        [sys.executable, ROOT / "examples" / f"{name}.py", *options, "--picture", picture],
        cwd=tmp_path, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    for promise in promises:
        assert promise in done.stdout
    pixels = image.imread(picture)
    assert min(pixels.shape[:2]) > 300
    assert pixels[..., :3].std() > 0.05
