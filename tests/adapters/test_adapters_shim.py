"""The shim saves, steps and averages torch modules."""

import json
import pickle
import pickletools
from functools import partial

import numpy as np
import pytest
import torch
from safetensors.torch import load
from thinc.api import Adam, Model
from torch import nn

from seqpipe.adapters import AdamW, TorchShim, make_adamw
from seqpipe.adapters._optimizer import clip_gradient
from seqpipe.errors import ConfigError, NotFiniteError, SavedModelError
from seqpipe.storage.packed_arrays import Bytes


class Net(nn.Module):
    def __init__(self, width, height, *, deep=False):
        super().__init__()
        self.linear = nn.Linear(width, height)
        self.scale = nn.Parameter(torch.tensor(2.0))
        self.inner = nn.Linear(height, height) if deep else None

    def forward(self, inputs):
        return self.linear(inputs) * self.scale


class Tied(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.first = nn.Linear(width, width, bias=False)
        self.second = nn.Linear(width, width, bias=False)
        self.second.weight = self.first.weight


class Transposed(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.arange(6.0).view(2, 3).t())


def built(factory=Net, *sizes):
    torch.manual_seed(0)
    shim = TorchShim(factory)
    shim.build(*(sizes or ((3, 2) if factory is Net else ())))
    return shim


def weights_of(shim):
    return {name: tensor.clone() for name, tensor in shim.module.state_dict().items()}


def set_gradients(module, seed=1):
    generator = torch.Generator().manual_seed(seed)
    for parameter in module.parameters():
        parameter.grad = torch.randn(parameter.shape, generator=generator) * 3


def test_bytes_bring_weights_and_sizes_back():
    shim = built()
    other = TorchShim(Net).from_bytes(shim.to_bytes())
    torch.testing.assert_close(weights_of(other), weights_of(shim), rtol=0, atol=0)
    assert other.to_bytes() == shim.to_bytes()


def test_bytes_are_safetensors_without_pickle():
    data = built().to_bytes()
    assert set(load(data)) == {"linear.weight", "linear.bias", "scale"}
    length = int.from_bytes(data[:8], "little")
    assert json.loads(json.loads(data[8 : 8 + length])["__metadata__"]["sizes"]) == [3, 2]
    with pytest.raises(ValueError):
        list(pickletools.genops(data))


@pytest.mark.parametrize("factory", [partial(Tied, 3), Transposed])
def test_tied_and_transposed_weights_are_saved(factory):
    shim = built(factory)
    other = TorchShim(factory).from_bytes(shim.to_bytes())
    torch.testing.assert_close(weights_of(other), weights_of(shim), rtol=0, atol=0)


def test_packed_bytes_are_the_same_each_time_and_come_back():
    shim = TorchShim(lambda width: nn.Linear(width, 4, bias=False))
    shim.build(9)
    with shim.packing(Bytes.of):
        written = {shim.to_bytes() for _ in range(12)}
    assert len(written) == 1
    data = written.pop()
    assert int.from_bytes(data[:8], "little") % 8 == 0
    read = TorchShim(lambda width: nn.Linear(width, 4, bias=False)).from_bytes(data)
    torch.testing.assert_close(read.module.weight, shim.module.weight, atol=0.01, rtol=0)


def test_shim_without_weights_saves_nothing_and_says_what_to_do():
    shim = TorchShim(Net)
    assert shim.to_bytes() == b""
    assert TorchShim(Net).from_bytes(b"").to_bytes() == b""
    shim.to_device("cpu", 0)
    with pytest.raises(SavedModelError, match=r"nlp\.initialize"):
        shim.predict((torch.zeros(1, 3),))
    copy = shim.copy()
    copy.build(3, 2)
    with pytest.raises(SavedModelError):
        _ = shim.module


def damaged(data):
    yield data[:-4]
    yield data[:20]
    yield b"garbage"
    yield data.replace(b"[3, 2]", b"[3, 9]")
    yield data.replace(b"[3, 2]", b"[3,-2]")
    yield data.replace(b"[3, 2]", b"[3   ]")
    yield data.replace(b"[3, 2]", b"  3   ")
    yield data.replace(b"[3, 2]", b"[3, 2}")
    yield data.replace(b"scale", b"score")
    yield data.replace(b"sizes", b"seize")


@pytest.mark.parametrize("number", range(10))
def test_damaged_bytes_are_refused_and_change_nothing(number):
    shim = built()
    before = weights_of(shim)
    data = list(damaged(shim.to_bytes()))[number]
    assert data != shim.to_bytes()
    with pytest.raises(SavedModelError, match="weights"):
        shim.from_bytes(data)
    torch.testing.assert_close(weights_of(shim), before, rtol=0, atol=0)


@pytest.mark.parametrize("factory", [partial(Net, deep=True), partial(nn.Linear, bias=False)])
def test_weights_of_another_architecture_are_refused(factory):
    with pytest.raises(SavedModelError, match="configuration"):
        TorchShim(factory).from_bytes(built().to_bytes())


def test_copy_is_independent():
    shim = built()
    copy = shim.copy()
    assert copy.id != shim.id
    with torch.no_grad():
        copy.module.scale += 1
    assert shim.module.scale.item() == 2.0


def test_pickle_keeps_weights():
    shim = built()
    other = pickle.loads(pickle.dumps(shim))
    torch.testing.assert_close(weights_of(other), weights_of(shim), rtol=0, atol=0)
    other.from_bytes(shim.to_bytes())


def test_optimizer_pickled_with_its_module_goes_on_where_it_was():
    shim, optimizer = built(), make_adamw()
    set_gradients(shim.module)
    shim.finish_update(optimizer)
    other_shim, other_optimizer = pickle.loads(pickle.dumps((shim, optimizer)))
    for each, its_optimizer in ((shim, optimizer), (other_shim, other_optimizer)):
        set_gradients(each.module, seed=2)
        each.finish_update(its_optimizer)
    torch.testing.assert_close(weights_of(other_shim), weights_of(shim))


def averages_of(shim, steps=3):
    optimizer = Adam(0.1)
    for step in range(steps):
        set_gradients(shim.module, seed=step)
        shim.finish_update(optimizer)
    return optimizer.averages


def test_averages_stand_in_for_weights_and_are_put_back():
    shim = built()
    averages = averages_of(shim)
    before = weights_of(shim)
    model = Model("wrapped", lambda model, X, is_train: (X, lambda dY: dY), shims=[shim])
    with model.use_params(averages):
        for name, parameter in shim.module.named_parameters():
            expected = torch.from_numpy(averages[shim.id, name]).view(parameter.shape)
            assert torch.equal(parameter.data, expected)
            assert not torch.equal(parameter.data, before[name])
        saved = load(shim.to_bytes())
    assert not torch.equal(saved["linear.weight"], before["linear.weight"])
    torch.testing.assert_close(weights_of(shim), before, rtol=0, atol=0)


def test_weights_are_put_back_after_an_error():
    shim = built()
    averages = averages_of(shim)
    before = weights_of(shim)
    with pytest.raises(KeyError), shim.use_params(averages):
        raise KeyError
    torch.testing.assert_close(weights_of(shim), before, rtol=0, atol=0)


def averages_by_hand(first, weights, average):
    """Return the moving average of weights after each of some steps, as its recurrence is written."""
    mean = first
    for step, each in enumerate(weights, start=1):
        decay = min(average, (1 + step) / (10 + step))
        mean = {name: decay * mean[name] + (1 - decay) * each[name] for name in mean}
        yield mean


@pytest.mark.parametrize("average", [0.5, 0.999])
def test_averages_are_those_of_the_recurrence(average):
    shim, optimizer = built(), make_adamw(0.1, average=average)
    plain, without = built(), make_adamw(0.1)
    first, weights, found = weights_of(shim), [], []
    for step in range(12):
        for each, its_optimizer in ((shim, optimizer), (plain, without)):
            set_gradients(each.module, seed=step)
            if step == 5:
                each.module.scale.grad = None
            each.finish_update(its_optimizer)
        weights.append(weights_of(shim))
        with shim.use_params(optimizer.averages):
            found.append(weights_of(shim))
    assert without.averages is None
    torch.testing.assert_close(weights[-1], weights_of(plain), rtol=0, atol=0)
    expected = averages_by_hand(first, weights, average)
    for each, wanted in zip(found, expected, strict=True):
        torch.testing.assert_close(each, wanted, rtol=1e-5, atol=1e-6)
    assert optimizer.averages.keys() == {(shim.id, name) for name in first}


def test_module_that_is_built_anew_is_averaged_anew():
    shim, optimizer = built(), make_adamw(0.1, average=0.9)
    for width in (3, 4):
        shim.build(width, 2)
        first, weights = weights_of(shim), []
        for step in range(3):
            set_gradients(shim.module, seed=step)
            shim.finish_update(optimizer)
            weights.append(weights_of(shim))
        *_, expected = averages_by_hand(first, weights, 0.9)
        with shim.use_params(optimizer.averages):
            torch.testing.assert_close(weights_of(shim), expected, rtol=1e-5, atol=1e-6)


def test_optimizer_pickled_with_its_module_goes_on_averaging():
    shim, optimizer = built(), make_adamw(0.1, average=0.9)
    set_gradients(shim.module)
    shim.finish_update(optimizer)
    pair = shim, optimizer
    for each, its_optimizer in (pair, pickle.loads(pickle.dumps(pair))):
        set_gradients(each.module, seed=2)
        each.finish_update(its_optimizer)
        with each.use_params(its_optimizer.averages):
            averaged = weights_of(each)
        if each is shim:
            expected = averaged
    torch.testing.assert_close(averaged, expected)


def test_arrays_of_thinc_are_averaged_alike():
    optimizer, plain = make_adamw(0.1, average=0.5), make_adamw(0.1)
    array, other = np.ones((2, 3, 2), dtype="float32")
    first, weights = {"W": torch.from_numpy(array.copy())}, []
    for step in range(8):
        gradient = np.random.default_rng(step).normal(size=array.shape).astype("float32")
        other, _ = plain((1, "W"), other, gradient.copy())
        array, _ = optimizer((1, "W"), array, gradient)
        weights.append({"W": torch.from_numpy(array.copy())})
    np.testing.assert_array_equal(array, other)
    *_, expected = averages_by_hand(first, weights, 0.5)
    found = torch.from_numpy(optimizer.averages[1, "W"])
    torch.testing.assert_close(found, expected["W"], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("average", [-0.1, 1.0, 2, float("nan")])
def test_average_that_is_no_decay_is_refused(average):
    with pytest.raises(ConfigError, match="`average`"):
        make_adamw(average=average)


def test_params_of_others_change_nothing():
    shim = built()
    before = weights_of(shim)
    with shim.use_params({(shim.id + 1, "scale"): 1, (shim.id, "unknown"): 1}):
        torch.testing.assert_close(weights_of(shim), before, rtol=0, atol=0)


@pytest.mark.parametrize("make", [Adam, make_adamw])
def test_gradients_add_up_until_an_update_clears_them(make):
    shim, inputs = built(), torch.ones(1, 3)
    for _ in range(2):
        _, backprop = shim.begin_update((inputs,))
        backprop(torch.ones(1, 2))
    assert torch.equal(shim.module.linear.bias.grad, torch.full((2,), 4.0))
    shim.finish_update(make(0.1))
    assert all(parameter.grad is None for parameter in shim.module.parameters())


def test_update_without_gradients_changes_nothing():
    shim = built()
    before = weights_of(shim)
    for optimizer in (Adam(0.1), make_adamw(0.1)):
        shim.finish_update(optimizer)
    torch.testing.assert_close(weights_of(shim), before, rtol=0, atol=0)


@pytest.mark.parametrize("make", [Adam, make_adamw])
def test_module_without_weights_is_stepped_too(make):
    shim = built(nn.Identity)
    output, backprop = shim.begin_update((torch.ones(1, 2),))
    backprop(output)
    shim.finish_update(make(0.1))
    assert TorchShim(nn.Identity).from_bytes(shim.to_bytes()).device.type == "cpu"


def stepped_by_hand(module, *, lr, clip, decay, steps=3):
    """Step with torch alone: clip over the module, then AdamW."""
    decayed = [p for p in module.parameters() if p.ndim > 1]
    kept = [p for p in module.parameters() if p.ndim <= 1]
    optimizer = torch.optim.AdamW(
        [{"params": decayed, "weight_decay": decay}, {"params": kept, "weight_decay": 0.0}],
        betas=(0.9, 0.999),
        eps=1e-8,
    )
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = lr[step]
        set_gradients(module, seed=step)
        nn.utils.clip_grad_norm_(module.parameters(), clip)
        optimizer.step()
    return module.state_dict()


def test_adamw_equals_torch():
    shim, twin = built(), built()
    optimizer = make_adamw(0.1, beta2=0.999, weight_decay=0.3, grad_clip=0.5)
    for step in range(3):
        set_gradients(shim.module, seed=step)
        shim.finish_update(optimizer)
        optimizer.step_schedules()
    expected = stepped_by_hand(twin.module, lr=[0.1] * 3, clip=0.5, decay=0.3)
    torch.testing.assert_close(weights_of(shim), dict(expected))


def test_adamw_follows_a_schedule():
    rates = [0.3, 0.1, 0.05]
    shim, twin = built(), built()
    optimizer = make_adamw(iter(rates), beta2=0.999, weight_decay=0.0, grad_clip=1.0)
    for step in range(3):
        set_gradients(shim.module, seed=step)
        shim.finish_update(optimizer)
        optimizer.step_schedules()
    expected = stepped_by_hand(twin.module, lr=rates, clip=1.0, decay=0.0)
    torch.testing.assert_close(weights_of(shim), dict(expected))


def test_adam_of_thinc_equals_torch_clipped_by_the_global_norm():
    shim, twin = built(), built()
    optimizer = Adam(0.1, grad_clip=0.5, use_averages=False)
    for step in range(3):
        set_gradients(shim.module, seed=step)
        shim.finish_update(optimizer)
    expected = stepped_by_hand(twin.module, lr=[0.1] * 3, clip=0.5, decay=0.0)
    torch.testing.assert_close(weights_of(shim), dict(expected), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("clip", [0.0, 0.5])
def test_clipping_is_by_the_norm_over_the_whole_module(clip):
    # Steps of plain gradient descent show the gradient itself.
    shim = built()
    before = weights_of(shim)
    set_gradients(shim.module)
    twin = built()
    set_gradients(twin.module)
    if clip:
        nn.utils.clip_grad_norm_(twin.module.parameters(), clip)
    expected = {n: before[n] - p.grad for n, p in twin.module.named_parameters()}

    def descend(key, weights, gradient):
        weights -= gradient
        return weights, gradient

    descend.grad_clip = clip
    shim.finish_update(descend)
    torch.testing.assert_close(weights_of(shim), expected)


def test_weights_of_one_dimension_do_not_decay():
    shim = built()
    before = weights_of(shim)
    for parameter in shim.module.parameters():
        parameter.grad = torch.zeros_like(parameter)
    shim.finish_update(make_adamw(0.1, weight_decay=0.5))
    after = weights_of(shim)
    torch.testing.assert_close(after["linear.weight"], before["linear.weight"] * 0.95)
    assert torch.equal(after["linear.bias"], before["linear.bias"])
    assert torch.equal(after["scale"], before["scale"])


def test_adamw_steps_what_is_no_torch_module():
    optimizer = make_adamw(0.1)
    assert isinstance(optimizer, AdamW) and optimizer.averages is None
    weights = torch.ones(4).numpy()
    stepped, _ = optimizer((1, "W"), weights, torch.ones(4).numpy())
    assert (stepped < 1).all()


def test_adamw_knows_nothing_of_what_it_stepped_before_weights_were_read():
    shim, twin, optimizer = built(), built(), make_adamw(0.1)
    saved = shim.to_bytes()
    for seed in range(3):
        set_gradients(shim.module, seed=seed)
        shim.finish_update(optimizer)
    for each, its_optimizer in ((shim.from_bytes(saved), optimizer), (twin, make_adamw(0.1))):
        set_gradients(each.module, seed=9)
        each.finish_update(its_optimizer)
    torch.testing.assert_close(weights_of(shim), weights_of(twin))


@pytest.mark.parametrize(
    ("fraction", "rate"), [(0.0, 0.0), (0.05, 0.1), (0.1, 0.2), (0.55, 0.1), (0.91, 0.02), (1.0, 0)]
)
def test_rate_of_adamw_rises_and_falls_with_progress(fraction, rate):
    optimizer = make_adamw(0.2, warmup=0.1)
    optimizer.set_progress(fraction)
    assert optimizer.learn_rate == pytest.approx(rate)


def test_rate_of_adamw_only_falls_without_warmup():
    optimizer = make_adamw(0.2, warmup=0.0)
    optimizer.set_progress(0.25)
    assert optimizer.learn_rate == pytest.approx(0.15)


def test_schedule_is_left_alone_by_progress():
    optimizer = make_adamw(iter([0.3, 0.1]))
    optimizer.set_progress(0.9)
    assert optimizer.learn_rate == 0.3


@pytest.mark.parametrize("warmup", [1.0, -0.1, 1.5])
def test_impossible_warmup_is_refused(warmup):
    with pytest.raises(ConfigError, match="warmup"):
        make_adamw(warmup=warmup)


def test_modes_follow_the_call():
    shim = built(partial(nn.Dropout, 0.5))
    shim.predict((torch.ones(1),))
    assert not shim.module.training
    shim.begin_update((torch.ones(1),))
    assert shim.module.training


@pytest.mark.parametrize("factory", [Net, Transposed])
def test_weights_are_where_a_plain_function_in_the_place_of_an_optimizer_found_them(factory):
    shim, kept = built(factory), {}

    def keep(key, weights, gradient):
        kept[key] = (weights, gradient)
        return weights, gradient

    set_gradients(shim.module)
    expected = {n: p.data - 0.1 * p.grad for n, p in shim.module.named_parameters()}
    shim.finish_update(keep)
    for weights, gradient in kept.values():
        weights -= 0.1 * gradient
    torch.testing.assert_close(weights_of(shim), expected)


def test_steps_of_spacys_optimizer_are_those_of_torchs():
    ours, theirs = built(), built().module
    optimizer = Adam(0.01, beta2=0.99, eps=1e-12, L2=0.1, L2_is_weight_decay=True, grad_clip=1.0)
    torchs = torch.optim.AdamW(
        theirs.parameters(), lr=0.01, betas=(0.9, 0.99), eps=1e-12, weight_decay=0.1
    )
    for step in range(5):
        for module in (ours.module, theirs):
            set_gradients(module, seed=step)
        ours.finish_update(optimizer)
        nn.utils.clip_grad_norm_(theirs.parameters(), 1.0)
        torchs.step()
    # thinc takes the decay from the weights after the step, torch before: 5 times 0.01 * 0.001.
    torch.testing.assert_close(weights_of(ours), theirs.state_dict(), atol=5e-5, rtol=0)


class Unpacking(nn.Module):
    """Has a bug whose message has a word of torch's in it."""

    def __init__(self, width):
        super().__init__()
        _, _ = range(width)


@pytest.mark.parametrize(
    ("make", "size", "error", "says"),
    [
        (Unpacking, 3, ValueError, "too many values to unpack"),
        (lambda width: nn.Linear(width, 1), 2**62, ConfigError, "more memory than any machine"),
        (lambda width: nn.Linear(width, 1), 2**70, ConfigError, "more memory than any machine"),
    ],
)
def test_sizes_beyond_any_machine_are_told_from_other_errors(make, size, error, says):
    with pytest.raises(error, match=says):
        TorchShim(make, sample_sizes=(size,)).try_build()


class OnOther(torch.Tensor):
    """A gradient that can't be computed with, as one on another device."""

    @classmethod
    def __torch_function__(cls, function, types, args=(), kwargs=None):
        if "norm" in getattr(function, "__name__", ""):
            raise RuntimeError("Expected all tensors to be on the same device")
        return super().__torch_function__(function, types, args, kwargs or {})


def test_gradient_that_cannot_be_computed_with_is_not_said_to_be_infinite():
    net = nn.Linear(2, 1, bias=False)
    net.weight.grad = torch.ones(1, 2).as_subclass(OnOther)
    with pytest.raises(RuntimeError, match="on the same device"):
        clip_gradient(net, 1.0)


@pytest.mark.parametrize(("values", "what"), [(float("nan"), "'weight'"), (3e38, "norm overflows")])
def test_gradient_that_is_not_finite_changes_nothing(values, what):
    net = nn.Linear(2, 1, bias=False)
    net.weight.grad = torch.full((1, 2), values)
    with pytest.raises(NotFiniteError, match=what):
        clip_gradient(net, 1.0)
    assert torch.equal(net.weight.grad, torch.full((1, 2), values)) or values != values
