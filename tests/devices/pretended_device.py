"""A device that computes on the CPU and behaves like another one: its tensors don't mix with those of the CPU.

Nothing but torch's own entry points for subclasses and modes is used. The device is called "lazy", a type that torch knows and that
no build has a backend for. As on CUDA, an operation with tensors of both kinds is refused unless the CPU's is a single number, or an
index; and `numpy()` needs `cpu()` before.
"""

import contextlib
from unittest import mock

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_map

DEVICE = "lazy"
_aten = torch.ops.aten
#: What takes indices from the CPU.
_INDEXING = (_aten.index.Tensor, _aten.index_put_.default, _aten._index_put_impl_.default)
_PRODUCTS = (torch.matmul, torch.Tensor.matmul, torch.Tensor.__matmul__)
_COPYING = (_aten._to_copy.default, _aten.copy_.default)


class There(torch.Tensor):
    """A tensor of the device, which holds one of the CPU."""

    @staticmethod
    def __new__(cls, held):
        made = torch.Tensor._make_wrapper_subclass(
            cls,
            held.shape,
            strides=held.stride(),
            storage_offset=held.storage_offset(),
            dtype=held.dtype,
            device=DEVICE,
        )
        made.held = held
        return made

    def numpy(self, *, force=False):
        """Refuse, as a tensor on a GPU does."""
        raise TypeError(f"can't convert {DEVICE} device type tensor to numpy: use Tensor.cpu()")

    def __array__(self, dtype=None):
        """Refuse likewise."""
        return self.numpy()

    def tolist(self):
        """Return the numbers, which needs no `cpu()` anywhere."""
        return self.cpu().tolist()

    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        """Have torch multiply a vector and a matrix without changing the shape of a tensor, which this one can't."""
        with torch._C.DisableTorchFunctionSubclass():
            if func in _PRODUCTS and args[0].ndim == 1 and args[1].ndim == 2:
                return (args[0][None] @ args[1])[0]
            return func(*args, **(kwargs or {}))

    @classmethod
    def __torch_dispatch__(cls, func, types, args=(), kwargs=None):
        """Compute what's outside of the mode, such as a backward pass in another thread."""
        return _compute(func, args, kwargs or {})


class _Mode(TorchDispatchMode):
    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        return _compute(func, args, kwargs or {})


def _compute(func, args, kwargs):
    tensors = []
    tree_map(lambda x: tensors.append(x) if isinstance(x, torch.Tensor) else None, (args, kwargs))
    there = [isinstance(each, There) for each in tensors]
    _check(func, tensors, there)
    wanted = kwargs.get("device")
    is_there = any(there) if wanted is None else torch.device(wanted).type == DEVICE
    if func is _aten.copy_.default:
        is_there = there[0]
    if any(there) or is_there:
        kwargs = {**kwargs, **({} if wanted is None else {"device": "cpu"})}
        held = tree_map(_held, (args, kwargs))
        found = func(*held[0], **held[1])
    else:
        return func(*args, **kwargs)
    if func is _aten.detach.default and is_there:
        return There(found)
    return tree_map(lambda x: _given_back(x, tensors, is_there), found)


def _check(func, tensors, there):
    if func in _COPYING or not any(there) or all(there):
        return
    first = tensors[0]
    alone = [t for t, is_there in zip(tensors, there, strict=True) if not is_there and t.ndim]
    if func in _INDEXING and isinstance(first, There):
        alone = [each for each in alone if each.is_floating_point()]
    if alone:
        raise RuntimeError(f"{func} got tensors on {DEVICE} and on the CPU")


def _held(value):
    return value.held if isinstance(value, There) else value


def _given_back(value, given, is_there):
    """Return a result of the CPU's as one of the device, and what was changed in place as itself."""
    if not isinstance(value, torch.Tensor):
        return value
    same = [each for each in given if isinstance(each, There) and each.held is value]
    if same:
        return same[0]
    return There(value) if is_there else value


_make = torch.tensor


def _tensor(data, *, device=None, **options):
    """Make a tensor, which torch does on the device itself otherwise, where no mode sees it."""
    made = _make(data, device="cpu" if device else None, **options)
    return made.to(device) if device else made


@contextlib.contextmanager
def pretended_device():
    """Have torch know the device, and yield its name."""
    fused = "torch.optim.optimizer._get_fused_kernels_supported_devices"
    swaps = torch.__future__.get_swap_module_params_on_conversion()
    # As on other devices, a module's parameters stay the same objects, and tied ones tied.
    torch.__future__.set_swap_module_params_on_conversion(True)
    try:
        with (
            _Mode(),
            mock.patch(fused, lambda: ["cpu", DEVICE]),
            mock.patch("torch.tensor", _tensor),
        ):
            yield DEVICE
    finally:
        torch.__future__.set_swap_module_params_on_conversion(swaps)
