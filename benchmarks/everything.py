"""All benchmarks in turn into one folder, and BENCHMARKS.md from such a folder.

Every report is written as it grows, so that what was measured before an interruption is there; run again with the same
folder, benchmarks that were finished are left alone.
"""

from __future__ import annotations

import argparse
import shutil
import time
from pathlib import Path

from . import history
from .contest import Report, say_on_terminal
from .contests import MODULES, find
from .machine import ROOT
from .tables import table

PICTURES = ("step", "scaling", "lab", "tune", "predict")
SHARES = {
    "step": 0.30, "scaling": 0.19, "lab": 0.11, "tune": 0.08, "compile": 0.08, "ops": 0.05, "predict": 0.06,
    "memory": 0.06, "import": 0.03, "overhead": 0.02, "serve": 0.02,
}  # fmt: skip
"""Of the minutes that all have; what one leaves is there for the others."""
ORDER = (
    "overhead",
    "import",
    "step",
    "lab",
    "tune",
    "predict",
    "serve",
    "compile",
    "memory",
    "scaling",
    "ops",
)


def add_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """`all` and `publish`."""
    run = commands.add_parser("all", help="every benchmark in turn, into a folder")
    run.add_argument("--into", type=Path, default=ROOT / "out" / "benchmarks", help="the folder of reports and pictures")  # fmt: skip
    run.add_argument("--minutes", type=float, help="for all of them together")
    run.add_argument("--rounds", type=int, help="other than what each has by itself")
    run.add_argument("--smoke", action="store_true", help="one short round of each")
    run.add_argument("--again", action="store_true", help="also what is finished in the folder")
    run.set_defaults(run=run_all)
    publish = commands.add_parser("publish", help="write BENCHMARKS.md from such a folder")
    publish.add_argument("folder", type=Path, nargs="?", default=ROOT / "out" / "benchmarks")
    publish.add_argument("--to", type=Path, default=ROOT, help="where BENCHMARKS.md and benchmarks/results are")  # fmt: skip
    publish.set_defaults(run=lambda options: write(options.folder, options.to))


def run_all(options: argparse.Namespace) -> None:
    """What is not finished yet, each within its share of the minutes."""
    from .__main__ import measure, parser

    end = None if options.minutes is None else time.monotonic() + 60 * options.minutes
    left = [name for name in ORDER if options.again or not _finished(options.into / f"{name}.json")]
    while left:
        name = left.pop(0)
        words = [name, "--json", str(options.into / f"{name}.json")]
        if name in PICTURES:
            words += ["--plot", str(options.into / f"{name}.png")]
        words += ["--smoke"] if options.smoke else []
        words += ["--rounds", str(options.rounds)] if options.rounds else []
        if end is not None:
            share = SHARES[name] / sum(SHARES[other] for other in (name, *left))
            words += ["--minutes", f"{max(0.5, share * (end - time.monotonic()) / 60):.2f}"]
        say_on_terminal(f"== python -m benchmarks {' '.join(words)}")
        try:
            report = measure(find(name), parser().parse_args(words))
        except SystemExit as error:
            say_on_terminal(f"{name} could not be run: {error}")
            continue
        if report.stopped.startswith("stopped by hand"):
            raise SystemExit(f"stopped; `python -m benchmarks all --into {options.into}` goes on")
    say_on_terminal(f"all reports are in {options.into}; `python -m benchmarks publish {options.into}` writes BENCHMARKS.md")  # fmt: skip


def _finished(path: Path) -> bool:
    return path.exists() and not Report.read(path).stopped and Report.read(path).rounds > 0


INTRODUCTION = """# Benchmarks

Written by `python -m benchmarks publish` from the reports in [benchmarks/results](benchmarks/results), measured on {dates}.

{machine}

To repeat it:

```sh
pip install -e '.[cpu,bench]'
python -m benchmarks setup              # peers that conflict get environments of their own
python -m benchmarks all                # everything; --minutes 60 gives it an hour; Ctrl-C loses nothing
python -m benchmarks publish            # this page
python -m benchmarks compare old.json new.json
```

Every contestant is a process of its own and has its turn with the others (A B C A B C). Its result is checked before its
time counts. Figures are medians with the least and the most of all rounds. Who failed or was skipped stands there with the
reason; nothing is left out because Gradloom is slower. [What is measured, and what makes it fair](docs/benchmarks.md).
"""
WHAT = {
    "step": "Forward, loss, backward, SGD with momentum 0.9, float32. Gradloom and Keras train through `fit`, rows shuffled in "
    "the timed part; the others have their batches ready (`jax-scan` runs a whole epoch in one call, as `fit` does). From the "
    "same weights and without dropout, the loss after three steps agrees with a float64 reference to a thousandth, or nothing "
    'is timed. "openblas" is the matrix products of the step and nothing else: what no step with this library can beat. On a GPU that is cuBLAS, times are taken when all is computed, and TF32 is off unless the precision says so. In the reports of 2026-12-01 weights went on from round to round, and the deep '
    "network, which nobody else trains for 20,000 steps, ended in NaN in the last one: with plain NumPy from there, too; since then a turn begins with the first weights.",
    "ops": "One call on a 1000 x 1000 float32 array; both backends run the same rule from the op's declaration.",
    "overhead": "Vectors of 32 floats, so that nearly all of the time is overhead. tinygrad is lazy: its time holds the computing.",
    "import": "Fresh processes; `import and gradient` goes on to the gradient of a sum of squares as a NumPy "
    "array, `import and a model` to a layer of eight units. Gradloom imports all three packages.",
    "compile": "From the network to the end of the first step, imports not counted: with empty caches on disk, and in a new "
    "process with what the first one left there.",
    "memory": "Growth of the peak of resident memory by two epochs; data and first weights not counted.",
    "lab": "Wall time from the start of the process to the number on the screen: imports, compilation, training, accuracy. `lab` "
    "is the course's first network, 150 epochs of Adam; `digits` and `mnist1d` stop at the epoch that reaches the target. In the first round the caches on disk are empty, later they hold what that round left: the most is the cold start.",
    "tune": "Wall time from the start of the process to the last accuracy: imports, compilation, training and "
    "evaluation of twenty networks of different widths on the digits, one after another. `cold` is with empty "
    "caches on disk, `warm` a new process with what that one left. Each network has to get 70 % of the held-out "
    "rows right and the best of them 95 %, or nothing is timed. `gradloom-numpy` is what there is without the "
    "extra `gradloom[cpu]`.",
    "predict": "NumPy array in, probabilities as NumPy array out, checked against float64: one row, and many at once.",
    "serve": "NumPy array of one row in, probabilities as NumPy array out, checked against float64: the latency that half of the "
    "answers stay below, and ninety-nine of a hundred. Four threads that ask at once share the cores, and Python.",
    "scaling": "One quantity varies, the rest is batch 128, four layers of 256; the exponent is that of a power law through the "
    "points (time ~ size^exponent). `rows` is one epoch of `fit`, rows shuffled, the largest from a memory-mapped file.",
}  # fmt: skip


def write(folder: Path, to: Path) -> None:
    """BENCHMARKS.md, and the reports and pictures behind it: every report in the folder, whatever its file is called.

    Raises:
        SystemExit: the folder holds no report.
    """
    order = {name: place for place, name in enumerate(MODULES)}
    paths = [path for path in sorted(folder.glob("*.json")) if path.name != history.FILE]
    found = {path.stem: Report.read(path) for path in paths}
    found = {name: found[name] for name in sorted(found, key=lambda name: order[found[name].benchmark])}  # fmt: skip
    if not found:
        raise SystemExit(f"{folder} holds no reports; `python -m benchmarks all` makes them")
    results = to / "benchmarks" / "results"
    results.mkdir(parents=True, exist_ok=True)
    dates = ", ".join(sorted({report.date[:10] for report in found.values()}))
    machines = {_machine(report) for report in found.values()}
    parts = [INTRODUCTION.format(dates=dates, machine="\n\n".join(sorted(machines)))]
    for name, report in found.items():
        if folder.resolve() != results.resolve():
            for path in folder.glob(f"{name}.*"):
                shutil.copy(path, results)
        gpu, precision = report.settings.get("device") == "cuda", report.settings.get("precision", "float32")
        on = (", on a GPU" if gpu else "") + ("" if precision == "float32" else f", in {precision}")
        backend = (" --backend cupy" if gpu else "") + ("" if precision == "float32" else f" --precision {precision}")  # fmt: skip
        parts.append(
            f"## {report.title}{on}\n\n`python -m benchmarks {report.benchmark}{backend}`: {WHAT[report.benchmark]}\n"
        )
        if (folder / f"{name}.png").exists():
            parts.append(f"![{report.title}{on}](benchmarks/results/{name}.png)\n")
        parts.append(f"```text\n{table(report, find(report.benchmark))}\n```\n")
    kept = history.read(results / history.FILE)
    parts += history.page(kept) if kept else ()
    (to / "BENCHMARKS.md").write_text("\n".join(parts))


def _machine(report: Report) -> str:
    facts = report.machine
    words = [f"{facts[key]}" if key == "processor" else f"{key} {facts[key]}" for key in ("processor", "cores", "threads", "memory", "gpu", "system", "release", "python") if facts.get(key)]  # fmt: skip
    return f"Machine: {', '.join(words)}."
