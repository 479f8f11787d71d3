"""The far side of `adapters.hips`: run by path, with `python -I`, in the environment that has HIPS autograd.

It knows nothing of the package that it lies in and must not import it: there the
name `autograd` is the other project.
Frames come in on stdin and go out on what was stdout: eight bytes of length, then so many bytes, JSON or a
`.npy` file. The source of the function may print; what it prints goes to stderr.
"""

from __future__ import annotations

import importlib
import inspect
import io
import json
import os
import struct
import sys
import traceback
from typing import Any, BinaryIO

import numpy as np


def main() -> None:
    """Load the function that the first frame brings, then answer calls until stdin ends."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    calls = sys.stdin.buffer
    try:
        function, differentiate = load(json.loads(read_frame(calls)))
        answer(answers, {"version": version(), "names": names_of(function)}, [])
    except Exception:
        answer(answers, {"error": traceback.format_exc()}, [])
        return
    while True:
        frame = read_frame(calls)
        if not frame:
            return
        call = json.loads(frame)
        arrays = [np.load(io.BytesIO(read_frame(calls))) for _ in range(call["arrays"])]
        try:
            answer(answers, {}, run(function, differentiate, call, arrays))
        except Exception:
            answer(answers, {"error": traceback.format_exc()}, [])


def load(order: dict[str, str]) -> tuple[Any, Any]:
    """(the function, HIPS autograd's module). Raises ImportError where there is no HIPS autograd."""
    try:
        library = importlib.import_module("autograd")
        importlib.import_module("autograd.numpy")
    except ImportError as error:
        raise ImportError(
            f"no HIPS autograd in {sys.executable}: {error}. Install it there, in an environment of its own: "
            "python -m pip install autograd"
        ) from error
    names: dict[str, Any] = {"__name__": "function_under_test", "__file__": order["file"]}
    exec(compile(order["source"], order["file"], "exec"), names)
    if order["function"] not in names:
        raise NameError(f"the source defines no function {order['function']!r}")
    return names[order["function"]], library


def names_of(function: Any) -> list[str]:
    """The parameters that take one array each, for reports."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return []
    places = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return [parameter.name for parameter in parameters if parameter.kind in places]


def version() -> str:
    """The version of HIPS autograd."""
    return importlib.import_module("importlib.metadata").version("autograd")  # type: ignore[no-any-return]


def run(function: Any, library: Any, call: dict[str, Any], arrays: list[Any]) -> list[Any]:
    """One call. `orders` says how often the function is differentiated first: a list of lists of places,
    whose weights and directions lead the arrays."""
    for wanted in call["orders"]:
        weights, *directions = arrays[: 1 + len(wanted)]
        arrays = arrays[1 + len(wanted) :]
        function = projected_gradient(function, library, wanted, weights, directions)
    wanted = call["wanted"]
    if call["do"] == "value":
        return [function(*arrays)]
    if call["do"] == "pull":
        weights, *inputs = arrays
        return gradients(function, library, wanted, weights, inputs)
    tangents, inputs = arrays[: len(wanted)], arrays[len(wanted) :]
    moved = [
        library.make_jvp(function, place)(*inputs)(tangent)[1]
        for place, tangent in zip(wanted, tangents, strict=True)
    ]
    return [sum(moved)]


def gradients(function: Any, library: Any, wanted: Any, weights: Any, inputs: Any) -> list[Any]:
    """Gradients of sum(weights * function) at the wanted inputs."""
    found = []
    for place in wanted:
        pull, value = library.make_vjp(function, place)(*inputs)
        found.append(pull(np.asarray(weights, getattr(value, "dtype", None))))
    return found


def projected_gradient(function: Any, library: Any, wanted: Any, weights: Any, directions: Any) -> Any:
    """x -> sum of gradient * direction, itself differentiable."""

    def projected(*inputs: Any) -> Any:
        found = gradients(function, library, wanted, weights, inputs)
        terms = [library.numpy.sum(g * d) for g, d in zip(found, directions, strict=True)]
        return sum(terms[1:], terms[0])

    return projected


def read_frame(stream: BinaryIO) -> bytes:
    """The next frame; empty where the stream has ended."""
    head = stream.read(8)
    if len(head) < 8:
        return b""
    return stream.read(struct.unpack(">Q", head)[0])


def answer(stream: BinaryIO, message: dict[str, Any], arrays: list[Any]) -> None:
    """Send one answer: a message, then its arrays."""
    frames = [json.dumps({**message, "arrays": len(arrays)}).encode()]
    for array in arrays:
        data = io.BytesIO()
        np.save(data, np.asarray(array), allow_pickle=False)
        frames.append(data.getvalue())
    for frame in frames:
        stream.write(struct.pack(">Q", len(frame)) + frame)
    stream.flush()


if __name__ == "__main__":
    main()
