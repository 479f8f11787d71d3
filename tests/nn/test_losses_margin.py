"""What the labels of the hinge losses mean: the whole target decides, in memory, in a trace, and in a direct call.

Also what all losses refuse, and what a mean divides by where nothing counts.
"""

from __future__ import annotations

import numpy as np
import pytest

import autograd as ag
import nn

X = np.array([[0.5], [-2.0], [0.25], [3.0]])


class Identity(nn.Model):
    """Predicts its input, so that the loss of a row is known."""

    def __init__(self):
        super().__init__("float64")

    def call(self, x):
        return x


def model_of(loss, **compiled):
    model = Identity()
    model.compile("sgd", loss, **compiled)
    return model


def hinge(t, p):
    return np.maximum(1 - t * p, 0)


KINDS = {
    "0 and 1": (np.array([0, 1, 1, 0]), np.array([-1, 1, 1, -1])),
    "-1 and 1": (np.array([-1.0, 1.0, 1.0, -1.0]), np.array([-1, 1, 1, -1])),
    "booleans": (np.array([False, True, True, False]), np.array([-1, 1, 1, -1])),
    "bytes": (np.array([0, 1, 1, 0], np.uint8), np.array([-1, 1, 1, -1])),
    "only 0": (np.zeros(4), -np.ones(4)),
    "only 1": (np.ones(4), np.ones(4)),
    # the first batch of two holds zeros and ones only, and still they are no labels
    "other numbers": (np.array([0.0, 1.0, -1.0, 0.5]), np.array([0.0, 1.0, -1.0, 0.5])),
    "other integers": (np.array([0, 1, -1, 0]), np.array([0, 1, -1, 0])),
}


@pytest.mark.parametrize("batch_size", [1, 2, 4])
@pytest.mark.parametrize(("labels", "signs"), KINDS.values(), ids=KINDS)
def test_the_whole_target_decides(labels, signs, batch_size):
    expected = hinge(signs, X[:, 0])
    loss = model_of("hinge").evaluate(X, labels, batch_size=batch_size)
    assert loss == pytest.approx(expected.mean(), rel=1e-14)
    squared = model_of("squared_hinge").evaluate(X, labels, batch_size=batch_size)
    assert squared == pytest.approx((expected**2).mean(), rel=1e-14)


@pytest.mark.parametrize(("labels", "signs"), KINDS.values(), ids=KINDS)
def test_a_direct_call_decides_from_what_it_is_given(labels, signs):
    expected = hinge(signs, X[:, 0])
    assert nn.Hinge()(labels, X).item() == pytest.approx(expected.mean(), rel=1e-14)
    np.testing.assert_allclose(nn.losses.hinge(labels, X).numpy(), expected, rtol=1e-14)


def test_metrics_see_the_labels_as_they_are():
    model = model_of("hinge", metrics=["accuracy", "hinge"])
    loss, accuracy, again = model.evaluate(X, np.array([1, 0, 0, 1]), batch_size=1)
    assert accuracy == 0.75
    assert again == loss


def test_as_a_metric_it_reads_the_labels_of_another_loss():
    labels, signs = KINDS["0 and 1"]
    _, value = model_of("mse", metrics=["hinge"]).evaluate(X, labels)
    assert value == pytest.approx(hinge(signs, X[:, 0]).mean(), rel=1e-14)


@pytest.mark.usefixtures("on_numpy")
def test_a_traced_step_reads_each_batch_as_eager_does():
    """The program looks at no value: one program, batches of either kind."""

    def trained(captured):
        nn.set_random_seed(0)
        model = nn.Sequential([nn.Dense(1, input_shape=(1,))], "float64")
        model.compile("sgd", "hinge")
        step = model.train_on_batch
        if captured:
            step = nn.capture_train_step(model, ag.tensor(X), ag.zeros((4, 1), "float64"))
        for labels in ([[0.0], [1.0], [1.0], [0.0]], [[-1.0], [1.0], [1.0], [-1.0]]):
            step(ag.tensor(X), ag.tensor(labels, "float64"))
        return [values.tolist() for values in model.state_dict().values()]

    assert trained(captured=True) == trained(captured=False)


def test_ignored_rows_leave_the_metric_too():
    """A mean over the rows that count, however they fall into batches; a weight counts as often as it says."""
    x = np.log(np.array([[0.5, 0.5], [0.9, 0.1], [0.25, 0.75]]))
    loss = nn.SparseCategoricalCrossentropy(from_logits=True, ignore_class=-1)
    model = model_of(loss, metrics=[loss])
    for batch_size in (1, 2, 3):
        _, value = model.evaluate(x, np.array([0, -1, 1]), batch_size=batch_size)
        assert value == pytest.approx(-(np.log(0.5) + np.log(0.75)) / 2, rel=1e-14)
    metric = nn.metrics.get(loss)
    metric.update([0, -1, 1], x, sample_weight=[3.0, 5.0, 1.0])
    assert metric.result() == pytest.approx(-(3 * np.log(0.5) + np.log(0.75)) / 4, rel=1e-14)


def test_a_label_out_of_range_is_named():
    loss = nn.SparseCategoricalCrossentropy(ignore_class=7)
    for labels, wrong in (([0, 2], 2), ([-1, 0], -1)):
        for call in (
            lambda y: loss(y, np.full((2, 2), 0.5)),
            lambda y: nn.losses.sparse_categorical_crossentropy(y, np.full((2, 2), 0.5)),
            lambda y: loss.check(ag.tensor(y), (None, 2)),
        ):
            with pytest.raises(nn.DataError, match=f"label {wrong} is out of range.*from 0 to 1"):
                call(labels)
    assert loss([7, 0], np.full((2, 2), 0.5)).item() == pytest.approx(np.log(2))


def test_an_ignored_row_may_predict_anything():
    """NaN in a row that does not count reaches neither the loss nor the gradient."""
    for from_logits in (False, True):
        loss = nn.SparseCategoricalCrossentropy(from_logits, ignore_class=9)
        p = ag.tensor([[np.nan, np.nan], [0.0, 0.0], [0.5, 0.5]], "float64", requires_grad=True)
        value = loss([9, 9, 1], p)
        value.backward()
        assert value.item() == pytest.approx(np.log(2), rel=1e-14)
        assert p.grad.tolist()[:2] == [[0.0, 0.0], [0.0, 0.0]]
        assert np.isfinite(p.grad.numpy()).all()


def test_a_mean_over_nothing_is_0():
    weighted = nn.MeanSquaredError("mean_with_sample_weight")
    assert weighted([[1.0]], [[3.0]], sample_weight=[0.0]).item() == 0
    for reduction in ("mean", "sum", "mean_with_sample_weight"):
        loss = nn.SparseCategoricalCrossentropy(ignore_class=0, reduction=reduction)
        assert loss([0], [[0.5, 0.5]], sample_weight=[2.0]).item() == 0


def test_numbers_without_a_last_axis_are_samples():
    """(n,) is (n, 1): weights and sums count each number, where Keras takes the n as one sample."""
    t, p, w = np.array([1.0, 2.0]), np.array([2.0, 5.0]), np.array([1.0, 3.0])
    for targets, predictions in ((t, p), (t[:, None], p), (t, p[:, None])):
        loss = nn.MeanSquaredError(reduction="sum")
        assert loss(targets, predictions, sample_weight=w).item() == 28
        assert loss(targets, predictions, sample_weight=w[:, None]).item() == 28
    assert nn.losses.mean_squared_error(t, p).item() == 5


def test_arguments_are_checked():
    with pytest.raises(nn.ArgumentError, match=r"Huber: delta is a number > 0, got -1"):
        nn.Huber(-1)
    with pytest.raises(ag.ShapeError, match="a loss over axis 3 needs more than 2 dimensions"):
        nn.CosineSimilarity(axis=3)([[1.0]], [[1.0]])
    with pytest.raises(nn.ArgumentError, match=r"unknown loss 'huberr'. Did you mean 'huber'\?"):
        nn.losses.get("huberr")
    with pytest.raises(nn.ArgumentError, match="expected a name or an object, got list"):
        nn.losses.get(["mse"])


def test_names_and_functions_stand_for_classes(tmp_path):
    """So a model compiled with a function of `nn.losses` has its target checked, and is saved."""
    for given, kind in (
        ("MSLE", nn.MeanSquaredLogarithmicError),
        ("KLDivergence", nn.KLDivergence),
    ):
        assert type(nn.losses.get(given)) is kind
    assert nn.Poisson(name="counts").name == "counts"
    model = nn.Sequential([nn.Dense(1, input_shape=(1,))])
    model.compile("sgd", nn.losses.huber)
    model.save(tmp_path / "model")
    assert isinstance(nn.load(tmp_path / "model").loss, nn.Huber)
    model.compile("sgd", nn.Huber(0.3, name="mine"))
    model.save(tmp_path / "model")
    loaded = nn.load(tmp_path / "model").loss
    assert (loaded.delta, loaded.name, loaded.reduction) == (0.3, "mine", "sum_over_batch_size")
