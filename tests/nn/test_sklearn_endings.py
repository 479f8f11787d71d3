"""What the outputs of a classifier's model are: told by what makes them, and refused before training."""

from __future__ import annotations

import numpy as np
import pytest

import autograd as ag
import nn

pytestmark = pytest.mark.once
pytest.importorskip("sklearn")

from nn.sklearn import Classifier, KerasClassifier  # noqa: E402

RNG = np.random.default_rng(0)
X = RNG.standard_normal((90, 4)).astype("float32")
Y = np.digitize(X[:, 0], [-0.4, 0.4])
TWO = (X[:, 0] > 0).astype(int)


class Twisted(nn.Model):
    """Its last attribute does not make its output."""

    def __init__(self, softmax):
        super().__init__()
        self.softmax = softmax
        self.last = nn.Dense(3)
        self.first = nn.Dense(8)

    def call(self, x):
        outputs = self.last(self.first(x))
        return ag.softmax(outputs) if self.softmax else outputs


def by_operation(n_outputs):
    x = nn.Input((4,))
    return nn.Model(x, ag.softmax(nn.Dense(n_outputs)(x)))


def by_shared_softmax(n_outputs):
    x, softmax = nn.Input((4,)), nn.Activation("softmax")
    gate = softmax(nn.Dense(4)(x))
    return nn.Model(x, softmax(nn.Dense(n_outputs)(gate * x)))


def logits(n_outputs):
    x = nn.Input((4,))
    return nn.Model(x, nn.Sequential([nn.Dense(n_outputs)])(x))


def test_a_softmax_is_applied_once_wherever_it_stands():
    for kind, options in ((Classifier, {"max_iter": 300, "tol": None}), (KerasClassifier, {"epochs": 300})):
        for build in (by_operation, by_shared_softmax, logits, lambda n_outputs: Twisted(True)):
            name = "n_outputs" if kind is Classifier else "model__n_outputs"
            extra = {"build_args": {"n_outputs": 3}} if kind is Classifier else {name: 3, "optimizer": "adam"}
            word = "build" if kind is Classifier else "model"
            rate = {"learning_rate_init": 0.05} if kind is Classifier else {"optimizer__learning_rate": 0.05}
            model = kind(**{word: build}, **extra, **rate, **options, random_state=0, verbose=0).fit(X, Y)
            assert model.model_.loss.from_logits == (build is logits)
            # a softmax of a softmax stays below e / (e + 2)
            assert model.predict_proba(X).max() > 0.9


def test_outputs_that_are_no_probabilities_are_refused_before_training():
    epochs = []
    told = [nn.LambdaCallback(on_epoch_end=lambda epoch, logs: epochs.append(epoch))]
    for model in (
        Classifier(build=lambda: Twisted(False), callbacks=told),
        Classifier(
            build=lambda: nn.Sequential([nn.Dense(3)]), loss="categorical_crossentropy", callbacks=told
        ),
        KerasClassifier(lambda: Twisted(False), callbacks=told, verbose=0),
        KerasClassifier(lambda: nn.Sequential([nn.Dense(3)]), loss="categorical_crossentropy", verbose=0),
    ):
        with pytest.raises(nn.ArgumentError, match="gives no probabilities"):
            model.fit(X, Y)
    assert epochs == []
    loss = nn.losses.SparseCategoricalCrossentropy(from_logits=True)
    assert Classifier(build=lambda: Twisted(False), loss=loss, max_iter=2, tol=None).fit(X, Y).score(X, Y) > 0


def test_two_logits_for_two_classes_are_trained_as_they_are_read():
    y = np.where(RNG.random(90) < 0.8, 1, 0)  # whatever x is, 0.8 is the best that can be said
    constant = np.zeros((90, 1))
    own = Classifier(
        build=lambda: nn.Sequential([nn.Dense(2)]),
        learning_rate_init=0.05,
        max_iter=400,
        tol=None,
        random_state=0,
    ).fit(constant, y)
    assert own.predict_proba(constant)[0, 1] == pytest.approx(y.mean(), abs=0.01)
    loss = nn.losses.BinaryCrossentropy(from_logits=True)
    for model in (
        Classifier(build=lambda: nn.Sequential([nn.Dense(2)]), loss=loss),
        KerasClassifier(lambda: nn.Sequential([nn.Dense(2)]), loss=loss, verbose=0),
    ):
        with pytest.raises(nn.ArgumentError, match="one sigmoid each"):
            model.fit(X, TWO)
