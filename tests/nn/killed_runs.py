"""A run that is killed at any moment and begun again ends with the bytes of one that was left alone."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TRAINING = """
import hashlib, json, sys
from pathlib import Path
import numpy as np
import autograd as ag, backends, nn

folder = Path(sys.argv[1])
backends.set_default(sys.argv[2])
generator = np.random.default_rng(0)
x = generator.standard_normal((96, 5)).astype(np.float32)
y = (x[:, :1] * x[:, 1:2] > 0).astype(np.float32)
nn.set_random_seed(11)
model = nn.Sequential([nn.Dense(16, "relu", input_shape=(5,)), nn.Dropout(0.2), nn.Dense(1, "sigmoid")])
model.compile(nn.Adam(0.01), "binary_crossentropy", metrics=["accuracy"])
watchers = [
    nn.BackupAndRestore(folder / "backup", save_freq=3),
    nn.CSVLogger(folder / "log.csv"),
    nn.ReduceLROnPlateau(factor=0.5, patience=2),
    nn.EarlyStopping(patience=30, restore_best_weights=True),
]
print("ready", flush=True)
history = model.fit(x, y, 8, epochs=25, validation_split=0.25, callbacks=watchers, verbose=0)
digest = hashlib.sha256()
for array in model.state_dict().values():
    digest.update(array.tobytes())
for tensor in model.optimizer.state().values():
    digest.update(tensor.numpy().tobytes())
key, counter = ag.random.default_generator().state
result = [digest.hexdigest(), counter.item(), history.epoch, history.history]
(folder / "result.json").write_text(json.dumps(result))
"""


def train(folder, seconds=None, backend="numba"):
    """Run the training; kill it after `seconds` of work. The seconds that it worked, None when it was killed."""
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(
        [sys.executable, "-c", TRAINING, folder, backend], env=environment, stdout=subprocess.PIPE, text=True
    )  # fmt: skip
    with process:
        assert process.stdout.readline() == "ready\n"
        began = time.monotonic()
        if seconds is not None:
            time.sleep(seconds)
            process.kill()
        code = process.wait()
    assert code in (0, -signal.SIGKILL), code
    return time.monotonic() - began if code == 0 else None


def is_done(folder):
    """Whether a process got to its end; it may also die after that and before it has left."""
    return (folder / "result.json").exists()


def check_same(alone, killed):
    """Both have trained to the same bytes."""
    first, second = (json.loads((f / "result.json").read_text()) for f in (alone, killed))
    assert first == second
    assert (alone / "log.csv").read_bytes() == (killed / "log.csv").read_bytes()
    assert not (killed / "backup").exists()
