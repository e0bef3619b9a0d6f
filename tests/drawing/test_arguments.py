"""What a user may get wrong: every error says who complains, what came and what to write instead."""

import numpy as np
import pytest

import autodiff as ad
import nn


@pytest.mark.parametrize("root", [3, 2.5, "loss", None, np.ones(3), [ad.scalar(1.0)], nn.Linear(2, 2, rng=0)])
def test_a_root_that_is_no_graph_value_is_named_by_its_type(root):
    with pytest.raises(TypeError, match=rf"got {type(root).__name__}\. .*ad\.draw\(loss, model=net\)"):
        ad.draw(root)


def unrecorded():
    with ad.no_grad():
        return ad.scalar(2.0) * 3.0


def frozen():
    return nn.Linear(2, 2, rng=0).requires_grad_(False)(np.ones((1, 2), np.float32))


@pytest.mark.parametrize("make", [unrecorded, frozen, lambda: (ad.scalar(2.0) * 3.0).detach()])
def test_a_value_without_a_graph_says_how_it_lost_it(make):
    with pytest.raises(TypeError, match=r"not part of a graph.*no_grad\(\).*detach\(\).*requires a gradient"):
        ad.draw(make())


WRONG = [
    ({"level": "modul"}, ValueError, r"level must be one of 'auto', 'op', 'module', .*got 'modul'"),
    ({"level": None}, ValueError, "level must be one of"),
    ({"rankdir": "lr"}, ValueError, "rankdir must be one of 'auto', 'LR', 'TB'; got 'lr'"),
    ({"lang": "de"}, ValueError, "lang must be one of 'en', 'zh'; got 'de'"),
    ({"backward": "yes"}, ValueError, "backward must be one of 'auto', True, False; got 'yes'"),
    ({"backward": 1}, ValueError, "backward must be one of"),
    ({"heat": "gradient"}, ValueError, "heat must be one of None, 'grad', 'update'; got 'gradient'"),
    ({"repeat": 1}, ValueError, "repeat must be at least 2 or None; got 1"),
    ({"repeat": "x"}, TypeError, "repeat must be a whole number or None; got 'x'"),
    ({"radius": -1}, ValueError, "radius must be at least 0; got -1"),
    ({"max_nodes": 0}, ValueError, "max_nodes must be at least 1; got 0"),
    ({"max_nodes": 1.5}, TypeError, "max_nodes must be a whole number; got 1.5"),
    ({"fold": 3}, TypeError, r"fold takes module paths, globs .*fold='blocks\.\*'; got 3"),
    ({"expand": [1]}, TypeError, r"expand takes module paths.*got 1"),
    ({"expand": "fc"}, ValueError, "expand='fc' names no module of this graph; did you mean .*'fc1'"),
    ({"fold": "fc3"}, ValueError, "did you mean .*'fc1'"),
    ({"focus": "fc1.wieght"}, ValueError, "focus='fc1.wieght' names nothing .*did you mean 'fc1.weight'"),
    ({"show": "values"}, ValueError, "show takes a subset of value, grad, .*got 'values'"),
    ({"show": 3}, TypeError, "show takes 'auto' or a subset of value, .*got 3"),
    ({"names": 3}, TypeError, r"names=locals\(\); got int"),
    ({"names": {3: 1.0}}, TypeError, "names maps names to values.*got the key 3"),
    ({"model": 3}, TypeError, "model must have named_parameters.*got int"),
    ({"model": nn.Linear}, TypeError, "got the class Linear"),
    ({"optimizer": 3}, TypeError, r"optimizer must have param_groups or lr.*got int"),
    ({"optimizer": nn.Adam}, TypeError, "got the class Adam"),
]


@pytest.mark.parametrize(("options", "kind", "said"), WRONG, ids=lambda value: str(value)[:30])
def test_a_wrong_argument_says_what_came_and_what_is_known(training_step, options, kind, said):
    with pytest.raises(kind, match=said):
        ad.draw(training_step.loss, **{"model": training_step.model, **options})


def test_a_model_that_did_not_take_part_is_an_error_not_a_picture_without_names(training_step):
    with pytest.raises(ValueError, match="model=Linear: none of its 2 parameters is in this graph"):
        ad.draw(training_step.loss, model=nn.Linear(3, 3, rng=0))


def test_an_optimizer_of_other_parameters_is_an_error_not_an_arrow_to_parameters_it_never_moves(training_step):
    other = nn.SGD(nn.Linear(3, 3, rng=0).parameters(), lr=0.1)
    with pytest.raises(ValueError, match="optimizer=SGD: none of its 2 parameters is in this graph"):
        ad.draw(training_step.loss, model=training_step.model, optimizer=other, level="module")


def test_a_frozen_or_partly_frozen_model_is_drawn(training_step):
    net = training_step.model
    net.fc1.requires_grad_(False)
    x = ad.tensor(np.ones((2, 12), np.float32))
    assert ad.draw(net(x).sum(), model=net, level="module").nodes
    net.requires_grad_(False)
    assert ad.draw(net(x).sum(), model=net, level="module").nodes


def test_a_heat_function_must_return_a_number_and_a_label():
    net = nn.Sequential(*[nn.Linear(2, 2, rng=k) for k in range(4)])
    loss = net(np.ones((1, 2), np.float32)).sum()
    with pytest.raises(TypeError, match=r"a number and a label .*returned 1\.0"):
        ad.draw(loss, model=net, level="overview", heat=lambda node: 1.0)


def test_a_missing_folder_is_named_and_not_the_temporary_file(neuron, tmp_path):
    with pytest.raises(
        FileNotFoundError, match=r"cannot write a\.svg into the folder .*nowhere: No such file"
    ) as error:
        ad.draw(neuron[0]).save(tmp_path / "nowhere" / "a.svg", engine="builtin")
    assert error.value.errno is not None


def test_a_folder_that_may_not_be_written_is_named(neuron, tmp_path, monkeypatch):
    def refuse(**options):
        raise PermissionError(13, "Permission denied", "/somewhere/.a.json.x7k2")

    monkeypatch.setattr("autodiff.drawing.figure.tempfile.mkstemp", refuse)
    with pytest.raises(PermissionError, match=r"cannot write a\.json into the folder .*: Permission denied"):
        ad.draw(neuron[0]).save(tmp_path / "a.json")


def test_an_engine_that_cannot_write_the_format_says_which_can(neuron, tmp_path):
    figure = ad.draw(neuron[0])
    with pytest.raises(ValueError, match=r"a\.png.*engine='builtin', which writes svg and html"):
        figure.save(tmp_path / "a.png", engine="builtin")
    with pytest.raises(ValueError, match="engine must be one of 'auto', 'dot', 'builtin'; got 'dott'"):
        figure.save(tmp_path / "a.json", engine="dott")


def test_a_comparison_names_what_it_cannot_use(neuron):
    loss = neuron[0]
    for given in ([loss], {}, 3):
        with pytest.raises(TypeError, match=r"draw_compare\(\) takes titles and values"):
            ad.draw_compare(given)
    with pytest.raises(TypeError, match="colour is not one of them"):
        ad.draw_compare({"a": loss, "b": loss}, colour="red")
    with pytest.raises(ValueError, match="rankdir='LR' draws rows of layers, which take no heat, level"):
        ad.draw_compare({"a": loss, "b": loss}, rankdir="LR", level="op")
    with pytest.raises(ValueError, match="rankdir must be one of"):
        ad.draw_compare({"a": loss, "b": loss}, rankdir="RL")


def test_a_comparison_of_three_keeps_the_options_of_draw_instead_of_dropping_them(training_step):
    loss = training_step.loss
    figure = ad.draw_compare(dict.fromkeys("abc", loss), level="op")
    assert [node.name for node in figure.nodes].count("fc1.weight") == 3
    with pytest.raises(ValueError, match="names no module"):
        ad.draw_compare(dict.fromkeys("abc", loss), expand="nowhere")


def test_titles_that_look_the_same_do_not_hide_a_model(neuron):
    figure = ad.draw_compare({"a": neuron[0], "a ": neuron[0], "x" * 70: neuron[0], "x" * 71: neuron[0]}, rankdir="TB")
    titles = {module.path for module in figure.modules if not module.parent}
    assert len(titles) == 4 and "a (2)" in titles


def test_an_animation_takes_figures(neuron):
    with pytest.raises(TypeError, match=r"takes figures, such as ad\.draw\(loss\); got Scalar"):
        ad.drawing.animation({"epoch 1": neuron[0]})


def test_draw_function_names_what_is_no_function_and_what_has_no_label():
    with pytest.raises(TypeError, match=r"draw_function\(np\.tanh\); got 'tanh'"):
        ad.draw_function("tanh")
    with pytest.raises(ValueError, match="a label for each of 1 functions; got 2"):
        ad.draw_function(np.tanh, labels=("a", "b"))


def test_a_redrawn_part_says_what_to_redraw(neuron):
    with pytest.raises(ValueError, match="cannot be redrawn; redraw its parts"):
        ad.draw(neuron[0]).frames()[0].fold("a")
