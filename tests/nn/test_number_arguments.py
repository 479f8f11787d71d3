"""Every number that a public class or method takes, by its signature: what is no number or makes no sense is refused at once.

The generator reads the annotations, so an argument that is added tomorrow is tried, too. What is meaningful although it
looks odd stands in the tables, with its reason. Hyperparameters of optimizers may be set later: then the same is refused,
and what is taken trains as an optimizer that was made with it.
"""

from __future__ import annotations

import inspect
import re
from types import SimpleNamespace

import numpy as np
import pytest
from models import Unchanged, rows

import autograd as ag
import nn
from nn.arguments import Range
from nn.optimizers.rate import Rate

X, Y = rows()
PLACES = (nn, nn.layers, nn.losses, nn.metrics, nn.optimizers, nn.optimizers.schedules, nn.initializers, nn.regularizers, nn.constraints, nn.callbacks)  # fmt: skip
GIVEN = dict(
    units=3, rate=0.1, stddev=0.1, filters=2, kernel_size=2, input_dim=5, output_dim=2, target_shape=(2,), classes=3,
    height_factor=0.1, width_factor=0.1, shape=(3,), initial_learning_rate=0.1, decay_steps=10, decay_rate=0.5,
    first_decay_steps=10, boundaries=[10], values=[0.1, 0.2], filepath="a", backup_dir="b", filename="c.csv",
    schedule=abs, name="m", activation="relu", learning_rate=0.1, data=[1.0], loss="mse", function=abs, hidden=(3,),
    pool_size=2, dims=(1,), n=2, scale=2.0,
    num_classes=3, target_class_ids=[0], specificity=0.5, sensitivity=0.5, recall=0.5, precision=0.5, fn=nn.losses.huber,
    axes=1, factor=0.1, height=2, width=2, num_tokens=3, num_bins=3, frame={"a": [1.0, 2.0]},
    trial=SimpleNamespace(report=print, should_prune=bool),
)  # fmt: skip
NO_NUMBER = {
    "NaN": float("nan"),
    "text": "1",
    "True": True,
    "huge": 10**400,
    "array": np.ones(3),
    "list": [1],
    "complex": 1j,
    "tensor": ag.ones(2),
    "NumPy's truth": np.bool_(True),
}
NEGATIVE = {
    "axis", "axes", "mean", "minval", "maxval", "value", "gain", "fill_value", "ignore_class", "baseline",
    "initial_value_threshold", "min_delta", "ELU.alpha", "GroupNormalization.groups", "BinaryAccuracy.threshold",
    "BinaryIoU.threshold", "learning_rate_power",
    "mask_token", "oov_token",
}  # fmt: skip
"""Axes count from the end, means and values may have any sign, logits are compared with negative thresholds."""
ALSO = {"Discretization": {"num_bins"}, "InputLayer": {"shape"}}
"""What is given although it has a default, since without it or its like there is nothing to make."""
INFINITE = {"baseline", "initial_value_threshold"}
"""The number to beat: infinity is none."""
POSITIVE = {
    "units", "filters", "groups", "pieces", "input_dim", "output_dim", "outputs", "k", "classes", "decay_steps",
    "first_decay_steps", "t_mul", "delta", "FBetaScore.beta", "scale", "save_freq", "update_freq", "initial_scale",
    "dynamic_growth_steps", "Lion.beta_1", "FBetaScore.threshold", "F1Score.threshold", "num_classes",
    "num_thresholds", "top_k", "q", "num_labels", "ema_overwrite_frequency", "loss_scale_factor",
    "gradient_accumulation_steps",
    "num_tokens", "num_bins", "max_tokens", "max_categories", "Discretization.epsilon",
}  # fmt: skip
TRUTH = {"verbose"}
"""Keras's scripts say verbose=True."""
CALLED = {"MLP.outputs": "outputs|units"}
"""Other words than the argument's name."""


def numbers():
    """(class, argument, the other arguments) of every number in a constructor."""
    found = {}
    for place in PLACES:
        for kind in vars(place).values():
            if inspect.isclass(kind) and kind.__module__.startswith("nn.") and kind.__name__[0].isupper():  # fmt: skip
                found[kind] = None
    for kind in found:
        if kind in (nn.Parameter, nn.callbacks.CallbackList, nn.callbacks.RemoteMonitor) or issubclass(kind, (tuple, Exception)) or getattr(kind, "_is_protocol", False):  # fmt: skip
            continue
        parameters = inspect.signature(kind).parameters.values()
        needed = {p.name for p in parameters if p.default is p.empty and p.kind is p.POSITIONAL_OR_KEYWORD}  # fmt: skip
        if kind.__module__ in ("nn.model", "nn.module"):
            continue
        needed |= ALSO.get(kind.__name__, set())
        assert needed <= set(GIVEN), (kind, needed - set(GIVEN))
        for parameter in parameters:
            words = str(parameter.annotation)
            if re.search(r"\b(int|float)\b", words) and not re.search("tuple|Sequence|Any|Callable", words):  # fmt: skip
                yield pytest.param(kind, parameter, {n: GIVEN[n] for n in needed}, id=f"{kind.__name__}.{parameter.name}")  # fmt: skip


def refusal(action):
    """What the error says; "taken" where there is none."""
    try:
        action()
    except nn.ArgumentError as error:
        return str(error)
    return "taken"


def listed(table, kind, name):
    return name in table or any(f"{base.__name__}.{name}" in table for base in kind.__mro__)


@pytest.mark.parametrize(("kind", "parameter", "others"), list(numbers()))
def test_a_constructor_refuses_what_is_no_number(kind, parameter, others):
    name = parameter.name
    kind(**others)
    refused = dict(NO_NUMBER)
    if not listed(INFINITE, kind, name):
        refused |= {"infinity": float("inf"), "minus infinity": float("-inf")}
    if not listed(NEGATIVE, kind, name):
        refused |= {"-1": -1}
    if listed(POSITIVE, kind, name):
        refused |= {"0": 0}
    if listed(TRUTH, kind, name):
        del refused["True"]
    if "None" not in str(parameter.annotation):
        refused |= {"None": None}
    for what, value in refused.items():
        words = CALLED.get(f"{kind.__name__}.{name}", name)
        assert re.search(words, refusal(lambda value=value: kind(**(others | {name: value})))), what


@pytest.mark.parametrize(("kind", "parameter", "others"), list(numbers()))
def test_a_constructor_keeps_numbers_of_numpy_as_pythons(kind, parameter, others):
    name = parameter.name
    plain = next(
        v
        for v in (
            others.get(name),
            parameter.default,
            0.5 if "float" in parameter.annotation else 2,
        )
        if isinstance(v, (int, float))
    )
    for scalar in (np.float32, np.float64) if isinstance(plain, float) else (np.int64, np.uint8):
        if isinstance(plain, int) and not 0 <= plain < 256 and scalar is np.uint8:
            continue
        kept = getattr(kind(**(others | {name: scalar(plain)})), name, plain)
        assert type(kept) in (int, float, Rate), kept
        assert kept == pytest.approx(plain, rel=1e-6)


METHODS = {
    nn.Model.fit: dict(x=X, y=Y, verbose=0),
    nn.Model.evaluate: dict(x=X, y=Y, verbose=0),
    nn.Model.predict: dict(x=X, verbose=0),
    nn.learning_rate_range_test: dict(x=X, y=Y),
}
CALLS = [
    pytest.param(method, parameter, others, id=f"{method.__name__}.{parameter.name}")
    for method, others in METHODS.items()
    for parameter in inspect.signature(method).parameters.values()
    if re.search(r"^(int|float)\b", str(parameter.annotation))
]


@pytest.mark.parametrize(("method", "parameter", "others"), CALLS)
def test_a_call_refuses_what_is_no_number(trained, method, parameter, others):
    refused = {**NO_NUMBER, "infinity": float("inf"), "-1": -1}
    if parameter.name not in ("epochs", "initial_epoch", "validation_split", "smoothing"):
        refused |= {"0": 0}
    if parameter.annotation == "int":
        refused |= {"1.5": 1.5}
    for what, value in refused.items():
        with Unchanged(trained):
            said = refusal(lambda value=value: method(trained, **(others | {parameter.name: value})))
        assert parameter.name in said, what


FUNCTIONS = [
    pytest.param(function, parameter, id=f"{name}.{parameter.name}")
    for name, function in vars(nn.losses).items()
    if hasattr(function, "loss")
    for parameter in inspect.signature(function).parameters.values()
    if re.match(r"(int|float)\b", str(parameter.annotation))
    and name[:6] != "sparse"
    and "Sequence" not in str(parameter.annotation)
]


@pytest.mark.parametrize(("function", "parameter"), FUNCTIONS)
def test_a_loss_function_refuses_what_is_no_number(function, parameter):
    for what, value in {**NO_NUMBER, "infinity": float("inf")}.items():
        said = refusal(lambda value=value: function(Y, Y, **{parameter.name: value}))
        assert parameter.name in said, what


@pytest.mark.parametrize("value", [3, "yes", None, np.ones(2), float("nan"), [True]])
def test_shuffle_is_a_truth_value(trained, value):
    with Unchanged(trained), pytest.raises(nn.ArgumentError, match="fit: shuffle is True or False"):
        trained.fit(X, Y, shuffle=value)
    for fine in (np.bool_(False), 0):
        trained.fit(X, Y, shuffle=fine, verbose=0)


class Broken(nn.optimizers.schedules.LearningRateSchedule):
    """A schedule of the user's."""

    def __init__(self, rates):
        self.rates = rates

    def rate(self, step):
        return self.rates(step)


RATES = {
    "NaN": lambda step: step * float("nan"),
    "infinite": lambda step: step + float("inf"),
    "negative": lambda step: step - 1.0,
    "text": lambda step: "0.1",
    "None": lambda step: None,
}


@pytest.mark.parametrize("rates", RATES.values(), ids=RATES)
def test_a_schedule_that_gives_no_rate_is_refused_before_the_first_step(rates):
    model = nn.Sequential([nn.Dense(1, input_shape=(3,)), nn.BatchNormalization()])
    model.compile(nn.Adam(Broken(rates)), "mse")
    for call in (lambda: model.fit(X, Y, verbose=0), lambda: model.train_on_batch(X, Y)):
        with Unchanged(model), pytest.raises(nn.ArgumentError, match=r"Broken: .*(rate|number)"):
            call()


def test_a_schedule_is_looked_at_again_at_each_epoch():
    model = nn.Sequential([nn.Dense(1, input_shape=(3,))])
    model.compile(nn.SGD(Broken(lambda step: ag.where(step < 2.0, 0.1, -1.0))), "mse")
    with pytest.raises(nn.ArgumentError, match="the learning rate of update 2 is a number >= 0"):
        model.fit(X, Y, epochs=4, batch_size=12, verbose=0)
    assert model.optimizer.iterations.item() == 2


def test_a_schedule_may_give_pythons_number():
    model = nn.Sequential([nn.Dense(1, input_shape=(3,))])
    model.compile(nn.SGD(Broken(lambda step: 0.25)), "mse")
    model.fit(X, Y, verbose=0)
    assert model.optimizer.current_rate().item() == 0.25


# another value of each hyperparameter than its default
OTHER = dict(
    learning_rate=0.25, momentum=0.5, nesterov=True, weight_decay=0.1, clipnorm=0.01, clipvalue=0.01, global_clipnorm=0.01,
    beta_1=0.5, beta_2=0.6, epsilon=0.1, amsgrad=True, rho=0.5, centered=True, initial_accumulator_value=0.5,
    learning_rate_power=-0.3, l1_regularization_strength=0.01, l2_regularization_strength=0.1,
    l2_shrinkage_regularization_strength=0.1, beta=0.3,
)  # fmt: skip
# what every optimizer has from its base, and does in the same way
BASE = dict(
    use_ema=True,
    ema_momentum=0.5,
    ema_overwrite_frequency=2,
    loss_scale_factor=4.0,
    gradient_accumulation_steps=2,
)
OTHER |= BASE
KINDS = list(nn.optimizers.OPTIMIZERS.values())
SETTINGS = [
    pytest.param(kind, name, id=f"{kind.__name__}.{name}")
    for kind in KINDS
    for name in inspect.signature(kind).parameters
    if name != "name" and (name not in BASE or kind in (nn.SGD, nn.Nadam))
]


def trained_with(optimizer, jit, at_once=True, then=lambda optimizer: None, epochs=2):
    ag.random.seed(1)
    model = nn.Sequential([nn.Dense(4, "tanh", input_shape=(3,)), nn.Dense(1)])
    model.compile(optimizer, "mse", jit=jit)
    weights = model.get_weights()
    if not at_once:
        optimizer.build(model.parameters())
        if jit:
            model.kept_steps(ag.tensor(X), True)
    then(optimizer)
    model.fit(X, Y, epochs=epochs, batch_size=4, shuffle=False, verbose=0)
    assert not all(np.array_equal(a, b) for a, b in zip(weights, model.get_weights(), strict=True))
    return b"".join(array.tobytes() for array in model.get_weights())


@pytest.mark.parametrize("jit", [False, True])
@pytest.mark.parametrize(("kind", "name"), SETTINGS)
def test_a_hyperparameter_set_when_the_slots_are_there(kind, name, jit):
    """The same bits as from an optimizer that was made with it; nothing is frozen in what was compiled."""
    made = trained_with(kind(**{name: OTHER[name]}), jit)
    later = trained_with(kind(), jit, at_once=False, then=lambda o: setattr(o, name, OTHER[name]))
    if name == "initial_accumulator_value":
        # slots that are there stay as they are
        assert later == trained_with(kind(), jit)
    else:
        assert later == made
    same = (
        "nesterov",
        "initial_accumulator_value",
        "ema_momentum",
        "ema_overwrite_frequency",
        "loss_scale_factor",
    )
    if kind is nn.Lion:  # the sign of a gradient has no length
        same = (*same, "clipnorm", "global_clipnorm", "clipvalue")
    assert name in same or made != trained_with(kind(), jit)


@pytest.mark.parametrize(("kind", "name"), SETTINGS)
def test_a_hyperparameter_set_between_two_steps(kind, name):
    """Compiled, and changed by a callback in the middle of a run: as eager does it."""

    def change(model):
        return nn.LambdaCallback(on_epoch_begin=lambda epoch, logs: epoch == 1 and setattr(model.optimizer, name, OTHER[name]))  # fmt: skip

    def run(jit):
        ag.random.seed(1)
        model = nn.Sequential([nn.Dense(4, "tanh", input_shape=(3,)), nn.Dense(1)])
        model.compile(kind(), "mse", jit=jit)
        model.fit(X, Y, epochs=3, batch_size=4, callbacks=change(model), shuffle=False, verbose=0)
        return model

    eager, compiled = run(False), run(True)
    assert eager.optimizer.state().keys() == compiled.optimizer.state().keys()
    for a, b in zip(eager.get_weights(), compiled.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


def _numbers_of(kind):
    return {name for name, check in kind.checks.items() if isinstance(check, Range)}


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_a_hyperparameter_set_later_is_checked(kind):
    optimizer = kind()
    for name in _numbers_of(kind) | {"learning_rate"}:
        for value in (float("nan"), -1, "1", True, np.ones(2)):
            if name == "learning_rate_power" and isinstance(value, int) and value == -1:
                continue
            before = getattr(optimizer, name)
            with pytest.raises(nn.ArgumentError, match=name):
                setattr(optimizer, name, value)
            assert getattr(optimizer, name) == before
    optimizer.clipnorm = 1.0
    with pytest.raises(nn.ArgumentError, match="at most one of clipnorm, clipvalue, global_clipnorm; got clipnorm and clipvalue"):  # fmt: skip
        optimizer.clipvalue = 1.0
    optimizer.clipnorm = None
    optimizer.clipvalue = 1.0


def test_slots_that_are_not_needed_any_more_are_let_go():
    optimizer, w = nn.SGD(0.5, momentum=0.5), nn.Parameter([1.0])
    optimizer.apply([ag.tensor([1.0])], [w])
    optimizer.momentum = 0
    optimizer.apply([ag.tensor([1.0])], [w])
    assert list(optimizer.state()) == ["iterations", "learning_rate"]
    optimizer.momentum = 0.5
    optimizer.apply([ag.tensor([1.0])], [w])
    assert w.tolist() == [-0.5]


@pytest.mark.parametrize("verbose", ["loud", 3, -1, None, 0.5, float("nan"), np.ones(2), [1]])
@pytest.mark.parametrize("method", ["fit", "evaluate", "predict"])
def test_verbose(trained, method, verbose):
    others = (X,) if method == "predict" else (X, Y)
    with (
        Unchanged(trained),
        pytest.raises(nn.ArgumentError, match=r'verbose is "auto", 0 \(silent'),
    ):
        getattr(trained, method)(*others, verbose=verbose)
