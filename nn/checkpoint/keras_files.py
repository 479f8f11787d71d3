"""Reading what Keras wrote: `.keras`, `.h5` and `.weights.h5`. Needs h5py, the extra `keras-files`.

Such a file is damaged until shown otherwise, as ours are: nothing is unpacked that is much larger than the
file, and HDF5 is read by a process of its own (`hdf5_child.py`).
"""

from __future__ import annotations

import importlib.util
import io
import os
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import autograd as ag
from autograd import no_grad

from ..errors import FileError, MissingExtraError
from ..module import Module
from ..parameter import Variable
from .container import LONGEST_TABLE, load_table, parse
from .explaining import explained
from .files import Place
from .keras_weights import Group, KerasWeights, tree_of

ZIP, HDF5 = b"PK\x03\x04", b"\x89HDF\r\n\x1a\n"
LONGEST = 600
"""Seconds that reading weights may take."""
MOST_TIMES = 64
"""Times its own size that what is packed into a file may have; Keras packs nothing."""


def is_keras_file(place: Place) -> bool:
    """Whether a path or an open file begins as a file of Keras does."""
    if isinstance(place, (str, os.PathLike)):
        if not os.path.isfile(place):
            return False
        with open(place, "rb") as file:
            first = file.read(8)
    elif isinstance(place, io.TextIOBase) or not (hasattr(place, "seekable") and place.seekable()):
        return False
    else:
        at = place.tell()
        first = place.read(8)
        place.seek(at)
    return first.startswith(ZIP) or first == HDF5


def load_keras_weights(model: Module, place: Place) -> None:
    """Set the weights of a model that is built from any of these files.

    Raises:
        FileError: they are those of other layers. Nothing has changed then.
    """
    with explained(place, "weights of Keras"), opened(place) as file:
        assign(file.weights_of(model))


def assign(found: list[tuple[Variable, Any]]) -> None:
    """Give each weight its array."""
    new = [(weight, ag.tensor(array, dtype=weight.dtype)) for weight, array in found]
    with no_grad():
        for weight, value in new:
            weight.assign(value)


class KerasFile:
    """What is in a file, read as far as it is asked for."""

    def __init__(self, hdf5: Any, config: Any, compiled: Any) -> None:
        self._weights = KerasWeights(hdf5)
        self._hdf5, self.description, self.compiled = hdf5, config, compiled

    @property
    def input_shape(self) -> tuple[int, ...] | None:
        """Of a sample, where the configuration says it."""
        build = self.description.get("build_config") if isinstance(self.description, dict) else None
        shape = build.get("input_shape") if isinstance(build, dict) else None
        if not isinstance(shape, list) or not all(isinstance(n, int) and n >= 0 for n in shape[1:]):
            return None
        return tuple(shape[1:])

    def sizes(self) -> dict[str, Any]:
        """The arrays, which say how many numbers the file really holds."""
        return self._weights.sizes()

    def weights_of(self, model: Module) -> list[tuple[Variable, Any]]:
        """Each weight of the model with its array."""
        return self._weights.of(model, self.description)


@contextmanager
def opened(place: Place) -> Iterator[KerasFile]:
    """A file of Keras, open inside; its description is parsed.

    Raises:
        FileError: it is damaged, or has parts that are not read here.
    """
    try:
        yield _open(_bytes(place))
    except MissingExtraError:
        raise
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError) as error:
        raise FileError(f"damaged ({error})") from error


def _open(data: bytes) -> KerasFile:
    if data.startswith(HDF5):
        hdf5 = _hdf5(data)
        config = hdf5.attrs.get("model_config")
        compiled = hdf5.attrs.get("training_config")
        return KerasFile(hdf5, _json(config), _legacy_compile(_json(compiled)))
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = {info.filename: info for info in archive.infolist()}
        total = sum(info.file_size for info in members.values())
        if total > MOST_TIMES * len(data):
            raise FileError(f"{total} bytes are packed into {len(data)}")
        for name in ("config.json", "model.weights.h5"):
            if name not in members:
                raise FileError(f"there is no {name} in it")
        strange = [name for name in members if name.startswith("assets/") and not name.endswith("/")]
        if strange:
            raise FileError(f"it has {strange[0]}, and assets are not read here")
        if members["config.json"].file_size > LONGEST_TABLE:
            raise FileError(f"config.json is longer than {LONGEST_TABLE} bytes")
        config = _json(archive.read("config.json"))
        weights = archive.read("model.weights.h5")
    if not isinstance(config, dict):
        raise FileError("config.json is no dict")
    return KerasFile(_hdf5(weights), config, config.get("compile_config"))


def _bytes(place: Place) -> bytes:
    if isinstance(place, (str, os.PathLike)):
        with open(place, "rb") as file:
            return file.read()
    return bytes(place.read())


def _json(text: Any) -> Any:
    return parse(text) if isinstance(text, (str, bytes)) else None


def _hdf5(data: bytes) -> Group:
    """What is in an HDF5 file, read by a process of its own, which may end as it likes."""
    if importlib.util.find_spec("h5py") is None:
        raise MissingExtraError("files of Keras need h5py: pip install 'gradloom[keras-files]'")
    program = str(Path(__file__).with_name("hdf5_child.py"))
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    try:
        done = subprocess.run(
            [sys.executable, "-P", program], input=data, capture_output=True, env=environment, timeout=LONGEST
        )
    except subprocess.TimeoutExpired:
        raise FileError(f"its weights could not be read in {LONGEST} seconds") from None
    if done.returncode:
        lines = done.stderr.decode(errors="replace").strip().splitlines()
        raise FileError(f"its weights are no HDF5 ({lines[-1] if lines else 'damaged'})")
    arrays, said = load_table(done.stdout)
    return tree_of(arrays, parse(said["groups"]))


def _legacy_compile(found: Any) -> Any:
    """`training_config` of a `.h5` file in the words of a `.keras` file."""
    if not isinstance(found, dict):
        return None
    return {("optimizer" if key == "optimizer_config" else key): item for key, item in found.items()}
