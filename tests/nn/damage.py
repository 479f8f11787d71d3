"""Files that were changed after they were written, and what may not have changed when they are refused."""

from __future__ import annotations

import json

from models import everything
from safetensors.numpy import load, save

import autograd as ag
from nn.checkpoint.container import FORMAT, contents


def taken_apart(data):
    """(description, arrays) of the bytes of a file."""
    size = int.from_bytes(data[:8], "little")
    header = json.loads(json.loads(data[8 : 8 + size])["__metadata__"]["gradloom"])
    header.pop("sha256", None)
    return header, {name: array.copy() for name, array in load(data).items()}


def put_together(header, arrays):
    """The bytes of a file with this content, and with a checksum that is right."""
    if isinstance(header, dict) and header.get("format") == FORMAT:
        return b"".join(contents("save", header, arrays))
    return save(arrays, metadata={"gradloom": json.dumps(header)})


def rewritten(path, change):
    """The file with its content changed; `change(header, arrays)` does so in place, or returns another header."""
    header, arrays = taken_apart(path.read_bytes())
    path.write_bytes(put_together(change(header, arrays) or header, arrays))


def unsummed(data):
    """The file as it was written before there were checksums."""
    header, arrays = taken_apart(data)
    return put_together(header | {"format": "gradloom-1"}, arrays)


def state_of(model):
    """All that a file which is refused may not have changed, bit for bit."""
    history = model.history and (model.history.epoch, model.history.history)
    generator = [word.item() for word in ag.random.default_generator().state]
    attributes = {
        name: {key: id(value) for key, value in vars(module).items() if key not in ("training",)}
        for name, module in model.named_modules()
    }
    return everything(model), repr(history), generator, attributes
