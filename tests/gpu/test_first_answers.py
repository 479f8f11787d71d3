"""What a machine with a GPU is asked first, asked of the substitute: every question is answered, and the answers are right."""

from __future__ import annotations

import json
import os

import pytest
from substitute import host

import backends
from backends import registry
from backends.cupy import executable as executables
from benchmarks.gpu import first, questions, san, training
from benchmarks.gpu.answers import Answers, Question
from benchmarks.networks.job import Where, job_of
from benchmarks.networks.problems import perceptron
from benchmarks.networks.with_gradloom import GradloomTrainer

pytestmark = [pytest.mark.once, pytest.mark.skipif(host.COMPILER is None, reason=host.REASON)]


@pytest.fixture
def answers(machine, monkeypatch, tmp_path):
    """Asks groups of questions and reads the answers."""
    monkeypatch.setenv("OUT", str(tmp_path))
    monkeypatch.setenv("SMALL", "1")
    monkeypatch.delenv("WHERE", raising=False)

    def ask(*groups):
        assert first.main(groups) == 0, (tmp_path / "first.jsonl").read_text()
        lines = (tmp_path / "first.jsonl").read_text().splitlines()
        return {found.pop("what"): found for found in map(json.loads, lines)}

    return ask


@pytest.mark.parametrize("group", first.GROUPS)
def test_every_question_is_answered(answers, group):
    found = answers(group)
    assert found
    assert all(answer["ok"] for what, answer in found.items() if not what.startswith("profile"))
    if group == "kernels":
        assert len(found) == len(questions.EAGER)
        assert all(answer["error"] < 1e-6 for answer in found.values())
    if group == "blas":
        assert len(found) == 2 * len(questions.LARGEST_ERRORS) + 1
        assert found["blas: ties of tf32: which way"]["1024.5 becomes"] in questions.TIES
    if group == "fit":
        (answer,) = found.values()
        assert answer["twice the same"]
        assert answer["one kernel = graphs"]
        assert answer["loss"] == pytest.approx(answer["right"], rel=1e-4)
    if group == "time":
        assert found["time: tiny float32"]["nodes"] > 5
        assert found["time: tiny float32"]["one kernel"]
        assert found["profile: tiny float32"]["rows"]
    if group == "errors":
        assert "out of range" in found["errors: an index out of range in a compiled step"]["says"]
        assert len(found) == 3


def test_nothing_stays_changed(answers, monkeypatch):
    monkeypatch.setenv("GRADLOOM_CUDA_GRAPHS", "1")
    before = executables.together, executables.Executable.epoch
    answers("fit", "time")
    assert (executables.together, executables.Executable.epoch) == before
    with training.without_graphs():
        assert os.environ["GRADLOOM_CUDA_GRAPHS"] == "0"
    assert os.environ["GRADLOOM_CUDA_GRAPHS"] == "1"


def test_a_wrong_answer_leaves_the_others_alone(tmp_path):
    asked = Answers(tmp_path / "first.jsonl")
    asked.ask([Question("a", "broken", lambda: 1 / 0), Question("a", "whole", lambda: {"n": 1})])
    broken, whole = map(json.loads, (tmp_path / "first.jsonl").read_text().splitlines())
    assert (broken["ok"], whole["ok"], whole["n"], asked.wrong) == (False, True, 1, 1)
    assert "ZeroDivisionError" in broken["error"]


def test_wrong_numbers_are_wrong_answers(machine, monkeypatch, tmp_path):
    """A device that rounds would be found out."""
    gpu, numpy = backends.get("cupy"), backends.get("numpy")
    place = first.Place(gpu, numpy, True)
    right = gpu.run
    monkeypatch.setattr(gpu, "run", lambda *given, **settings: right(*given, **settings) * 1.00001)
    asked = Answers(tmp_path / "first.jsonl")
    asked.ask(q for q in questions.of_kernels(place) if q.what == "sum of rows")
    assert asked.wrong == 1


def test_an_unknown_group_is_refused(answers):
    with pytest.raises(SystemExit, match="group 'fits' is none of: import, kernels"):
        first.main(["fits"])


def test_every_kind_of_kernel_for_the_sanitizer(machine, capsys, monkeypatch):
    monkeypatch.setenv("GRADLOOM_CUDA_GRAPHS", "1")
    monkeypatch.delenv("GRAPHS", raising=False)
    machine.record()
    san.main()
    assert capsys.readouterr().out.endswith("done\n")
    put = [what for _, what in machine.log]
    assert not [what for what in put if what.startswith("graph")]
    assert "gemm" in put
    assert sum(what.startswith("launch") for what in put) > 100


def test_rows_of_the_contest_lie_on_the_device_before_time_counts(machine, monkeypatch):
    monkeypatch.setattr(registry, "_process_default", None)
    # so that the order of the rows, 8 bytes each, has other sizes
    job = job_of(perceptron("p", 8, 6, (9, 7, 3)), Where(1, "cuda"))
    with backends.use("cupy"):
        trainer = GradloomTrainer(job)
        trainer.train(1)
        machine.record()
        trainer.train(2)
    copied = [what for _, what in machine.log if what.startswith("copy from host")]
    for part in (job.x, job.y):
        assert f"copy from host {part.nbytes}" not in copied
    assert all(row.backend == "cupy" for row in trainer.rows)
    on_the_host = GradloomTrainer(job._replace(where=Where(1)))
    assert on_the_host.rows == (job.x, job.y), "as users have them"
