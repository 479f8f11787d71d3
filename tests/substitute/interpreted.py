"""A program run by the interpreter, for a backend that has no engine of its own yet."""

from __future__ import annotations

from backends.locks import renewed_lock
from backends.program.interpret import interpret


class Interpreted:
    """An executable that runs instruction by instruction."""

    turns = 0
    is_simple = is_quick = False

    def __init__(self, program, feeds=None, *, backend) -> None:
        self.program, self.backend = program, backend
        self.lock = renewed_lock()
        names = {value: name for name, value in program.named("state").items()}
        self.written = [names[target] for target, _ in program.assigns]

    def step(self, state, inputs):
        new, outputs = interpret(self.program, self.backend, state, inputs)
        new = {name: self.backend.owned(new[name], shared=True) for name in self.written}
        outputs = {name: self.backend.owned(value, shared=True) if hasattr(value, "dtype") else self.backend.asarray(value) for name, value in outputs.items()}  # fmt: skip
        for name, value in new.items():
            state[name][...] = value
        return outputs

    def epoch(self, state, sources, order, first, steps):
        inputs = self.program.named("input")
        batch = next(inputs[name].spec.shape[0] for name in sources)
        for step in range(first, first + steps):
            rows = slice(step * batch, (step + 1) * batch)
            picked = rows if order is None else order[rows]
            self.step(state, {name: source[picked] for name, source in sources.items()})

    def memory_report(self):
        return f"{self.program.name}: interpreted"

    def kernels(self):
        return [str(i) for i in self.program.instructions]

    def source(self):
        return str(self.program)

    def profile(self, run):
        return run() or []

    def compare(self, state, inputs):
        return []
