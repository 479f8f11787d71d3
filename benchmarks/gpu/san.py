"""For compute-sanitizer: every kind of kernel once, launched one by one: `compute-sanitizer python -m benchmarks.gpu.san`.

With GRAPHS=1 in the environment by graphs, as in a usual run. WHERE names another backend than "cupy".
"""

from __future__ import annotations

import os

import numpy as np

import autograd as ag
import backends
import nn

NETWORKS = (((8, 12, 8, 2), 32), ((64, 128, 64, 10), 32), ((300, 200, 10), 260))
"""Widths and rows of a step: one kernel, tiles, products by cuBLAS."""


def main() -> None:
    """Train small networks and reduce long rows and columns."""
    os.environ["GRADLOOM_CUDA_GRAPHS"] = os.environ.get("GRAPHS", "0")
    draw = np.random.default_rng(0)
    with backends.use(os.environ.get("WHERE", "cupy")):
        for widths, batch in NETWORKS:
            layers: list[nn.Layer] = []
            for width in widths[1:-1]:
                layers += [nn.Dense(width, "relu"), nn.Dropout(0.2)]
            last = [nn.LayerNormalization(), nn.Dense(widths[-1], "softmax")]
            model = nn.Sequential([nn.Input((widths[0],)), *layers, *last])
            model.compile(nn.SGD(0.01, momentum=0.9), "sparse_categorical_crossentropy")
            x = draw.standard_normal((batch * 3 + 5, widths[0])).astype("float32")
            y = draw.integers(0, widths[-1], len(x))
            model.fit(x, y, batch_size=batch, epochs=1, verbose=0)
        long = ag.tensor(draw.standard_normal((3, 50_000)).astype("float32"))
        print(long.sum(axis=1).tolist(), long.T.sum(axis=0).tolist(), long.argmax(axis=1).tolist())
    print("done", flush=True)


if __name__ == "__main__":
    main()
