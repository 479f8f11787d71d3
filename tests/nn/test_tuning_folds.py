"""tune with cv: every trial on all folds, compared with folds by hand; and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from searches import X, Y, plain, tune

import autograd as ag
import nn
from nn.data import Rows
from nn.tuning.folds import positions_of
from nn.tuning.trial import trial_seed

pytestmark = pytest.mark.once
pytest.importorskip("optuna")


def test_the_value_is_the_mean_over_folds_by_hand():
    found = tune(space={"units": [5]}, trials=1, epochs=3, cv=3, learning_rate=0.05)
    folds = positions_of(3, Rows(ag.tensor(X), ag.tensor(Y)))
    values = []
    for number, (train, test) in enumerate(folds):
        nn.set_random_seed(trial_seed(trial_seed(0, 0), number, "fold"))
        model = nn.MLP((5, 5), outputs=1, dropout=0.0, output_activation="sigmoid")
        model.compile(nn.Adam(0.05), "binary_crossentropy", metrics=["accuracy"])
        held_out = (np.asarray(X)[test], np.asarray(Y)[test])
        history = model.fit(
            np.asarray(X)[train], np.asarray(Y)[train], validation_data=held_out, epochs=3, verbose=0
        )
        values.append(min(history.history["val_loss"]))
    assert found.best_value == pytest.approx(np.mean(values), rel=1e-6)
    assert found.best_trial.epochs == 9


def test_the_folds_are_disjoint_and_have_as_many_of_each_class():
    y = np.r_[np.zeros(40), np.ones(20)].astype(int)
    folds = positions_of(5, Rows(ag.zeros((60, 2)), ag.tensor(y)))
    assert sorted(i for _, test in folds for i in test) == list(range(60))
    for train, test in folds:
        assert sorted(train + test) == list(range(60))
        assert (y[test] == 0).sum() == 8
        assert (y[test] == 1).sum() == 4


def test_folds_of_scikit_learn_and_by_hand():
    selection = pytest.importorskip("sklearn.model_selection")
    splitter = selection.StratifiedKFold(3, shuffle=True, random_state=1)
    first = tune(trials=1, cv=splitter)
    again = tune(trials=1, cv=[*splitter.split(X, np.asarray(Y).reshape(-1))])
    assert plain(first) == plain(again)
    assert plain(first) != plain(tune(trials=1, cv=3))


def test_a_study_repeats_itself_and_the_best_model_is_trained_on_all_rows():
    first, again = (tune(trials=4, cv=2, epochs=3) for _ in range(2))
    assert plain(first) == plain(again)
    model = first.best_model
    assert model is first.best_model
    assert model.history.epoch == list(range(first.best_trial.best_epoch + 1))
    assert model.optimizer.iterations.item() == len(model.history.epoch) * -(-len(X) // 32)
    for name, array in again.best_model.state_dict().items():
        np.testing.assert_array_equal(array, model.state_dict()[name])


def test_the_generator_is_left_as_it_was():
    before = ag.random.default_generator().state[1].item()
    tune(trials=2, cv=2).best_model.predict(X)
    assert ag.random.default_generator().state[1].item() == before


def test_weights_of_classes_are_those_of_the_training_rows():
    plain_value = tune(trials=1, space={"units": [4]}, cv=2).best_value
    weighted = tune(trials=1, space={"units": [4]}, cv=2, class_weight={0: 5.0}).best_value
    given = tune(trials=1, space={"units": [4]}, cv=2, sample_weight=np.ones(len(X))).best_value
    assert given == pytest.approx(plain_value, rel=1e-5)
    assert weighted != plain_value


def test_a_trial_that_does_worse_is_ended_after_a_fold():
    optuna = pytest.importorskip("optuna")
    pruner = optuna.pruners.ThresholdPruner(upper=1e-6)
    found = tune(trials=2, cv=3, pruner=pruner)
    assert [record.state for record in found.trials] == ["pruned", "pruned"]
    assert [record.epochs for record in found.trials] == [2, 2]


def test_a_fold_that_fails_fails_the_trial():
    def build(units):
        raise ZeroDivisionError("no model")

    with pytest.raises(nn.TuningError, match="no model"):
        tune(build, trials=2, cv=2, loss="mse")


def test_a_study_on_file_goes_on_with_the_same_folds(tmp_path):
    path = tmp_path / "search.journal"
    tune(trials=2, cv=2, storage=path)
    found = tune(trials=3, cv=2, storage=path)
    assert plain(found) == plain(tune(trials=3, cv=2))
    for other in ({"cv": 3}, {}):
        with pytest.raises(nn.ArgumentError, match="begun with cv 2 folds"):
            tune(trials=3, storage=path, **other)


def test_what_is_refused():
    for given, message in (
        ({"cv": 1}, "from 2 to 60"),
        ({"cv": 61}, "from 2 to 60"),
        ({"cv": True}, "number of folds"),
        ({"cv": 2.5}, "number of folds"),
        ({"cv": []}, "no fold"),
        ({"cv": [([0, 1], [1, 2])]}, "share none"),
        ({"cv": [([0, 1], [60])]}, "from 0 to 59"),
        ({"cv": [([0], [])]}, "share none"),
        ({"cv": 2, "validation_split": 0.2}, "cv holds rows out itself"),
        ({"cv": 2, "validation_data": (X, Y)}, "cv holds rows out itself"),
        ({"cv": 2, "monitor": ""}, "monitor"),
        ({"cv": 2, "x": iter([(X, Y)]), "y": None}, "iterable of batches"),
    ):
        with pytest.raises((nn.ArgumentError, nn.DataError), match=message):
            tune(**given)


def test_rows_with_a_single_1_are_dealt_out_by_class():
    selection = pytest.importorskip("sklearn.model_selection")
    classes = np.r_[np.zeros(6), np.ones(27), np.full(27, 2)].astype(int)
    np.random.default_rng(0).shuffle(classes)
    rows = Rows(ag.zeros((60, 2)), ag.tensor(np.eye(3)[classes]))
    splitter = selection.StratifiedKFold(3, shuffle=True, random_state=0)
    found = positions_of(splitter, rows)
    for pair, expected in zip(found, splitter.split(classes, classes), strict=True):
        assert pair == tuple(part.tolist() for part in expected)
    for _, test in found:
        assert np.bincount(classes[test]).tolist() == [2, 9, 9]


def test_positions_are_whole_numbers_and_missing_groups_are_told_of():
    selection = pytest.importorskip("sklearn.model_selection")
    rows = Rows(ag.zeros((4, 2)), ag.tensor([0, 1, 0, 1]))
    assert positions_of([(np.array([0, 1]), np.array([2, 3], np.uint8))], rows) == [([0, 1], [2, 3])]
    for strange in (0.9, "1", None, np.float64(1.0)):
        with pytest.raises(nn.ArgumentError, match="positions"):
            positions_of([([0, strange], [2, 3])], rows)
    with pytest.raises(nn.ArgumentError, match=r"groups.*cv=\[\*cv.split"):
        positions_of(selection.GroupKFold(2), rows)
    with pytest.raises(nn.ArgumentError, match="n_splits=3"):
        positions_of(selection.StratifiedKFold(3), rows)
