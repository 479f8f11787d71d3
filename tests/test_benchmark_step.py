"""The contest of training steps: what decides whether a time counts would notice a wrong contestant."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.contest import Report
from benchmarks.step import by_hand, measure, reference, with_gradloom
from benchmarks.step.command import add_options, table
from benchmarks.step.measure import Job, check, loss_after_steps, seconds_per_epoch
from benchmarks.step.plot import draw, points
from benchmarks.step.problems import (
    PROBLEMS,
    data,
    flop_per_step,
    initial_weights,
    perceptron,
    products,
)

pytestmark = pytest.mark.once


@pytest.mark.parametrize("contestant", [with_gradloom, by_hand])
@pytest.mark.parametrize("name", ["tiny", "small", "deep"])
def test_contestants_agree_with_the_reference(contestant: Any, name: str) -> None:
    _, make = contestant.prepare()
    expected = loss_after_steps(PROBLEMS[name], reference.Reference, 1)
    assert loss_after_steps(PROBLEMS[name], make, 1) == pytest.approx(expected, rel=2e-6)


@pytest.mark.parametrize("name", ["digits_cnn", "batchnorm", "tabular"])
def test_gradloom_learns_the_networks_that_are_not_dense(name: str) -> None:
    problem = PROBLEMS[name]
    x, y = data(problem, 2)
    job = Job(problem, initial_weights(problem), x, y, 0.0, False, 1)
    trainer = with_gradloom.GradloomTrainer(job)
    before = trainer.step_loss(x, y)
    trainer.train(4)
    assert trainer.step_loss(x, y) < before


@pytest.mark.oracle
@pytest.mark.parametrize("name", ["digits_cnn", "batchnorm", "tabular"])
def test_gradloom_and_jax_agree_with_torch_in_float64(name: str) -> None:
    pytest.importorskip("torch")
    pytest.importorskip("jax")
    from benchmarks.step import with_jax

    (expected,) = reference.reference_losses([PROBLEMS[name]], 1).values()
    for make in (with_gradloom.GradloomTrainer, with_jax.JaxTrainer):
        assert loss_after_steps(PROBLEMS[name], make, 1) == pytest.approx(expected, rel=1e-5)


@pytest.mark.oracle
def test_both_references_agree() -> None:
    pytest.importorskip("torch")
    from benchmarks.step import with_torch

    mine = loss_after_steps(PROBLEMS["small"], reference.Reference, 1)
    assert loss_after_steps(PROBLEMS["small"], with_torch.double_precision(), 1) == pytest.approx(
        mine, rel=1e-12
    )


@pytest.mark.parametrize("name", ["tiny", "small", "mnist"])
@pytest.mark.parametrize("broken", ["LEARNING_RATE", "MOMENTUM"])
def test_the_check_notices_a_step_that_does_not_learn(
    name: str, broken: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    problem = PROBLEMS[name]
    expected = loss_after_steps(problem, reference.Reference, 1)
    check(problem, expected * 1.0009, expected)
    monkeypatch.setattr(reference, broken, 0.0)
    with pytest.raises(AssertionError, match=f"{name}: the loss after 3 steps is"):
        check(problem, loss_after_steps(problem, reference.Reference, 1), expected)


def test_dropout_is_on_when_time_counts() -> None:
    problem = perceptron("drop", 64, 2, (8, 64, 64, 3), dropout=0.5)
    x, y = data(problem)
    for make in (with_gradloom.GradloomTrainer, by_hand.NumpyTrainer):
        losses = [
            make(Job(problem, initial_weights(problem), x, y, rate, False, 1)).step_loss(x[:64], y[:64])
            for rate in (0.0, 0.5)
        ]  # fmt: skip
        assert abs(losses[1] / losses[0] - 1) > 1e-3


def test_a_loss_that_is_not_finite_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(by_hand.NumpyTrainer, "step_loss", lambda self, x, y: np.nan)
    with pytest.raises(AssertionError, match="tiny: the loss is nan after training"):
        measure.microseconds_per_step(PROBLEMS["tiny"], by_hand.NumpyTrainer, 1, 0.001)


def test_a_problem_without_reference_says_that_it_was_not_checked() -> None:
    found = measure.figures(by_hand.NumpyTrainer, [PROBLEMS["tiny"]], 1, 0.001, {})
    assert found["notes"]["tiny"].startswith("not checked: no reference loss")


def test_time_counts_after_warming_up(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    calls: list[int] = []

    def train(epochs: int) -> None:
        clock[0] += 10.0 * (not calls) + 0.01 * epochs
        calls.append(epochs)

    monkeypatch.setattr(measure.time, "perf_counter", lambda: clock[0])
    assert seconds_per_epoch(train, 1.0) == pytest.approx(0.01)
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
    from benchmarks.step.matrix_products import Library, ProductsTrainer

    trainer = ProductsTrainer(PROBLEMS["small"], Library(1))
    trainer.check()
    trainer.arrays[2][2][0, 0] += 1
    trainer.train = lambda epochs: None  # type: ignore[method-assign]
    with pytest.raises(AssertionError, match="Mismatched elements: 1 "):
        trainer.check()


def report() -> Report:
    tasks = {
        name: {"title": name, "group": PROBLEMS[name].group, "flop": flop_per_step(PROBLEMS[name])}
        for name in ("tiny", "wide", "tabular")
    }
    figures = {
        "gradloom": {"tiny": [2.0, 3.0, 4.0], "wide": [12000.0], "tabular": [50.0]},
        "torch": {"tiny": [150.0], "wide": [24000.0]},
        "openblas": {"tiny": [1.0], "wide": [10000.0]},
    }
    machine = {"processor": "P", "cores": 2, "threads": 2, "python": "3"}
    return Report(machine, dict.fromkeys(figures, "1"), {"jax": "no jax"}, figures, {}, tasks)


def test_table_has_medians_ranges_and_ratios() -> None:
    lines = [" ".join(line.split()) for line in table(report()).splitlines()]
    assert "gradloom 3.00 (2.00-4.00)" in lines
    assert "torch 150 (150-150) 50.00 x" in lines
    assert "products alone, 2 cores 10,000 (10,000-10,000) 0.83 x 431 GFLOP/s" in lines
    assert "skipped jax: no jax" in lines


def test_plot(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    path = tmp_path / "step.svg"
    draw(report(), path)
    assert points(report(), "gradloom") == [(33792.0, 3.0), (4310695936.0, 12000.0)]
    assert "</svg>" in path.read_text()
    with pytest.raises(SystemExit, match="none of them was measured"):
        draw(Report({"processor": "P", "threads": 1}), path)


def test_unknown_names_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    parser = argparse.ArgumentParser()
    add_options(parser)
    assert parser.parse_args(["--only", "tiny,huge"]).only == ["tiny", "huge"]
    with pytest.raises(SystemExit):
        parser.parse_args(["--contestants", "gradloom,caffe"])
    assert "'caffe' is none of gradloom, torch" in capsys.readouterr().err
