"""docs/recipes.md: its code runs, against packages that are installed or stand-ins that keep what they are told."""

from __future__ import annotations

import importlib.util
import re
import sys
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

import nn

pytestmark = pytest.mark.once
PAGE = (Path(__file__).resolve().parent.parent.parent / "docs" / "recipes.md").read_text(encoding="utf-8")


def block(name: str) -> str:
    (code,) = re.findall(rf"```python {name}\n(.*?)```", PAGE, flags=re.DOTALL)
    return code  # type: ignore[no-any-return]


def ran(name: str) -> dict[str, Any]:
    """The names that a block leaves behind."""
    found: dict[str, Any] = {"__name__": "recipe"}
    exec(compile(f"{block('shared')}\n{block(name)}", f"docs/recipes.md: {name}", "exec"), found)
    return found


def told(history: nn.callbacks.History) -> list[dict[str, float]]:
    """What a tracker has to have seen: one row an epoch."""
    return [{name: values[i] for name, values in history.history.items()} for i in range(len(history.epoch))]


def stand_in(name: str, **members: Any) -> ModuleType:
    module = ModuleType(name)
    vars(module).update(members)
    return module


def test_mlflow_is_told_parameters_metrics_and_the_model(monkeypatch: pytest.MonkeyPatch) -> None:
    params: dict[str, Any] = {}
    rows: list[tuple[int, dict[str, float]]] = []
    kept: list[Any] = []

    @contextmanager
    def start_run() -> Any:
        yield None

    module = stand_in(
        "mlflow",
        start_run=start_run,
        log_params=params.update,
        log_metrics=lambda metrics, step: rows.append((step, metrics)),
        log_artifact=lambda path: kept.append(nn.load(path)),
    )
    monkeypatch.setitem(sys.modules, "mlflow", module)
    found = ran("mlflow")
    assert params == {"epochs": 3, "optimizer": "Adam", "parameters": 49}
    assert rows == list(enumerate(told(found["history"])))
    assert {"loss", "accuracy", "val_loss", "val_accuracy"} <= set(rows[0][1])
    (model,) = kept
    assert (model.predict(found["x"]) == found["model"].predict(found["x"])).all()


def test_weights_and_biases_is_told_every_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    config: dict[str, Any] = {}
    rows: list[tuple[int, dict[str, float]]] = []

    @contextmanager
    def init(project: str, mode: str) -> Any:
        yield SimpleNamespace(config=config, log=lambda metrics, step: rows.append((step, metrics)))

    monkeypatch.setitem(sys.modules, "wandb", stand_in("wandb", init=init))
    found = ran("wandb")
    assert config == {"epochs": 3, "parameters": 49}
    assert rows == list(enumerate(told(found["history"])))


@pytest.mark.parametrize("name", ["mlflow", "wandb"])
def test_with_the_package_itself(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if importlib.util.find_spec(name) is None:
        pytest.skip(f"{name} is not installed; its stand-in runs above")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", (tmp_path / "runs").as_uri())
    assert len(ran(name)["history"].epoch) == 3


def test_optuna_by_hand() -> None:
    pytest.importorskip("optuna")
    study = ran("optuna")["study"]
    assert len(study.trials) == 6
    assert {trial.state.name for trial in study.trials} <= {"COMPLETE", "PRUNED"}
    assert all(
        len(trial.intermediate_values) == 5 for trial in study.trials if trial.state.name == "COMPLETE"
    )


def test_every_block_is_run() -> None:
    assert re.findall(r"```python(?: (\w+))?\n", PAGE) == ["shared", "mlflow", "wandb", "optuna"]
