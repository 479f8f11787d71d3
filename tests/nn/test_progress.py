"""What `fit`, `evaluate` and `predict` show, in a log and on screens of several widths."""

from __future__ import annotations

import os
import re
import struct
import subprocess
import sys

import numpy as np
import pytest
from models import Batches, rows

import nn
from nn.callbacks.progress import format_number, format_pace

X, Y = rows(24)
PACE = r"\d+s - \d+(s|ms|us)/step"
TRAINED = r" - loss: \d\.\d{4} - accuracy: \d\.\d{4}"
VALIDATED = TRAINED + r" - val_loss: \d\.\d{4} - val_accuracy: \d\.\d{4}"


def matches(text, *lines):
    """Whether the text is these lines, which are patterns."""
    shown = text.splitlines()
    assert len(shown) == len(lines), shown
    for line, pattern in zip(shown, lines, strict=True):
        assert re.fullmatch(pattern, line), (line, pattern)


@pytest.mark.parametrize("verbose", ["auto", 2])
def test_in_a_log_each_epoch_leaves_its_line(trained, capfd, verbose):
    trained.fit(X, Y, batch_size=4, epochs=2, validation_split=0.5, verbose=verbose)
    out, err = capfd.readouterr()
    matches(out, "Epoch 1/2", f"3/3 - {PACE}{VALIDATED}", "Epoch 2/2", f"3/3 - {PACE}{VALIDATED}")
    assert err == ""


def test_one_epoch_has_no_heading_and_counts_go_on(trained, capfd):
    trained.fit(X, Y, verbose=2)
    matches(capfd.readouterr().out, f"1/1 - {PACE}{TRAINED}")
    trained.fit(X, Y, initial_epoch=3, epochs=5, verbose=2)
    matches(
        capfd.readouterr().out, "Epoch 4/5", f"1/1 - {PACE}{TRAINED}", "Epoch 5/5", f"1/1 - {PACE}{TRAINED}"
    )


def test_batches_of_unknown_number_and_an_epoch_that_is_stopped(trained, capfd):
    trained.fit(Batches((X, Y), (X, Y)), verbose=2)
    matches(capfd.readouterr().out, f"2/2 - {PACE}{TRAINED}")

    class Stop(nn.Callback):
        def on_train_batch_end(self, batch, logs):
            self.model.stop_training = batch == 1

    trained.fit(X, Y, batch_size=4, callbacks=Stop(), verbose=2)
    matches(capfd.readouterr().out, f"2/6 - {PACE}{TRAINED}")


def test_silent_when_told_and_evaluation_in_a_log(trained, capfd):
    trained.fit(X, Y, verbose=0)
    for verbose in (0, "auto"):
        trained.evaluate(X, Y, verbose=verbose)
        trained.predict(X, verbose=verbose)
    assert capfd.readouterr() == ("", "")


def test_evaluate_and_predict_leave_a_line_when_told(trained, capfd):
    for _ in range(2):  # the second prediction would be the quick one
        wanted = trained.evaluate(X, Y, batch_size=8, verbose=2)
        predicted = trained.predict(X, batch_size=8, verbose=2)
        matches(capfd.readouterr().out, f"3/3 - {PACE}{TRAINED}", f"3/3 - {PACE}")
        assert trained.evaluate(X, Y, batch_size=8, verbose=0) == pytest.approx(wanted, rel=1e-6)
        np.testing.assert_array_equal(trained.predict(X, batch_size=8), predicted)


def test_a_bar_is_on_stderr_and_the_lines_on_stdout(trained, capfd):
    pytest.importorskip("tqdm")
    trained.fit(X, Y, batch_size=4, epochs=2, validation_split=0.5, verbose=1)
    out, err = capfd.readouterr()
    matches(out, "Epoch 1/2", f"3/3 - {PACE}{VALIDATED}", "Epoch 2/2", f"3/3 - {PACE}{VALIDATED}")
    assert "0/3" in err
    trained.evaluate(X, Y, batch_size=4, verbose=1)
    matches(capfd.readouterr().out, f"6/6 - {PACE}{TRAINED}")


def test_numbers_are_written_as_keras_writes_them():
    assert [format_number(v) for v in (0.5, 1e-3, -2.5, 123.0, -1e-5, np.float32(2))] == [
        "0.5000",
        "1.0000e-03",
        "-2.5000",
        "123.0000",
        "-1.0000e-05",
        "2.0000",
    ]
    assert [format_pace(v) for v in (2.4, 0.0, 0.0123, 4.2e-5)] == [
        "2s/step",
        "0s/step",
        "12ms/step",
        "42us/step",
    ]
    with pytest.raises(nn.ArgumentError, match="silent"):
        nn.MLP((), 1).predict([[1.0]], verbose=3)


SCRIPT = """
import time, nn
x = [[float(i % 7), float(i % 5)] for i in range(640)]
y = [float(i % 7 > 3) for i in range(640)]
class Slow(nn.Callback):
    def on_train_batch_end(self, batch, logs):
        time.sleep(0.02)
model = nn.MLP((4,), 1)
model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
model.fit(x, y, epochs=2, validation_split=0.1, callbacks=Slow())
"""


def on_a_screen(columns, code):
    """What a terminal of so many columns is sent."""
    pty, fcntl, termios = (pytest.importorskip(name) for name in ("pty", "fcntl", "termios"))
    mine, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    with subprocess.Popen([sys.executable, "-c", code], stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        sent = b""
        while True:
            try:
                part = os.read(mine, 4096)
            except OSError:
                break
            if not part:
                break
            sent += part
    os.close(mine)
    assert process.returncode == 0, sent
    return sent.decode().replace("\r\n", "\n")


@pytest.mark.parametrize("columns", [40, 80, 200])
def test_on_a_screen_the_bar_gives_way_to_the_numbers(columns):
    pytest.importorskip("tqdm")
    lines = [frame.split("\r") for frame in on_a_screen(columns, SCRIPT).split("\n")]
    stays = [frames[-1] for frames in lines if frames[-1].strip()]
    matches(
        "\n".join(stays), "Epoch 1/2", f"18/18 - {PACE}{VALIDATED}", "Epoch 2/2", f"18/18 - {PACE}{VALIDATED}"
    )
    passing = [frame for frames in lines for frame in frames[:-1] if frame.strip()]
    assert max(map(len, passing)) < columns
    last = passing[-1]
    assert re.match(r"\d+/18 - loss: \d", last)
    assert ("\u2588" in last) == (columns > 40)
