"""Adapters: each framework's right gradients are accepted, one wrong by a thousandth is rejected, to every order it has."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

from autograd.testing import GradientMismatch, adapters, check_grad, check_jvp, check_vjp

X = np.array([[0.3, -0.7, 1.2], [1.9, -1.4, 0.5]])
Y = np.array([0.8, -1.1, 2.0])
ROOT = Path(__file__).resolve().parent.parent.parent


def plain(factor=1.0):
    """sin(x) * y with broadcasting, and derivatives by hand."""

    def vjp(g, x, y):
        return factor * g * np.cos(x) * y, (g * np.sin(x)).sum(0)

    def jvp(tangents, x, y):
        dx, dy = (0.0 if t is None else t for t in tangents)
        return np.cos(x) * y * dx * factor + np.sin(x) * dy

    return adapters.numpy(lambda x, y: np.sin(x) * y, vjp=vjp, jvp=jvp, name="wave")


def pytorch(factor=1.0):
    torch = pytest.importorskip("torch")

    class Sine(torch.autograd.Function):
        """A sine with a slope of its own."""

        @staticmethod
        def forward(x):
            return torch.sin(x)

        @staticmethod
        def setup_context(ctx, inputs, output):
            ctx.save_for_backward(*inputs)
            ctx.save_for_forward(*inputs)

        @staticmethod
        def backward(ctx, g):
            (x,) = ctx.saved_tensors
            return g * torch.cos(x) * factor

        @staticmethod
        def jvp(ctx, t):
            (x,) = ctx.saved_tensors
            return t * torch.cos(x) * factor

    return adapters.torch(lambda x, y: Sine.apply(x) * y, name="wave")


def of_jax(factor=1.0):
    jax = pytest.importorskip("jax")

    @jax.custom_jvp
    def sine(x):
        return jax.numpy.sin(x)

    sine.defjvps(lambda t, y, x: t * jax.numpy.cos(x) * factor)
    return adapters.jax(lambda x, y: sine(x) * y, name="wave")


def of_mygrad(factor=1.0):
    mg = pytest.importorskip("mygrad")
    from mygrad.operation_base import Operation

    class Sine(Operation):
        """A sine with a slope of its own."""

        def __call__(self, x):
            self.variables = (x,)
            return np.sin(x.data)

        def backward_var(self, grad, index, **kwargs):
            return grad * np.cos(self.variables[0].data) * factor

    return adapters.mygrad(lambda x, y: mg.execute_op(Sine, x) * y, name="wave")


_HIPS = """
import autograd.numpy as np
from autograd.extend import defjvp, defvjp, primitive

@primitive
def sine(x):
    print("called")
    return np.sin(x)

defvjp(sine, lambda y, x: lambda g: g * np.cos(x) * {factor})
defjvp(sine, lambda g, y, x: g * np.cos(x) * {factor})

def wave(x, y):
    return sine(x) * y
"""


@pytest.fixture
def hips(hips_python):
    """Makes subjects, and closes them."""
    made = []

    def make(factor=1.0):
        source = _HIPS.format(factor=factor)
        made.append(adapters.hips(source, python=hips_python, function="wave"))
        return made[-1]

    yield make
    for subject in made:
        subject.close()


@pytest.fixture(
    params=[
        "numpy",
        pytest.param("torch", marks=pytest.mark.oracle),
        pytest.param("jax", marks=pytest.mark.oracle),
        pytest.param("mygrad", marks=pytest.mark.oracle),
        pytest.param("hips", marks=pytest.mark.oracle),
    ]
)
def framework(request):
    """A maker of sin(x) * y whose slope by x is too large by the factor given."""
    if request.param == "hips":
        return request.getfixturevalue("hips")
    return dict(numpy=plain, torch=pytorch, jax=of_jax, mygrad=of_mygrad)[request.param]


def test_right_gradients_are_accepted(framework):
    check_grad(framework(), X, Y)
    check_vjp(framework(), X, Y)


def test_an_error_of_a_thousandth_is_rejected(framework):
    with pytest.raises(GradientMismatch, match="wave"):
        check_grad(framework(1.001), X, Y)
    with pytest.raises(GradientMismatch, match="wave"):
        check_vjp(framework(1.001), X, Y)


def test_forward_mode_is_checked_where_there_is_one(framework):
    subject = framework()
    if subject.push([X, Y], {0: np.ones_like(X)}) is None:
        assert "mygrad" in subject.call_text()
        return
    check_jvp(subject, X, Y)
    with pytest.raises(GradientMismatch, match="wave"):
        check_jvp(framework(1.001), X, Y)


def test_second_derivatives_are_checked_where_there_are_some(framework):
    subject = framework()
    if subject.gradient([0], np.ones_like(X), [np.ones_like(X)]) is None:
        assert any(word in subject.call_text() for word in ("mygrad", "numpy"))
        return
    check_grad(subject, X, Y, order=2)


def test_values_and_derivatives_agree_with_numpy(framework):
    subject, reference = framework(), plain()
    rng = np.random.default_rng(0)
    weights, dx = rng.normal(size=X.shape), rng.normal(size=X.shape)
    np.testing.assert_allclose(subject.value([X, Y]), reference.value([X, Y]), rtol=1e-14)
    found, expected = (s.pull([X, Y], weights, [0, 1]) for s in (subject, reference))
    for mine, theirs in zip(found, expected, strict=True):
        assert mine.dtype == np.float64
        np.testing.assert_allclose(mine, theirs, rtol=1e-14)
    (by_y,) = subject.pull([X, Y], weights, [1])
    np.testing.assert_allclose(by_y, expected[1], rtol=1e-14)
    moved = subject.push([X, Y], {0: dx})
    if moved is not None:
        np.testing.assert_allclose(moved, reference.push([X, Y], {0: dx}), rtol=1e-14)
        both = subject.push([X, Y], {0: dx, 1: Y})
        np.testing.assert_allclose(both, reference.push([X, Y], {0: dx, 1: Y}), rtol=1e-14)


def test_a_gradient_of_a_gradient_agrees_with_calculus(framework):
    subject = framework()
    once = subject.gradient([0], np.ones_like(X), [np.ones_like(X)])
    if once is None:
        return
    np.testing.assert_allclose(once.value([X, Y]), (np.cos(X) * Y).sum(), rtol=1e-13)
    by_x, by_y = once.pull([X, Y], np.array(1.0), [0, 1])
    np.testing.assert_allclose(by_x, -np.sin(X) * Y, rtol=1e-13)
    np.testing.assert_allclose(by_y, np.cos(X).sum(0), rtol=1e-13)
    moved = once.push([X, Y], {0: np.ones_like(X)})
    np.testing.assert_allclose(moved, (-np.sin(X) * Y).sum(), rtol=1e-13)
    twice = once.gradient([0], np.array(1.0), [np.ones_like(X)])
    np.testing.assert_allclose(twice.pull([X, Y], np.array(1.0), [0])[0], -np.cos(X) * Y, rtol=1e-13)  # fmt: skip


def test_inputs_are_unharmed(framework):
    x, y, weights = X.copy(), Y.copy(), np.ones_like(X)
    for array in (x, y, weights):
        array.flags.writeable = False
    subject = framework()
    subject.value([x, y])
    subject.pull([x, y], weights, [0, 1])
    assert np.array_equal(x, X)


def test_an_unused_input_has_a_gradient_of_zeros():
    def vjp(g, x, y):
        return 2 * g * x, None

    subject = adapters.numpy(lambda x, y: x * x, vjp=vjp)
    check_grad(subject, X, Y)
    assert subject.pull([X, Y], X, [1])[0].tolist() == [0.0, 0.0, 0.0]


@pytest.mark.oracle
@pytest.mark.parametrize("framework", ["torch", "jax", "mygrad"])
def test_an_unused_input_of_a_framework_has_a_gradient_of_zeros(framework):
    pytest.importorskip(framework)
    subject = getattr(adapters, framework)(lambda x, y: x * x)
    check_grad(subject, X, Y)
    constant = getattr(adapters, framework)(lambda x, y: x)
    assert not constant.pull([X, Y], X, [1])[0].any()


@pytest.mark.oracle
@pytest.mark.parametrize("framework", ["torch", "jax", "mygrad"])
def test_integers_are_passed_on(framework):
    pytest.importorskip(framework)
    subject = getattr(adapters, framework)(lambda x, i: x[i])
    check_grad(subject, X, np.array([0, 1, 0]))


@pytest.mark.oracle
def test_jax_stays_at_32_bits_outside_of_the_checks():
    """As JAX is unless told otherwise; the tests beside Keras have told it in this process."""
    jax = pytest.importorskip("jax")
    with jax.enable_x64(False):
        check_grad(adapters.jax(jax.numpy.sin), X)
        assert jax.numpy.asarray(X).dtype == "float32"


def test_the_number_of_gradients_is_checked():
    subject = adapters.numpy(lambda x, y: x * y, vjp=lambda g, x, y: g * y, name="product")
    with pytest.raises(TypeError, match="product: vjp returned 1 gradients for 2 arrays; expected one each"):  # fmt: skip
        subject.pull([X, X], X, [0])


def test_names_for_reports():
    subject = plain()
    assert subject.name == "wave"
    assert [subject.input_name(i) for i in range(3)] == ["x", "y", "input 2"]
    assert subject.call_text() == "adapters.numpy(f, vjp=vjp, jvp=jvp)"
    first, *comments = subject.imports()
    assert first == "from autograd.testing import adapters"
    assert [line.split(",")[0] for line in comments] == ["# f: your function", "# vjp: your derivative", "# jvp: your derivative"]  # fmt: skip
    assert adapters.numpy(np.sin, vjp=np.cos).name == "sin"
    assert adapters.numpy(lambda *xs: xs[0], vjp=np.cos).input_name(0) == "input 0"


@pytest.mark.oracle
def test_a_script_that_repeats_a_failure_can_import_what_it_needs():
    torch = pytest.importorskip("torch")
    subject = adapters.torch(torch.nn.functional.silu)
    deeper = subject.gradient((0,), X, [X])
    for one in (subject, deeper):
        names = {}
        exec("\n".join(one.imports()), names)
        assert isinstance(eval(one.call_text(), names), adapters.TorchSubject)
    assert deeper.name == f"gradient of {subject.name}"
    assert deeper.input_name(0) == subject.input_name(0)


def test_frameworks_are_imported_when_asked_for():
    code = "import sys; from autograd.testing import adapters; print(*{'torch', 'jax', 'mygrad'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


@pytest.mark.oracle
def test_one_worker_answers_many_calls_and_its_prints_do_no_harm(hips):
    subject = hips()
    for _ in range(50):
        assert subject.value([X, Y]).shape == X.shape
    assert subject.version == "1.9.1" or os.environ.get("GRADLOOM_HIPS_PYTHON")
    assert [subject.input_name(i) for i in range(3)] == ["x", "y", "input 2"]


@pytest.mark.oracle
def test_a_failure_on_the_other_side_can_be_repeated_from_its_message(hips):
    with pytest.raises(GradientMismatch, match="with respect to x") as caught:
        check_grad(hips(1.001), X, Y)
    with pytest.raises(GradientMismatch, match="with respect to x"):
        exec(caught.value.reproducer, {})


@pytest.mark.oracle
def test_the_function_may_stand_in_a_file(hips_python, tmp_path):
    path = tmp_path / "mine.py"
    path.write_text("import autograd.numpy as np\n\n\ndef f(x):\n    return np.tanh(x)\n")
    for source in (path, str(path)):
        with adapters.hips(source, python=hips_python) as subject:
            check_grad(subject, X, order=2)


@pytest.mark.oracle
def test_errors_of_the_other_side_come_with_their_traceback(hips, hips_python):
    subject = hips()
    with pytest.raises(adapters.AdapterError, match=r"(?s)in wave.*ValueError: .*broadcast"):
        subject.value([X, np.ones(7)])
    assert subject.value([X, Y]).shape == X.shape  # and the worker lives on
    with pytest.raises(adapters.AdapterError, match="the source defines no function 'g'"):
        adapters.hips("def f(x):\n    return x\n", python=hips_python, function="g")
    with pytest.raises(adapters.AdapterError, match="SyntaxError"):
        adapters.hips("def f(x:\n", python=hips_python)


@pytest.mark.oracle
def test_a_closed_subject_says_so_and_leaves_no_process(hips, hips_python):
    subject = hips()
    process = subject._worker._process
    subject.close()
    assert process.poll() == 0
    with pytest.raises(adapters.AdapterError, match="the subject is closed"):
        subject.value([X, Y])
    subject.close()
    forgotten = adapters.hips("def f(x):\n    return x\n", python=hips_python)
    process = forgotten._worker._process
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        del forgotten
        gc.collect()
    assert process.poll() == 0


@pytest.mark.oracle
def test_a_worker_that_dies_is_reported_with_its_words(hips_python):
    source = (
        "import os, sys\ndef f(x):\n    sys.stderr.write('alas')\n    sys.stderr.flush()\n    os._exit(3)\n"
    )
    subject = adapters.hips(source, python=hips_python)
    with subject, pytest.raises(adapters.AdapterError, match=r"(?s)exit status 3.*alas"):
        subject.value([X])


def test_an_interpreter_without_hips_autograd_is_named():
    """Here, of course, `autograd` is this package, or nothing."""
    with pytest.raises(adapters.AdapterError) as caught:
        adapters.hips("def f(x):\n    return x\n", python=sys.executable)
    message = str(caught.value)
    assert f"no HIPS autograd in {sys.executable}" in message
    assert "an environment of its own: python -m pip install autograd" in message


def test_an_interpreter_that_does_not_exist():
    with pytest.raises(FileNotFoundError):
        adapters.hips("def f(x):\n    return x\n", python="/no/such/python")
