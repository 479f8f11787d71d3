"""Scripts as public tutorials have them: only the lines that import Keras are others.

Each asserts what it comes to. They run under real Keras, too, with its own import lines.
"""

from __future__ import annotations

import re
import runpy
import warnings
from pathlib import Path

import pytest

SCRIPTS = sorted((Path(__file__).parent / "scripts").glob("*.py"))


def name_of(path):
    return path.stem


def for_keras(text):
    """The script with the import lines of Keras."""
    changed = re.sub(r"^import nn as keras$", "import keras", text, flags=re.M)
    return re.sub(r"^from nn import", "from keras import", changed, flags=re.M)


@pytest.mark.slow
@pytest.mark.parametrize("path", SCRIPTS, ids=name_of)
def test_scripts_come_to_their_results(path):
    pytest.importorskip("sklearn")
    runpy.run_path(str(path))


def test_there_are_twelve_or_more():
    assert len(SCRIPTS) >= 12


def test_only_import_lines_name_the_package():
    for path in SCRIPTS:
        text = for_keras(path.read_text(encoding="utf-8"))
        assert not re.search(r"\bnn\b", text), path.name
        assert re.search(r"^import keras$", text, flags=re.M), path.name


@pytest.mark.oracle
@pytest.mark.parametrize("path", SCRIPTS, ids=name_of)
def test_scripts_run_under_keras(path, tmp_path):
    from keras_oracle import import_keras

    keras = import_keras()
    copy = tmp_path / path.name
    copy.write_text(for_keras(path.read_text(encoding="utf-8")), encoding="utf-8")
    floatx = keras.config.floatx()
    keras.config.set_floatx("float32")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            runpy.run_path(str(copy))
    finally:
        keras.config.set_floatx(floatx)
