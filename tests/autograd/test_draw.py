"""ag.draw: what stands in the picture, read back from the SVG, and what is said when there is none."""

from __future__ import annotations

import sys
import threading
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import autograd as ag
from autograd import svg

pytestmark = pytest.mark.once

pytest.importorskip("pygraphviz")

SVG = "{http://www.w3.org/2000/svg}"


def boxes(picture):
    """The lines of text of each box, by key."""
    return {
        group.find(f"{SVG}title").text: [text.text for text in group.iter(f"{SVG}text")]
        for group in ElementTree.fromstring(picture.svg).iter(f"{SVG}g")
        if group.get("class") == "node"
    }


def arrows(picture):
    """(title of the start, title of the end), sorted."""
    titles = {key: lines[0] for key, lines in boxes(picture).items()}
    pairs = [
        group.find(f"{SVG}title").text.split("->")
        for group in ElementTree.fromstring(picture.svg).iter(f"{SVG}g")
        if group.get("class") == "edge"
    ]
    return sorted((titles[a], titles[b]) for a, b in pairs)


def neuron():
    w = ag.tensor([[1.0], [2.0]], requires_grad=True)
    b = ag.tensor([0.5], requires_grad=True)
    x = ag.tensor([[1.0, -1.0]])
    return ag.tanh(x @ w + b).sum(), {"w": w, "b": b}


def test_boxes_and_arrows_of_a_neuron():
    y, names = neuron()
    picture = ag.draw(y, names=names)
    lines = {text[0]: text[1:] for text in boxes(picture).values()}
    assert lines["w"] == ["(2, 1) float32"]
    assert lines["b"] == ["(1,) float32"]
    assert lines["tanh"] == ["(1, 1) float32"]
    assert "() float32" in lines["sum"]
    assert any("axis=" in line for line in lines["sum"])
    assert arrows(picture) == [
        ("add", "tanh"), ("b", "add"), ("constant", "matmul"), ("matmul", "add"), ("tanh", "sum"), ("w", "matmul"),
    ]  # fmt: skip


def test_values_and_gradients():
    y, names = neuron()
    x = ag.tanh(ag.tensor(-0.5)).item()
    lines = {
        text[0]: text[1:] for text in boxes(ag.draw(y, values=True, gradients=True, names=names)).values()
    }
    slope = 1 - x * x
    assert lines["w"][1:] == ["value [1, 2]", f"gradient [{slope:.4g}, {-slope:.4g}]"]
    assert lines["constant"] == ["(1, 2) float32", "[1, -1]"]
    # the sum kept neither of these: they are computed again
    assert lines["matmul"][1:] == ["value [-1]", f"gradient [{slope:.4g}]"]
    assert lines["add"][1:] == ["value [-0.5]", f"gradient [{slope:.4g}]"]
    assert lines["sum"][-2:] == [f"value {x:.4g}", "gradient 1"]


def test_drawing_changes_nothing():
    y, names = neuron()
    ag.draw(y, values=True, gradients=True, names=names)
    assert names["w"].grad is None
    y.backward()
    before = names["w"].grad.tolist()
    z, names = neuron()
    z.backward()
    assert before == names["w"].grad.tolist()


def test_gradients_of_a_value_used_twice_are_added():
    x = ag.tensor(3.0, requires_grad=True)
    h = x * 2.0
    y = h * h + h
    lines = boxes(ag.draw(y, gradients=True, names={"x": x, "h": h})).values()
    assert any("called h" in text and "gradient 13" in text for text in lines)
    assert any(text[0] == "x" and "gradient 26" in text for text in lines)


def test_a_value_that_was_assigned_since_is_the_one_of_then():
    x = ag.tensor(3.0, requires_grad=True)
    y = x * x
    x.assign(5.0)
    lines = {text[0]: text for text in boxes(ag.draw(y, values=True, names={"x": x})).values()}
    assert "value 3" in lines["x"]
    assert "value 9" in lines["multiply"]


def test_numbers_stay_what_the_user_wrote_and_unknown_ones_are_left_out():
    x = ag.tensor([1.0, 2.0], requires_grad=True)
    lines = list(boxes(ag.draw((x**2 + 1.0).sum(), values=True)).values())
    assert ["constant", "2"] in lines
    assert ["constant"] in lines


def test_an_input_that_may_be_absent():
    k = ag.tensor([[1.0]], requires_grad=True)
    picture = ag.draw(ag.linear(ag.tensor([[2.0]]), k, None).sum())
    assert ("constant or none", "linear") in arrows(picture)


def test_a_leaf_alone():
    x = ag.tensor([1.0], requires_grad=True)
    assert list(boxes(ag.draw(x, values=True, names={"x": x})).values()) == [
        ["x", "(1,) float32", "value [1]"]
    ]


def test_checkpoint_is_one_box():
    x = ag.tensor(1.0, requires_grad=True)
    y = ag.checkpoint(lambda x: ag.tanh(ag.exp(x)))(x)
    picture = ag.draw(y, values=True, gradients=True, names={"x": x})
    assert arrows(picture) == [("x", "checkpoint")]
    gradient = ag.grad(lambda x: ag.tanh(ag.exp(x)))(ag.tensor(1.0)).item()
    assert f"gradient {gradient:.4g}" in picture.svg


def test_concatenation_names_its_inputs():
    a, b = (ag.tensor([v], requires_grad=True) for v in (1.0, 2.0))
    picture = ag.draw(ag.concat([a, b], axis=0).sum(), values=True, names={"a": a, "b": b})
    assert ("a", "concat") in arrows(picture)
    assert "[1, 2]" in picture.svg


def test_a_freed_graph_is_gone():
    y, _ = neuron()
    y.backward()
    with pytest.raises(ag.GradientError, match="the graph is gone, backward freed it at sum"):
        ag.draw(y)
    y, _ = neuron()
    y.backward(retain_graph=True)
    assert len(boxes(ag.draw(y))) == 7


def test_a_part_that_was_freed_says_so():
    x = ag.tensor(1.0, requires_grad=True)
    h = ag.exp(x)
    later = h * 2.0
    h.backward()
    assert any("freed by an earlier backward" in text for text in boxes(ag.draw(later)).values())


def test_no_graph():
    with pytest.raises(ag.GradientError, match="this tensor has no graph"):
        ag.draw(ag.tensor([1.0]))
    with pytest.raises(ag.DTypeError, match="expected a tensor, got float"):
        ag.draw(1.0)
    y, _ = neuron()
    with pytest.raises(ag.DTypeError, match=r"names\['w'\] is a list, not a tensor"):
        ag.draw(y, names={"w": [1.0]})


def test_gradients_need_a_single_number():
    x = ag.tensor([1.0, 2.0], requires_grad=True)
    with pytest.raises(ag.GradientError, match=r"the tensor has shape \(2,\)"):
        ag.draw(x * x, gradients=True)


def test_a_deep_graph_is_cut_and_counted():
    x = ag.tensor(1.0, requires_grad=True)
    y = x
    for _ in range(20_000):
        y = y * 1.0
    picture = ag.draw(y, values=True, max_nodes=10)
    assert any(text[0] == "19,991 more" for text in boxes(picture).values())
    assert len(boxes(picture)) == 10 + 10 + 1


@pytest.mark.parametrize("limit", [0, -1, 2001, 1.5, True])
def test_the_limit_of_nodes(limit):
    y, _ = neuron()
    with pytest.raises(ag.RangeError, match="max_nodes is an integer from 1 to 2,000"):
        ag.draw(y, max_nodes=limit)


def test_files_appear_whole_in_new_folders(tmp_path):
    y, _ = neuron()
    path = tmp_path / "new" / "graph.svg"
    picture = ag.draw(y, path=path)
    assert path.read_text(encoding="utf-8") == picture.svg == picture._repr_svg_()
    assert [file.name for file in path.parent.iterdir()] == ["graph.svg"]
    assert "characters of SVG" in repr(picture)
    with pytest.raises(ag.RangeError, match=r"a name that ends in \.svg; got '.*graph\.png'"):
        ag.draw(y, path=tmp_path / "graph.png")


def test_a_file_that_cannot_be_replaced_leaves_no_rest(tmp_path):
    (tmp_path / "taken.svg").mkdir()
    with pytest.raises(OSError):  # noqa: PT011 - which one is the system's choice
        svg.write_picture(tmp_path / "taken.svg", b"x")
    assert [file.name for file in tmp_path.iterdir()] == ["taken.svg"]


def test_without_pygraphviz(monkeypatch):
    monkeypatch.setitem(sys.modules, "pygraphviz", None)
    y, _ = neuron()
    with pytest.raises(ag.MissingExtraError, match=r"pip install 'gradloom\[draw\]'"):
        ag.draw(y)


def test_nothing_reaches_stderr(capfd):
    y, _ = neuron()
    ag.draw(y)
    captured = capfd.readouterr()
    assert captured.out == captured.err == ""


def test_graphviz_that_fails_or_hangs(monkeypatch):
    monkeypatch.setattr(svg, "_CHILD", "raise SystemExit('no such layout')")
    with pytest.raises(ag.DrawingError, match="exit status 1: no such layout"):
        svg.Diagram().render()
    monkeypatch.setattr(svg, "_CHILD", "import time; time.sleep(60)")
    monkeypatch.setattr(svg, "PATIENCE", 0.2)
    with pytest.raises(ag.DrawingError, match="draw fewer boxes"):
        svg.Diagram().render()


def test_threads_draw_at_the_same_time():
    found = []

    def work():
        y, names = neuron()
        found.append(ag.draw(y, names=names).svg)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not any(thread.is_alive() for thread in threads)
    assert len(found) == 4
    assert len(set(found)) == 1


HARD = [
    "<b>",
    "</TABLE>",
    "a & b",
    '"q"',
    "it's",
    "\\N",
    "\\",
    "&amp;",
    "]]>",
    "é漢🙂",
    "a\tb",
    "\x00",
    "\ud800",
]


def test_hard_names():
    """Each in a diagram of its own costs a process: one of them, and then all together."""
    assert shown(HARD[0]) == [expected(HARD[0])]
    shown_together(HARD)


def test_any_text_is_shown_as_it_is(request):
    @settings(max_examples=120 if request.config.getoption("--full") else 5)
    @given(st.lists(st.text(max_size=12), min_size=1, max_size=8))
    def as_it_is(names):
        shown_together(names)

    as_it_is()


def shown_together(names):
    diagram = svg.Diagram(names[0])
    for name in names:
        with diagram.group(name):
            diagram.box(name, [name, (name, name)], svg.Style("#ffffff", line="dashed"))
    diagram.arrow("n0", "n0", names[-1])
    found = list(boxes(diagram.render()).values())
    assert found == [lines_of(name) * 4 for name in names]


def shown(name):
    diagram = svg.Diagram()
    diagram.box(name, [], svg.Style("#ffffff"))
    (lines,) = boxes(diagram.render()).values()
    return lines


def expected(text):
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def lines_of(text):
    """An empty line is a space."""
    return [expected(line) or " " for line in text.split("\n")]


def test_long_text_is_cut():
    (line,) = shown("x" * 500)
    assert len(line) == svg.LONGEST
    assert line.endswith("\N{HORIZONTAL ELLIPSIS}")
