"""Serving: a model that is loaded once answers single rows for many who ask at the same time.

Requests wait in a queue. A few threads take them out: one row, or all that wait there by then, up to a number, for a
network takes hardly longer for many rows than for one. The picture shows how long each answer took either way: for a
network as small as this one Python itself takes most of it. Nothing is copied for a thread: the model is shared, and its
compiled passes take turns.
"""

from __future__ import annotations

import queue
import tempfile
import threading
import time
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import numpy as np
from pictures import digits, options, panels, save

import nn


class Server:
    """Answers rows from a queue by `threads` threads, up to `most` of them at a time."""

    def __init__(self, model: nn.Model, threads: int, most: int) -> None:
        self.model, self.most = model, most
        self.waiting: queue.Queue[tuple[np.ndarray, Future[Any]] | None] = queue.Queue()
        self.threads = [threading.Thread(target=self._work, daemon=True) for _ in range(threads)]
        for thread in self.threads:
            thread.start()

    def ask(self, row: np.ndarray) -> Future[Any]:
        """The answer for one row (features,), once it is there."""
        answer: Future[Any] = Future()
        self.waiting.put((row, answer))
        return answer

    def close(self) -> None:
        """Answer what waits, and stop."""
        for _ in self.threads:
            self.waiting.put(None)
        for thread in self.threads:
            thread.join()

    def _work(self) -> None:
        while (first := self.waiting.get()) is not None:
            asked = [first, *self._more()]
            try:
                found = self.model.predict(np.stack([row for row, _ in asked]), verbose=0)
            except Exception as error:  # a row that is none is told to those who asked with it
                for _, answer in asked:
                    answer.set_exception(error)
            else:
                for (_, answer), one in zip(asked, found, strict=True):
                    answer.set_result(one)

    def _more(self) -> list[tuple[np.ndarray, Future[Any]]]:
        """What else waits by now."""
        found: list[tuple[np.ndarray, Future[Any]]] = []
        while len(found) < self.most - 1:
            try:
                other = self.waiting.get_nowait()
            except queue.Empty:
                break
            if other is None:  # the end is for each thread
                self.waiting.put(None)
                break
            found.append(other)
        return found


def warm(model: nn.Model, rows: np.ndarray) -> None:
    """Compile, before anybody waits, the passes that will be asked for: one row, and parts of several."""
    for count in (1, 2, 32, 33):
        model.predict(rows[:count], verbose=0)


def clients(server: Server, rows: np.ndarray, asking: int) -> tuple[np.ndarray, np.ndarray]:
    """(answers, milliseconds that each took): so many clients ask for their rows one after another."""
    answers: list[Any] = [None] * len(rows)
    took = np.zeros(len(rows))

    def client(own: range) -> None:
        for i in own:
            start = time.perf_counter()
            answers[i] = server.ask(rows[i]).result()
            took[i] = (time.perf_counter() - start) * 1e3

    threads = [threading.Thread(target=client, args=(range(n, len(rows), asking),)) for n in range(asking)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return np.stack(answers), took


def main() -> None:
    chosen = options(__doc__, "serving", epochs=15, requests=4000, threads=2, clients=16)
    x, y, x_test, _ = digits()
    nn.set_random_seed(0)
    model = nn.MLP(hidden=(64,), outputs=10, dropout=0.0, output_activation="softmax")
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(x, y, epochs=chosen.epochs, verbose=0)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.safetensors"
        model.save(path)
        loaded = nn.load(path)

    rows = x_test[np.arange(chosen.requests) % len(x_test)]
    start = time.perf_counter()
    warm(loaded, rows)
    print(f"ready after {time.perf_counter() - start:.2f} s")
    expected = loaded.predict(rows, verbose=0)
    equal = True
    figure, axes = panels(1, 6.0)
    for most in (1, 32):
        server = Server(loaded, chosen.threads, most)
        start = time.perf_counter()
        answers, took = clients(server, rows, chosen.clients)
        seconds = time.perf_counter() - start
        server.close()
        equal = equal and bool(np.allclose(answers, expected, rtol=1e-4, atol=1e-6))
        middle, worst = np.percentile(took, [50, 99])
        print(f"up to {most:2} rows at a time: {len(rows) / seconds:7.0f} answers/s, p50 {middle:.2f} ms, p99 {worst:.2f} ms")  # fmt: skip
        axes[0].hist(np.minimum(took, np.percentile(took, 99.5)), 60, alpha=0.6, label=f"up to {most} rows at a time")  # fmt: skip
    print(f"answers are those of one call: {equal}")
    server = Server(loaded, 1, 32)
    wrong = server.ask(np.zeros(3, np.float32))
    print(f"a row of another size: {type(wrong.exception()).__name__}")
    server.close()
    axes[0].set(xlabel="milliseconds until the answer", ylabel="answers", title=f"{chosen.clients} clients, {chosen.threads} threads")  # fmt: skip
    axes[0].legend()
    print("picture:", save(figure, chosen.picture))


if __name__ == "__main__":
    main()
