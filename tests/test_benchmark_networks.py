"""The networks of the benchmarks: what decides whether a time counts would notice a wrong contestant; the pictures."""

from __future__ import annotations

import argparse
import importlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks import measure
from benchmarks.contest import Report
from benchmarks.contests import serving, step
from benchmarks.contests.lab import CONTEST as LAB
from benchmarks.contests.scaling import CONTEST as SCALING
from benchmarks.contests.shared import Phases, digits, on_disk
from benchmarks.contests.step import CONTEST as STEP
from benchmarks.contests.step import must_have_gpu
from benchmarks.contests.tuning import HIDDEN, learned
from benchmarks.measure import seconds_per_pass
from benchmarks.names import PEERS
from benchmarks.networks import alone, by_hand, reference, with_gradloom
from benchmarks.networks.job import Job, Where, accuracy, check, checked, finite, loss_after_steps
from benchmarks.networks.problems import (
    FOR_GPU,
    PROBLEMS,
    data,
    flop_per_step,
    initial_weights,
    perceptron,
    problem_of,
    products,
)
from benchmarks.plots import draw_steps, points
from benchmarks.tables import table
from benchmarks.work import Skip

pytestmark = pytest.mark.once
ONE = Where(1)
LEARNERS = {
    name: perceptron(name, 16, 3, (7, 12, 8, outputs), 0.0, optimizer=optimizer)
    for name, outputs, optimizer in (
        ("binary", 1, "sgd"),
        ("classes", 3, "sgd"),
        ("adam", 3, "adam"),
        ("lab", 1, "adam"),
    )
}
"""A network for every combination of loss and optimizer."""


def prepared(peer: str) -> Any:
    """The trainers of a peer; a test of one that is not installed is skipped."""
    pytest.importorskip(PEERS[peer].needs)
    file, _, function = PEERS[peer].trainer.partition(":")
    try:
        return getattr(importlib.import_module(f"benchmarks.networks.{file}"), function)()[1]
    except Skip as why:
        pytest.skip(str(why))


def trained(make: Any, name: str) -> tuple[float, Any]:
    """The loss after three steps, and probabilities then."""
    problem = LEARNERS[name]
    x, y = data(problem, 4)
    job = Job(problem, initial_weights(problem), x[:48], y[:48], 0.0, False, ONE)
    trainer = make(job)
    trainer.train(1)
    return trainer.step_loss(x[48:], y[48:]), trainer.predict(x[:9])


@pytest.mark.parametrize("name", LEARNERS)
@pytest.mark.parametrize("peer", ["gradloom", "gradloom-numpy", "numpy"])
def test_losses_and_probabilities_are_those_of_the_reference(peer: str, name: str) -> None:
    loss, probabilities = trained(prepared(peer), name)
    expected, exact = trained(reference.Reference, name)
    assert loss == pytest.approx(expected, rel=1e-5)
    np.testing.assert_allclose(probabilities, exact, rtol=1e-4, atol=1e-6)


@pytest.mark.oracle
@pytest.mark.parametrize("name", LEARNERS)
@pytest.mark.parametrize("peer", ["torch", "jax", "jax-scan", "scikit-learn", "mygrad", "tinygrad"])
@pytest.mark.filterwarnings("ignore")
def test_peers_agree_with_the_reference(peer: str, name: str, full: bool) -> None:
    if peer == "jax-scan" and name != "adam" and not full:
        pytest.skip("the steps are those of jax; with --full")
    loss, probabilities = trained(prepared(peer), name)
    expected, exact = trained(reference.Reference, name)
    assert loss == pytest.approx(expected, rel=1e-4)
    np.testing.assert_allclose(probabilities, exact, rtol=1e-3, atol=1e-5)


def test_every_file_of_a_contestant_imports_without_its_framework() -> None:
    """They run where a framework is absent, or there is no GPU, far enough to say so."""
    for peer in PEERS.values():
        if peer.trainer:
            file, _, function = peer.trainer.partition(":")
            assert callable(getattr(importlib.import_module(f"benchmarks.networks.{file}"), function))
    importlib.import_module("benchmarks.networks.cublas")


def test_the_contest_on_a_gpu_can_be_described_without_one() -> None:
    options = argparse.Namespace(backend="cupy", precision="tf32", smoke=False)
    assert set(STEP.tasks(options)) == set(FOR_GPU)
    assert {"torch-graph", "cublas", "gradloom"} <= set(STEP.names(options))
    assert "CUDA_VISIBLE_DEVICES" not in STEP.environment(options).keys() - os.environ.keys()
    assert problem_of("vast").shape == "8192x4-10"


def test_on_a_cpu_those_take_part_that_have_the_precision(monkeypatch: pytest.MonkeyPatch) -> None:
    options = argparse.Namespace(backend="numba", precision="bfloat16", smoke=True, history=None)
    monkeypatch.setattr(step, "expected_losses", lambda name, where, tasks: where)
    assert set(STEP.names(options)) == {"gradloom", "torch", "torch-compile", "jax", "jax-scan"}
    where = STEP.settings(options, ["tiny"], Path())
    assert (where["device"], where["precision"]) == ("cpu", "bfloat16")
    options.precision = "float16"
    with pytest.raises(SystemExit, match="--precision float16 needs --backend cupy"):
        STEP.settings(options, ["tiny"], Path())


def test_no_cupy_is_a_clear_message(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cupy", None)
    with pytest.raises(SystemExit, match="needs an NVIDIA GPU and CuPy: CuPy cannot be imported"):
        must_have_gpu()


@pytest.mark.parametrize("contestant", [with_gradloom, by_hand])
@pytest.mark.parametrize("name", ["tiny", "small", "deep"])
def test_contestants_agree_with_the_reference(contestant: Any, name: str) -> None:
    _, make = contestant.prepare()
    expected = loss_after_steps(PROBLEMS[name], reference.Reference, ONE)
    assert loss_after_steps(PROBLEMS[name], make, ONE) == pytest.approx(expected, rel=2e-6)


@pytest.mark.parametrize("name", ["digits_cnn", "batchnorm", "tabular"])
def test_gradloom_learns_the_networks_that_are_not_dense(name: str) -> None:
    problem = PROBLEMS[name]
    x, y = data(problem, 2)
    job = Job(problem, initial_weights(problem), x, y, 0.0, False, ONE)
    trainer = with_gradloom.GradloomTrainer(job)
    before = trainer.step_loss(x, y)
    trainer.train(4)
    assert trainer.step_loss(x, y) < before


@pytest.mark.oracle
@pytest.mark.parametrize("name", ["digits_cnn", "batchnorm", "tabular"])
def test_gradloom_and_jax_agree_with_torch_in_float64(name: str) -> None:
    pytest.importorskip("torch")
    pytest.importorskip("jax")
    from benchmarks.networks import with_jax

    (expected,) = reference.reference_losses([PROBLEMS[name]], ONE).values()
    for make in (with_gradloom.GradloomTrainer, with_jax.JaxTrainer):
        assert loss_after_steps(PROBLEMS[name], make, ONE) == pytest.approx(expected, rel=1e-5)


@pytest.mark.oracle
def test_both_references_agree() -> None:
    pytest.importorskip("torch")
    from benchmarks.networks import with_torch

    mine = loss_after_steps(PROBLEMS["small"], reference.Reference, ONE)
    assert loss_after_steps(PROBLEMS["small"], with_torch.double_precision(), ONE) == pytest.approx(
        mine, rel=1e-12
    )


@pytest.mark.parametrize("name", ["tiny", "small", "mnist"])
@pytest.mark.parametrize("broken", ["LEARNING_RATE", "MOMENTUM"])
def test_the_check_notices_a_step_that_does_not_learn(
    name: str, broken: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    problem = PROBLEMS[name]
    expected = loss_after_steps(problem, reference.Reference, ONE)
    check(problem, expected * 1.0009, expected)
    monkeypatch.setattr(reference, broken, 0.0)
    with pytest.raises(AssertionError, match=f"{name}: the loss after 3 steps is"):
        check(problem, loss_after_steps(problem, reference.Reference, ONE), expected)


def test_dropout_is_on_when_time_counts() -> None:
    problem = perceptron("drop", 64, 2, (8, 64, 64, 3), dropout=0.5)
    x, y = data(problem)
    for make in (with_gradloom.GradloomTrainer, by_hand.NumpyTrainer):
        losses = [
            make(Job(problem, initial_weights(problem), x, y, rate, False, ONE)).step_loss(x[:64], y[:64])
            for rate in (0.0, 0.5)
        ]  # fmt: skip
        assert abs(losses[1] / losses[0] - 1) > 1e-3


def test_a_loss_that_is_not_finite_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(by_hand.NumpyTrainer, "step_loss", lambda self, x, y: np.nan)
    problem = PROBLEMS["tiny"]
    job = Job(problem, initial_weights(problem), *data(problem, 1), 0.0, False, ONE)
    with pytest.raises(AssertionError, match="tiny: the loss is nan after training"):
        finite(problem, by_hand.NumpyTrainer(job), job)


def test_a_problem_without_reference_says_that_it_was_not_checked() -> None:
    found = checked(PROBLEMS["tiny"], by_hand.NumpyTrainer, ONE, {})
    assert found.startswith("not checked: no reference loss")


def test_time_counts_after_warming_up(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    calls: list[int] = []

    def train(epochs: int) -> None:
        clock[0] += 10.0 * (not calls) + 0.01 * epochs
        calls.append(epochs)

    monkeypatch.setattr(measure.time, "perf_counter", lambda: clock[0])
    assert seconds_per_pass(train, 1.0) == pytest.approx(0.01)
    assert calls[0] == 1
    assert calls[-1] >= 70


def test_the_work_of_a_step() -> None:
    problem = perceptron("p", 5, 1, (2, 3, 4))
    assert products(problem) == [
        (5, 3, 2, False, False), (2, 3, 5, True, False),
        (5, 4, 3, False, False), (3, 4, 5, True, False), (5, 3, 4, False, True),
    ]  # fmt: skip
    assert flop_per_step(problem) == 2 * (2 * 30 + 3 * 60)
    assert flop_per_step(PROBLEMS["digits_cnn"]) is None


def test_products_are_those_of_numpy() -> None:
    pytest.importorskip("scipy_openblas32")
    from benchmarks.networks.matrix_products import Library, ProductsTrainer

    trainer = ProductsTrainer(PROBLEMS["small"], Library(1))
    trainer.check()
    trainer.arrays[2][2][0, 0] += 1
    trainer.train = lambda epochs: None  # type: ignore[method-assign]
    with pytest.raises(AssertionError, match="Mismatched elements: 1 "):
        trainer.check()


def test_half_precision_may_be_further_from_the_reference() -> None:
    check(PROBLEMS["tiny"], 1.02, 1.0, "bfloat16")
    with pytest.raises(AssertionError, match="tiny: the loss after 3 steps"):
        check(PROBLEMS["tiny"], 1.02, 1.0, "tf32")


def test_accuracy() -> None:
    assert accuracy(np.array([[0.2], [0.9]]), np.array([0, 0])) == 0.5
    assert accuracy(np.array([[0.2, 0.8], [0.9, 0.1]]), np.array([1, 0])) == 1.0


def test_memory_is_the_growth_of_its_peak() -> None:
    """In a process of its own, as benchmarks measure it: what other tests have freed may hide it."""
    if not measure.STATUS.exists():
        pytest.skip("the peak is counted anew on Linux alone")
    code = (
        "import numpy as np; from benchmarks.measure import peak_growth\n"
        "for _ in range(2): print(peak_growth(lambda: np.ones(8_000_000).sum()))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[1], capture_output=True, text=True, check=True)  # fmt: skip
    first, second = map(float, done.stdout.split())
    assert 55 < first < 80
    assert 55 < second < 80, "an earlier peak hides nothing"


def test_a_job_in_its_own_process() -> None:
    problem = LEARNERS["lab"]
    took, found = alone.start("first_step", "numpy", problem, ONE._asdict())
    assert 0 < found["seconds"] < took
    with pytest.raises(RuntimeError, match="KeyError: 'nobody'"):
        alone.start("first_step", "nobody", problem, ONE._asdict())


def test_a_search_trains_a_network_of_every_width(tmp_path: Path) -> None:
    """Three classes of the corners of a triangle: easy, and a guess is right in a third."""
    draw = np.random.default_rng(0)
    y = draw.integers(0, 3, 480)
    x = np.array([[2.0, 0.0], [-1.0, 1.7], [-1.0, -1.7]])[y] + draw.normal(0, 0.3, (480, 2))
    file = on_disk((x[:384], y[:384], x[384:], y[384:]), tmp_path / "rows.npz")
    rows = perceptron("rows", 16, 24, (2, 8, 3), 0.0, optimizer="adam")
    given = ONE._asdict() | {"file": file, "hidden": [[16], [12, 8]]}
    trained = alone.search("numpy", rows, given | {"epochs": 10})["accuracies"]
    assert len(trained) == 2
    assert min(trained) > 0.9
    untrained = alone.search("numpy", rows, given | {"epochs": 0})["accuracies"]
    assert max(untrained) < 0.9


def test_a_search_without_learning_does_not_count() -> None:
    assert learned([0.7, 0.81, 0.96]) == "70.0% to 96.0% of held-out rows"
    for accuracies in ([0.69, 0.96], [0.8, 0.94]):
        with pytest.raises(AssertionError, match=f"accuracies from {accuracies[0]}"):
            learned(accuracies)
    assert len(set(HIDDEN)) == 20


def test_the_digits_are_what_they_were() -> None:
    x, y, x_test, y_test = digits()
    assert x.shape == (1408, 64)
    assert x_test.shape == (389, 64)
    assert (x.min(), x.max()) == (0.0, 1.0)
    assert np.bincount(np.concatenate([y, y_test]).astype(int)).tolist() == [
        178, 182, 177, 183, 181, 182, 181, 179, 174, 180,
    ]  # fmt: skip


def test_cold_begins_with_empty_caches_and_warm_with_what_cold_left(tmp_path: Path) -> None:
    seen: list[tuple[str, ...]] = []

    def job(caches: dict[str, str]) -> tuple[float, dict[str, Any]]:
        folder = Path(caches["GRADLOOM_CACHE_DIR"])
        seen.append(tuple(sorted(path.name for path in folder.iterdir())))
        (folder / f"kernel{len(seen)}").touch()
        return 1.0, {}

    phases = Phases(tmp_path / "one")
    for phase in ("cold", "warm", "cold", "warm"):
        phases.run("tiny", phase, job)
    assert seen == [(), ("kernel1",), (), ("kernel3",)]
    seen.clear()
    Phases(tmp_path / "two").run("tiny", "warm", job)
    assert seen == [(), ("kernel1",)], "warm alone makes its caches first"


def test_gradloom_without_the_extra_needs_nothing_of_it() -> None:
    """In a process of its own: others have imported Numba here."""
    code = (
        "import sys; from benchmarks.networks import alone, problems\n"
        "small = problems.perceptron('small', 4, 2, (2, 3, 2))\n"
        "alone.first_step('gradloom-numpy', small, {'threads': 1, 'device': 'cpu', 'precision': 'float32'})\n"
        "print([name for name in ('numba', 'llvmlite', 'scipy_openblas32') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=Path(__file__).parents[1],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "[]"


def report() -> Report:
    tasks = {
        name: {"title": name, "group": PROBLEMS[name].group, "flop": flop_per_step(PROBLEMS[name])}
        for name in ("tiny", "wide", "tabular")
    }
    machine = {"processor": "P", "cores": 2, "threads": 2, "python": "3"}
    found = Report("step", "One training step", "us", machine, tasks=tasks)
    found.figures = {
        "gradloom": {"tiny": [2.0, 3.0, 4.0], "wide": [12000.0], "tabular": [50.0]},
        "torch": {"tiny": [150.0], "wide": [24000.0]},
        "openblas": {"tiny": [1.0], "wide": [10000.0]},
    }
    found.versions, found.skipped = dict.fromkeys(found.figures, "1"), {"jax": "no jax"}
    return found


def test_table_has_medians_ranges_and_ratios() -> None:
    lines = [" ".join(line.split()) for line in table(report(), STEP).splitlines()]
    assert "gradloom 3.00 (2.00-4.00)" in lines
    assert "torch 150 (150-150) 50.00 x" in lines
    assert "openblas 10,000 (10,000-10,000) 0.83 x 431 GFLOP/s" in lines
    assert "skipped jax: no jax" in lines
    assert not any("smoke" in line or "products in" in line for line in lines)


def test_table_says_what_else_makes_figures_incomparable() -> None:
    found = report()
    found.settings.update(smoke=True, precision="tf32")
    assert "a smoke run: its times mean nothing, products in tf32" in table(found, STEP)


def test_picture_of_the_steps(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    path = tmp_path / "step.svg"
    draw_steps(report(), path)
    assert points(report(), "gradloom") == [(33792.0, 3.0), (4310695936.0, 12000.0)]
    assert "</svg>" in path.read_text()
    empty = Report("step", "", "us", {"processor": "P", "threads": 1})
    with pytest.raises(SystemExit, match="none of them was measured"):
        draw_steps(empty, path)


def scaling() -> Report:
    tasks = SCALING.tasks(argparse.Namespace(smoke=False))
    found = Report(
        "scaling",
        "How cost grows",
        "us",
        {"processor": "P", "cores": 2, "threads": 2, "python": "3"},
        tasks=tasks,
    )
    found.figures["gradloom"] = {task: [float(facts["size"]) ** 2] for task, facts in tasks.items()}
    found.figures["numpy"] = {task: [3.0 * facts["size"]] for task, facts in tasks.items()}
    return found


def test_scaling_prints_exponents_and_draws_them(tmp_path: Path) -> None:
    lines = [" ".join(line.split()) for line in table(scaling(), SCALING).splitlines()]
    assert "step (us) against batch" in lines
    assert "gradloom 1.00 4.00 16.00 64.00 256 2.00" in lines, "against depth"
    assert "numpy 3.00 6.00 12.00 24.00 48.00 1.00" in lines
    pytest.importorskip("matplotlib")
    part = scaling()
    # a cost in every kind of place: two rows, rows of data in the first alone, a place that stays empty
    part.tasks = {
        task: facts
        for task, facts in part.tasks.items()
        if facts["axis"] in ("batch", "rows") and facts["what"] != "memory"
    }
    SCALING.draw(part, tmp_path / "scaling.svg")
    assert "</svg>" in (tmp_path / "scaling.svg").read_text()


def test_picture_of_bars(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    tasks = LAB.tasks(argparse.Namespace(smoke=False))
    found = Report("lab", "", "s", {"processor": "P", "threads": 1}, tasks=tasks)
    with pytest.raises(SystemExit, match="nothing was measured"):
        LAB.draw(found, tmp_path / "lab.svg")
    found.figures = {"gradloom": {"lab": [1.0]}, "torch": {"lab": [30.0], "digits": [3.0]}}
    LAB.draw(found, tmp_path / "lab.svg")
    assert "</svg>" in (tmp_path / "lab.svg").read_text()


@pytest.mark.oracle
@pytest.mark.parametrize("name", ["binary", "classes"])
def test_onnx_runtime_answers_what_the_reference_does(name: str) -> None:
    make, problem = prepared("onnxruntime"), LEARNERS[name]
    x, y = data(problem, 1)
    job = Job(problem, initial_weights(problem), x, y, 0.0, False, ONE)
    np.testing.assert_allclose(
        make(job).predict(x), reference.Reference(job).predict(x), rtol=1e-4, atol=1e-6
    )


def test_every_client_is_timed_and_an_error_of_one_is_told() -> None:
    seen: list[int] = []
    took = serving.latencies(seen.append, 4, 0.0)
    assert len(took) == len(seen) >= serving.LEAST
    assert set(seen) == set(range(serving.LEAST // 4))
    assert all(second >= 0 for second in took)

    def fails(number: int) -> None:
        raise ValueError("no answer")

    with pytest.raises(ValueError, match="no answer"):
        serving.latencies(fails, 2, 0.0)
