"""StringLookup, IntegerLookup and Hashing: numbers from Keras's documents and by hand, in a model, saved, refused."""

from __future__ import annotations

import io
import re
import subprocess
import sys
from collections import Counter

import numpy as np
import pytest

import autograd as ag
import nn
from nn.hashing import farmhash, siphash

WORDS = ["a", "b", "c", "d"]
TEXTS = [["a", "c", "d", "d"], ["d", "z", "b", "z"]]
NUMBERS = [12, 36, 1138, 42]
DATA = [[12, 1138, 42, 42], [42, 7, 36, 7]]
IDF = [0.25, 0.75, 0.6, 0.4]
MIXED = [0.4, 0.25, 0.75, 0.6, 0.4]

MODES = {
    "int": [[1, 3, 4, 4], [4, 0, 2, 0]],
    "multi_hot": [[0, 1, 0, 1, 1], [1, 0, 1, 0, 1]],
    "count": [[0, 1, 0, 1, 2], [2, 0, 1, 0, 1]],
    "one_hot": np.eye(5)[[[1, 3, 4, 4], [4, 0, 2, 0]]].tolist(),
    "tf_idf": [[0, 0.25, 0, 0.6, 0.8], [1.0, 0, 0.75, 0, 0.4]],
}
"""From the documents of Keras's layers."""


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("text", [True, False], ids=["texts", "numbers"])
def test_the_modes(mode, text):
    options = {"vocabulary": WORDS if text else NUMBERS, "output_mode": mode}
    if mode == "tf_idf":
        options["idf_weights"] = IDF
    layer = (nn.StringLookup if text else nn.IntegerLookup)(**options)
    found = layer(TEXTS if text else DATA)
    assert found.dtype == ("int64" if mode == "int" else "float32")
    np.testing.assert_allclose(found.numpy(), MODES[mode], rtol=1e-6)
    assert layer.vocabulary_size() == 5
    assert layer.get_vocabulary() == ["[UNK]" if text else -1, *options["vocabulary"]]
    assert layer.get_vocabulary(False) == options["vocabulary"]
    again = type(layer).from_config(layer.get_config())
    assert again.get_config() == layer.get_config()
    assert again(TEXTS if text else DATA).tolist() == found.tolist()
    if mode == "tf_idf":
        whole = type(layer)(vocabulary=layer.get_vocabulary(), idf_weights=[0.9, *IDF], output_mode=mode)
        assert whole(TEXTS if text else DATA).numpy()[1, 0] == np.float32(1.8)
    else:
        padded = type(layer)(**options, max_tokens=9, pad_to_max_tokens=True)
        expected = np.asarray(MODES[mode])
        if mode != "int":
            expected = np.concatenate([expected, np.zeros((*expected.shape[:-1], 4))], -1)
        assert padded(TEXTS if text else DATA).tolist() == expected.tolist()


@pytest.mark.parametrize("text", [True, False], ids=["texts", "numbers"])
def test_masks_and_several_indices_for_the_others(text):
    """12 before the vocabulary: of 0 to 3 the mask, then three that hash or remainder choose."""
    if text:
        layer = nn.StringLookup(vocabulary=WORDS, mask_token="", num_oov_indices=2)
        assert layer([["a", "", "d"]]).tolist() == [[3, 0, 6]]
        others = [f"word {i}" for i in range(20)]
        assert layer(others).tolist() == [1 + farmhash(word.encode()) % 2 for word in others]
        salted = nn.StringLookup(vocabulary=WORDS, num_oov_indices=2, salt=133)
        assert salted(others).tolist() == [siphash(word.encode(), (133, 133)) % 2 for word in others]
        counted = nn.StringLookup(vocabulary=WORDS, mask_token="", output_mode="count")
        assert counted([["", "a", ""]]).tolist() == [[0, 1, 0, 0, 0]]
        return
    layer = nn.IntegerLookup(vocabulary=NUMBERS, mask_token=0, num_oov_indices=2)
    assert layer([[12, 0, 37, 1000, -3, 42]]).tolist() == [[3, 0, 2, 1, 2, 6]]
    counted = nn.IntegerLookup(vocabulary=NUMBERS, mask_token=0, output_mode="count")
    assert counted([[0, 12, 0]]).tolist() == [[0, 1, 0, 0, 0]]


def test_back_to_words_and_numbers():
    layer = nn.StringLookup(vocabulary=WORDS, invert=True, mask_token="-")
    assert layer([[0, 1, 2], [5, 9, -1]]).tolist() == [["-", "[UNK]", "a"], ["d", "[UNK]", "[UNK]"]]
    assert layer(ag.tensor([2])).tolist() == ["a"]
    numbers = nn.IntegerLookup(vocabulary=NUMBERS, invert=True)
    assert numbers([[1, 3, 4], [0, 9, -2]]).tolist() == [[12, 1138, 42], [-1, -1, -1]]


def test_learnt_most_frequent_first_ties_by_the_alphabet_backwards():
    data = ["b", "a", "c", "c", "a", "d", "[UNK]", "", ""]
    layer = nn.StringLookup(mask_token="")
    layer.adapt(np.array(data))
    assert layer.get_vocabulary() == ["", "[UNK]", "c", "a", "d", "b"]
    small = nn.StringLookup(max_tokens=4, mask_token="")
    small.adapt(iter([["b", "a"], ["c", "c", "a"]]))
    assert small.get_vocabulary() == ["", "[UNK]", "c", "a"]
    some = nn.StringLookup()
    some.adapt(iter([["b"], ["a"], ["c"]]), steps=2)
    assert some.get_vocabulary() == ["[UNK]", "b", "a"]
    numbers = nn.IntegerLookup()
    numbers.adapt(np.array([[7, 7], [3, 9]]))
    assert numbers.get_vocabulary() == [-1, 7, 9, 3]


def test_document_frequencies():
    documents = [["a", "b", "a"], ["a", "c", "c"], ["b", "c", "c"], ["c", "c", "c"]]
    layer = nn.StringLookup(output_mode="tf_idf")
    layer.adapt(documents)
    assert layer.get_vocabulary() == ["[UNK]", "c", "a", "b"]
    known = [np.log(1 + 4 / (1 + n)) for n in (3, 2, 2)]
    expected = [np.mean(known), *known]
    np.testing.assert_allclose(
        layer([["a", "z", "c"]]).numpy(), [[expected[0], expected[1], expected[2], 0]], rtol=1e-6
    )
    # batches are rows of documents, too
    parts = nn.StringLookup(output_mode="tf_idf")
    parts.adapt(iter([np.array(documents[:1]), np.array(documents[1:])]))
    assert parts.idf_weights == layer.idf_weights


def test_a_vocabulary_in_a_file(tmp_path):
    path = tmp_path / "words.txt"
    path.write_text("ä\nb c\n\n", encoding="utf-8")
    layer = nn.StringLookup(vocabulary=str(path))
    assert layer(["b c", "ä"]).tolist() == [2, 1]
    with pytest.raises(nn.ArgumentError, match="the vocabulary of a configuration is a list, got a path"):
        nn.StringLookup.from_config({"vocabulary": str(path)})
    numbers = tmp_path / "numbers.txt"
    numbers.write_text("5\n-7\n")
    assert nn.IntegerLookup(vocabulary=str(numbers))([-7, 5, 1]).tolist() == [2, 1, 0]


def kinds_of_columns():
    yield "nested lists", [["a"], ["zz"]]
    yield "an array", np.array([["a"], ["zz"]])
    yield "objects", np.array([["a"], ["zz"]], object)
    yield "bytes", np.array([[b"a"], [b"zz"]])
    pandas = pytest.importorskip("pandas")
    yield "a frame", pandas.DataFrame({"x": ["a", "zz"]})
    yield "categories", pandas.Series(["a", "zz"], dtype="category").to_frame()
    yield "of polars", pytest.importorskip("polars").DataFrame({"x": ["a", "zz"]})


def test_every_kind_of_column():
    layer = nn.StringLookup(vocabulary=WORDS)
    for kind, x in kinds_of_columns():
        assert layer(x).tolist() == [[1], [0]], kind


def farm_model(layer):
    nn.set_random_seed(4)
    model = nn.Sequential([layer, nn.Embedding(8, 3), nn.Flatten(), nn.Dense(1, "sigmoid")])
    model.compile(nn.Adam(0.05), "binary_crossentropy", metrics=["accuracy"])
    return model


X = np.array([*WORDS, "z", "y"] * 10)[:, None]
Y = np.array([1, 0, 1, 0, 1, 1] * 10).astype(float)
RAW = {
    "StringLookup": (lambda: nn.StringLookup(vocabulary=WORDS, num_oov_indices=2), X),
    "Hashing": (lambda: nn.Hashing(8), X),
    "Hashing of numbers": (lambda: nn.Hashing(8, salt=(1, 2)), np.arange(60)[:, None] % 6 * 1000),
    "IntegerLookup": (
        lambda: nn.IntegerLookup(vocabulary=[0, 1000, 2000]),
        np.arange(60)[:, None] % 6 * 1000,
    ),
}


@pytest.mark.parametrize(("make", "x"), RAW.values(), ids=RAW)
def test_in_a_model(tmp_path, make, x):
    """Every way in gives the same; what is trained eagerly is what is trained compiled; the file holds it all."""
    results = []
    for jit in (False, True):
        model = farm_model(make())
        model.compile(nn.Adam(0.05), "binary_crossentropy", metrics=["accuracy"], jit=jit)
        model.fit(x, Y, epochs=12, verbose=0, validation_data=(x, Y))
        results.append(model.predict(x))
    np.testing.assert_allclose(*results, rtol=1e-4, atol=1e-5)
    loss, accuracy = model.evaluate(x, Y)
    batches = [(x[i : i + 20], Y[i : i + 20]) for i in (0, 20, 40)]
    np.testing.assert_allclose(model.evaluate(iter(batches)), [loss, accuracy], rtol=1e-5)
    np.testing.assert_allclose(model.predict(iter([x[:20], x[20:]])), results[1], rtol=1e-5)
    np.testing.assert_allclose(model(x[:7] if make()(x[:1]).ndim else x).numpy(), results[1][:7], rtol=1e-5)
    assert model.predict(x[:1]).shape == (1, 1)
    model.fit(iter(batches), verbose=0, steps_per_epoch=3)
    model.train_on_batch(x[:20], Y[:20])
    model.save(tmp_path / "model")
    np.save(tmp_path / "x.npy", x)
    code = (
        f"import backends; backends.set_default({ag.zeros(()).backend!r});"
        "import sys, numpy as np, nn; folder = sys.argv[1];"
        "print(nn.load(folder + '/model').predict(np.load(folder + '/x.npy')).tobytes().hex())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == model.predict(x).tobytes().hex()


def test_the_rate_test_and_own_loops_take_texts():
    model = farm_model(nn.StringLookup(vocabulary=WORDS))
    found = nn.learning_rate_range_test(model, X, Y, steps=12, batch_size=8)
    assert len(found.losses) > 3
    inner = nn.Sequential(
        [nn.Sequential([nn.StringLookup(vocabulary=WORDS), nn.Embedding(5, 2)]), nn.Flatten()]
    )
    assert inner.predict(X[:3]).shape == (3, 2)
    frozen = nn.StringLookup(vocabulary=WORDS)
    assert nn.Sequential([frozen]).predict([["b"], ["zz"]]).tolist() == [[2], [0]]


def test_hashes():
    """Those of BigQuery's documents, of Keras's, and of Google's library for the bytes 0, 1, 2 ... to each length."""
    known = {
        b"1footrue": -1541654101129638711,
        b"3true": -4880158226897771312,
        b"2applefalse": 2794438866806483259,
    }
    for text, fingerprint in known.items():
        assert farmhash(text) == fingerprint % 2**64
    lengths = {
        0: 11160318154034397263, 3: 10709908609026466970, 7: 11736591675260184225, 16: 1080060857502750420,
        20: 10220892904819695849, 32: 1917831512995979081, 33: 16750416167695635022, 64: 17691551913807367243,
        65: 14313328211205373374, 100: 4395248839964844437, 128: 2037963038260878803, 129: 14883169112474847294,
        200: 525935771297148851,
    }  # fmt: skip
    for length, fingerprint in lengths.items():
        assert farmhash(bytes(range(length))) == fingerprint
    x = [["A"], ["B"], ["C"], ["D"], ["E"]]
    for salt, bins in ((None, [1, 0, 1, 1, 2]), ([133, 137], [1, 2, 1, 0, 2]), (133, [0, 0, 2, 1, 0])):
        assert nn.Hashing(3, salt=salt)(x).tolist() == [[b] for b in bins]
    # documents of IntegerLookup: numbers are hashed as their digits
    assert nn.Hashing(4)([100, 300, 700, 1100, 1700, 2000]).tolist() == [3, 3, 2, 2, 0, 1]
    assert nn.Hashing(4)(np.array([100.0, 300.0])).tolist() == [3, 3]
    # documents of Hashing with a mask
    assert nn.Hashing(3, mask_value="")([["A"], ["B"], [""], ["C"], ["D"]]).tolist() == [
        [1],
        [1],
        [0],
        [2],
        [2],
    ]
    counted = nn.Hashing(3, output_mode="count")([["A", "C", "E"], ["B", "B", "B"]])
    assert counted.tolist() == [[0, 2, 1], [3, 0, 0]]
    spread = Counter(nn.Hashing(4)([f"word {i}" for i in range(400)]).tolist())
    assert min(spread.values()) > 60


def opened(layer, *calls):
    for call in calls:
        call(layer)
    return layer


WRONG = {
    "no vocabulary": (lambda: nn.StringLookup()(["a"]), "StringLookup: has no vocabulary yet; call adapt(data) first"),
    "no numbers": (lambda: nn.IntegerLookup()([1]), "IntegerLookup: has no vocabulary yet"),
    "a tensor": (lambda: nn.StringLookup(vocabulary=WORDS)(ag.tensor([1.0])), "takes arrays, lists and columns, got a tensor"),
    "a tensor hashed": (lambda: nn.Hashing(3)(ag.tensor([1])), "make it the first layer of an nn.Sequential, or call it before"),
    "numbers": (lambda: nn.StringLookup(vocabulary=WORDS)([["a"], [3]]), "StringLookup: row 1 holds 3, which is no text"),
    "None": (lambda: nn.StringLookup(vocabulary=WORDS)(["a", None]), "row 1 holds None, which is no text; fill what is missing"),
    "NaN": (lambda: nn.StringLookup(vocabulary=WORDS)(np.array(["a", np.nan], object)), "fill what is missing with a word of its own"),
    "unknown": (lambda: nn.StringLookup(vocabulary=WORDS, num_oov_indices=0)(["x"]), "'x' is not in the vocabulary, and num_oov_indices is 0"),
    "unknown number": (lambda: nn.IntegerLookup(vocabulary=[1], num_oov_indices=0)([2]), "some numbers are not in the vocabulary"),
    "twice": (lambda: nn.StringLookup(vocabulary=["a", "a"]), "twice in the vocabulary: 'a'"),
    "empty": (lambda: nn.StringLookup(vocabulary=[]), "an empty vocabulary"),
    "too many": (lambda: nn.StringLookup(4, vocabulary=WORDS), "5 entries with those before the vocabulary are more than max_tokens, 4"),
    "mask inside": (lambda: nn.StringLookup(mask_token="b", vocabulary=WORDS), "the mask_token 'b' stands inside the vocabulary"),
    "unknown inside": (lambda: nn.StringLookup(invert=True, vocabulary=["a", "[UNK]"]), "the oov_token '[UNK]' stands inside"),
    "max_tokens": (lambda: nn.StringLookup(1), "max_tokens is an integer >= 2, got 1"),
    "padding": (lambda: nn.StringLookup(pad_to_max_tokens=True), "pad_to_max_tokens needs max_tokens"),
    "invert": (lambda: nn.StringLookup(invert=True, output_mode="count"), "the output_mode of invert is 'int'"),
    "mode": (lambda: nn.StringLookup(output_mode="binary"), "output_mode is one of 'int', 'one_hot', 'multi_hot', 'count', 'tf_idf'"),
    "idf": (lambda: nn.StringLookup(vocabulary=WORDS, idf_weights=IDF), "idf_weights are for the output_mode 'tf_idf'"),
    "no idf": (lambda: nn.StringLookup(vocabulary=WORDS, output_mode="tf_idf"), "idf_weights are given with a vocabulary in the output_mode 'tf_idf'"),
    "idf length": (lambda: nn.StringLookup(vocabulary=WORDS, output_mode="tf_idf", idf_weights=[1.0]), "1 idf_weights for 4 entries"),
    "idf alone": (lambda: nn.StringLookup(output_mode="tf_idf", idf_weights=[1.0]), "idf_weights need the vocabulary"),
    "sparse": (lambda: nn.StringLookup(sparse=True), "there are no sparse tensors here"),
    "salt": (lambda: nn.StringLookup(salt=-1), "salt is a salt: one integer"),
    "adapt": (lambda: nn.StringLookup(vocabulary=WORDS).adapt(["a"]), "has the vocabulary that was given to the constructor"),
    "adapt nothing": (lambda: nn.StringLookup().adapt([]), "adapt was given no words"),
    "steps": (lambda: nn.StringLookup().adapt(["a"], 1), "steps counts batches of an iterable"),
    "farmhash": (lambda: nn.IntegerLookup(oov_method="farmhash"), "oov_method is one of 'floormod', got 'farmhash'"),
    "int32": (lambda: nn.IntegerLookup(vocabulary_dtype="int32"), "vocabulary_dtype is one of 'int64'"),
    "vocabulary": (lambda: nn.IntegerLookup(vocabulary=[1, "2"]), "vocabulary[1] is an integer, got '2'"),
    "one number": (lambda: nn.IntegerLookup(vocabulary=3), "vocabulary is a list of what may come, a path, or None, got 3"),
    "inexact": (lambda: nn.IntegerLookup(vocabulary=[2**24])(ag.tensor([1.0])), "16777216 is not exact in float32"),
    "size": (lambda: opened(nn.IntegerLookup(vocabulary=[1], output_mode="count"), lambda it: it([[1]]), lambda it: it.set_vocabulary([1, 2])), "was built for 2 indices and cannot have 3 now"),
    "later": (lambda: nn.Sequential([nn.Dense(1), nn.StringLookup(vocabulary=WORDS)]), "it can be the first layer of a model and no other"),
    "inverse": (lambda: nn.Sequential([nn.StringLookup(vocabulary=WORDS, invert=True)]), "the inverse of a lookup is called after predict"),
    "given a tensor": (lambda: nn.Sequential([nn.StringLookup(vocabulary=WORDS)]).predict(ag.tensor([[1.0]])), "the model begins with it, and it takes arrays"),
    "bins": (lambda: nn.Hashing(0), "num_bins is an integer >= 1, got 0"),
    "mask": (lambda: nn.Hashing(3, 1.5), "mask_value is a text, an integer or None, got 1.5"),
    "mask of numbers": (lambda: nn.Hashing(3, "")([1, 2]), "mask_value is '', the input holds 1"),
    "hash of NaN": (lambda: nn.Hashing(3)([np.nan]), "not whole numbers"),
    "two inputs": (lambda: nn.Hashing(3)(["a"], ["b"]), "takes one input, got 2"),
}  # fmt: skip


@pytest.mark.parametrize(("call", "message"), WRONG.values(), ids=WRONG)
def test_what_is_refused(call, message):
    with pytest.raises((nn.ArgumentError, nn.DataError), match=re.escape(message)):
        call()


def test_a_program_refuses_a_number_outside_too():
    model = nn.Sequential([nn.Input((1,)), nn.IntegerLookup(vocabulary=[0, 5], num_oov_indices=0)])
    assert model.predict([[5], [0]]).tolist() == [[1], [0]]
    with pytest.raises((IndexError, ag.GradloomError)):
        model.predict([[5], [1]])


def test_inside_a_trace_it_says_that_it_is_of_the_host():
    layer = nn.StringLookup(vocabulary=WORDS)

    @ag.jit
    def step(x):
        return layer(x)

    with pytest.raises(nn.ArgumentError, match="It works before the network, not inside"):
        step(ag.ones((2,)))


def test_saved_before_it_knows_anything_and_damaged():
    model, file = nn.Sequential([nn.StringLookup(input_shape=(1,)), nn.Dense(1)]), io.BytesIO()
    model.save(file)
    file.seek(0)
    again = nn.load(file)
    with pytest.raises(nn.ArgumentError, match="has no vocabulary yet"):
        again.predict([["a"]])
