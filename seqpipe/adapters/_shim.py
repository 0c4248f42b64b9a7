"""The bridge between torch modules and thinc models."""

import contextlib
import json
import os
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load as load_arrays
from safetensors.numpy import save as save_arrays
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from thinc.api import CupyOps, Model, get_current_ops
from thinc.shims import Shim
from thinc.util import get_torch_default_device, torch2xp, xp2torch
from torch import Tensor, nn

from seqpipe.adapters._optimizer import AdamW, clip_gradient
from seqpipe.devices import Placement
from seqpipe.errors import ConfigError, SavedModelError
from seqpipe.storage.packed_arrays import Packed, from_stored, is_packed, to_stored

#: Returns an array in fewer bytes, or None where it should stay as it is.
Pack: TypeAlias = Callable[[NDArray[np.float32]], Packed | None]

_SIZES = "sizes"
#: Larger modules take seconds to start, and aren't made only to be tried.
_LARGEST_TRIED = 2**26
#: The setting that says how large a part of a module is; for others it's `width`.
_SETTINGS = {"trained": "trained_width", "characters": "characters"}
#: What torch raises for sizes whose product, or that themselves, have more than 64 bits.
_OVERFLOW = re.compile("Storage size calculation overflowed|Overflow when unpacking long")


class TorchShim(Shim):  # type: ignore[misc]
    """Holds a torch module that's built when its sizes are known: at initialisation or on loading.

    Where thinc's own shim pickles, this one writes safetensors; where that clips the gradient of each
    array by itself, this one clips by the norm over the whole module; and parameter averages reach
    the module's weights.

    Args:
        build: Makes the module from its sizes.
        sample_sizes: Some sizes that `build` can be tried with; as many as it takes.
    """

    def __init__(
        self, build: Callable[..., nn.Module], *, sample_sizes: tuple[int, ...] = ()
    ) -> None:
        super().__init__(None)
        self._sample_sizes = sample_sizes
        self._model: nn.Module | None
        self._build = build
        self._sizes: tuple[int, ...] = ()
        self._pack: Pack | None = None
        #: Where the module is, or will be once it's built.
        self.placement = Placement()

    @property
    def module(self) -> nn.Module:
        """The module.

        Raises:
            SavedModelError: It hasn't been built: the pipeline is neither initialised nor loaded.
        """
        if self._model is None:
            raise SavedModelError(
                "the model has no weights yet: call `nlp.initialize()`, or load a trained pipeline"
            )
        return self._model

    @property
    def sizes(self) -> tuple[int, ...]:
        """What the module was built with; empty before that."""
        return self._sizes

    @property
    def built(self) -> nn.Module | None:
        """The module, or None before it's built."""
        return self._model

    @property
    def device(self) -> torch.device:
        """The device that the module's weights are on."""
        parameter = next(self.module.parameters(), None)
        return self._default_device() if parameter is None else parameter.device

    @property
    def found_on(self) -> torch.device | None:
        """The device that the module is on, or None before it's built."""
        return None if self._model is None else self.device

    def move(self, placement: Placement) -> None:
        """Move the module, or have it built elsewhere; see `seqpipe.adapters.move_pipeline`."""
        self.placement = placement
        if self._model is not None and placement.device is not None:
            self._model.to(placement.device)

    def _default_device(self) -> torch.device:
        if self.placement.device is not None:
            return torch.device(self.placement.device)
        default: torch.device = get_torch_default_device()
        return default

    def build(self, *sizes: int) -> None:
        """Build the module, with new weights."""
        self._set(self._build(*sizes), sizes)

    def try_build(self) -> None:
        """Build a small module and drop it, so that settings that can't be used show early.

        Its sizes are looked at first, without taking memory. A large one is tried no further.

        Raises:
            ConfigError: As the part that's built gives cause for; or its weights need more memory than
                there is.
        """
        with torch.random.fork_rng(devices=[]):
            if (size := self._size_of_weights()) is None or size <= _LARGEST_TRIED:
                self._build(*self._sample_sizes)

    def _size_of_weights(self) -> int | None:
        """Return how many bytes they take, once that's known to be there; None if it isn't known."""
        try:
            with torch.device("meta"):
                module = self._build(*self._sample_sizes)
        except ConfigError:
            raise
        except Exception as error:
            if isinstance(error, (RuntimeError, TypeError)) and _OVERFLOW.search(str(error)):
                message = "its weights would take more memory than any machine has: lower the sizes"
                raise ConfigError(message, setting="width") from error
            # A constructor that looks at values can't be run without memory.
            return None
        sizes = {name: p.numel() * p.element_size() for name, p in module.named_parameters()}
        _check_memory(sizes)
        return sum(sizes.values())

    def _set(self, module: nn.Module, sizes: tuple[int, ...]) -> None:
        self._model = module.to(self._default_device())
        self._sizes = sizes

    def _call(self, inputs: tuple[Any, ...]) -> Any:
        """Call the module in the precision that's wanted of it; what comes out is in float32."""
        if self.placement.precision == "float32":
            return self.module(*inputs)
        with torch.autocast(self.device.type, dtype=torch.bfloat16):
            output = self.module(*inputs)
        is_narrow = isinstance(output, Tensor) and output.dtype == torch.bfloat16
        return output.float() if is_narrow else output

    def predict(self, inputs: tuple[Any, ...]) -> Tensor:
        """Call the module in evaluation mode, without gradients."""
        self.module.eval()
        with torch.no_grad():
            output: Tensor = self._call(inputs)
        return output

    def begin_update(self, inputs: tuple[Any, ...]) -> tuple[Tensor, Callable[[Tensor], None]]:
        """Call the module in training mode.

        Returns:
            The output, and a function that takes its gradient and adds to those of the weights and
            of the inputs that require one.
        """
        self.module.train()
        with torch.enable_grad():
            output: Tensor = self._call(inputs)

        def backprop(grad_output: Tensor) -> None:
            if output.requires_grad:
                torch.autograd.backward(output, grad_output)

        return output, backprop

    def finish_update(self, optimizer: Any) -> None:
        """Let the optimizer change the weights by their gradients, and clear those.

        An `AdamW` of ours steps the whole module at once; thinc's optimizers take one array after
        another, clipped by the norm over all. spaCy's `nlp.rehearse` gives a plain function in the
        optimizer's place, which keeps weights and gradients and changes the weights where they are,
        later on.

        Raises:
            NotFiniteError: The gradient has NaN or infinite numbers.
        """
        if isinstance(optimizer, AdamW):
            optimizer.step_module(self.module, self.id)
            return
        named = [(n, p, p.grad) for n, p in self.module.named_parameters() if p.grad is not None]
        clip_gradient(self.module, getattr(optimizer, "grad_clip", 0))
        for name, parameter, gradient in named:
            # Flat, as thinc can't step a single number that has no dimension.
            weights, _ = optimizer(
                (self.id, name),
                as_array(parameter.data.reshape(-1)),
                as_array(gradient.reshape(-1)),
            )
            stepped = xp2torch(weights, device=parameter.device).view(parameter.shape)
            if parameter.device.type == "cpu":
                # These very weights, which a plain function changes later on.
                parameter.data = stepped
            else:
                parameter.data.copy_(stepped)
        self.module.zero_grad(set_to_none=True)

    @contextlib.contextmanager
    def use_params(self, params: Mapping[Any, Any]) -> Iterator[None]:
        """Put other weights, such as averages, in the place of the module's for a while."""
        kept = {}
        for name, parameter in self.module.named_parameters():
            if (self.id, name) in params:
                kept[name] = parameter.data
                weights = params[self.id, name]
                if not isinstance(weights, Tensor):  # but one of thinc's arrays
                    weights = xp2torch(weights, device=parameter.device)
                parameter.data = weights.to(parameter.device).view(parameter.shape)
        try:
            yield
        finally:
            for name, data in kept.items():
                self.module.get_parameter(name).data = data

    def to_device(self, device_type: str, device_id: int) -> None:
        """Move the module to "cpu", or to the "gpu" of the given number."""
        if self._model is None:
            return
        self._model.to("cpu" if device_type == "cpu" else f"cuda:{device_id}")

    def copy(self) -> "TorchShim":
        """Return a shim of its own identity, with the same weights."""
        copied = TorchShim(self._build, sample_sizes=self._sample_sizes)
        copied.placement = self.placement
        copied.from_bytes(self.to_bytes())
        return copied

    def to_bytes(self) -> bytes:
        """Write sizes and weights in the safetensors format; nothing before the module is built."""
        if self._model is None:
            return b""
        # Copies, as safetensors refuses tensors that share memory, such as tied weights; and on the host, as whoever loads
        # them may have no other device.
        layout = torch.contiguous_format
        weights = {
            name: tensor.to("cpu", copy=True, memory_format=layout)
            for name, tensor in self.module.state_dict().items()
        }
        metadata = {_SIZES: json.dumps(self._sizes)}
        if self._pack is None:
            return save_tensors(weights, metadata=metadata)
        return _packed(weights, metadata, self._pack)

    @contextlib.contextmanager
    def packing(self, pack: Pack) -> Iterator[None]:
        """Have `to_bytes` write weights in fewer bytes for a while."""
        self._pack = pack
        try:
            yield
        finally:
            self._pack = None

    def from_bytes(self, data: bytes) -> "TorchShim":
        """Build the module from what `to_bytes` wrote.

        Raises:
            SavedModelError: The bytes aren't what `to_bytes` writes, or don't fit the pipeline's
                configuration.
        """
        if not data:
            self._model = None
            return self
        try:
            metadata = _read_metadata(data)
            weights = _unpacked(data, metadata) if is_packed(metadata) else load_tensors(data)
            sizes = _read_sizes(metadata)
            _check_shapes(self._build, sizes, weights)
            module = self._build(*sizes)
            module.load_state_dict(weights)
        except (SafetensorError, RuntimeError, ValueError, KeyError, TypeError) as error:
            raise SavedModelError(
                f"saved weights don't fit the pipeline's configuration, or are damaged: {error}"
            ) from error
        self._set(module, sizes)
        return self


def as_array(tensor: Tensor) -> Any:
    """Return a tensor's numbers for thinc: an array on the host, wherever the tensor is, without a gradient.

    Only where thinc has been told to compute by CuPy, as `spacy.require_gpu` does, is it one of CuPy's.
    """
    if isinstance(get_current_ops(), CupyOps):
        return torch2xp(tensor)
    return tensor.detach().cpu().numpy()


def torch_shims(component: object) -> list[TorchShim]:
    """Return what holds the torch modules of a component of spaCy's."""
    model = getattr(component, "model", None)
    if not isinstance(model, Model):
        return []
    return [shim for node in model.walk() for shim in node.shims if isinstance(shim, TorchShim)]


def _check_memory(sizes: Mapping[str, int]) -> None:
    """Raise a `ConfigError` if weights of these sizes can't be trained for want of memory.

    Training takes as much again for the gradients; what an optimizer keeps isn't known here.
    """
    total, there = sum(sizes.values()), memory_size()
    if not there or 2 * total <= there:
        return
    largest = max(sizes, key=lambda name: sizes[name])
    raise ConfigError(
        f"its weights would take {total / 1e9:,.1f} GB, their gradients as much again, and this machine has "
        f"{there / 1e9:,.1f} GB of memory: lower the sizes",
        setting=_SETTINGS.get(largest.partition(".")[0], "width"),
    )


def memory_size() -> int | None:
    """Return how many bytes of memory this machine has, or this process is granted; None if it's unknown."""
    try:
        size = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return None
    try:
        granted = Path("/sys/fs/cgroup/memory.max").read_text(encoding="ascii").strip()
    except OSError:
        return size
    return min(size, int(granted)) if granted.isdigit() else size


def _check_shapes(
    build: Callable[..., nn.Module], sizes: tuple[int, ...], weights: Mapping[str, Tensor]
) -> None:
    """Check that weights fit a module of these sizes before that takes any memory."""
    try:
        with torch.device("meta"):
            expected = build(*sizes).state_dict()
    except RuntimeError:
        # A constructor that looks at values can't be run without memory.
        return
    found = {name: tensor.shape for name, tensor in weights.items()}
    if found != {name: tensor.shape for name, tensor in expected.items()}:
        raise ValueError(f"weights for the sizes {list(sizes)} have other shapes")


def _read_metadata(data: bytes) -> dict[str, str]:
    # The header is a length of 8 bytes and JSON; safetensors reads metadata from files only.
    length = int.from_bytes(data[:8], "little")
    metadata: dict[str, str] = json.loads(data[8 : 8 + length])["__metadata__"]
    return metadata


def _read_sizes(metadata: Mapping[str, str]) -> tuple[int, ...]:
    sizes = json.loads(metadata[_SIZES])
    if not all(isinstance(size, int) and 0 <= size < 2**31 for size in sizes):
        raise ValueError(f"sizes {sizes!r}")
    return tuple(sizes)


def _packed(weights: Mapping[str, Tensor], metadata: Mapping[str, str], pack: Pack) -> bytes:
    """Write weights, those of float32 in fewer bytes where `pack` has it so."""
    arrays = {name: tensor.cpu().numpy() for name, tensor in weights.items()}
    floats = {name: array for name, array in arrays.items() if array.dtype == np.float32}
    packed = {name: p for name, array in floats.items() if (p := pack(array)) is not None}
    stored, forms = to_stored(arrays, packed)
    return _in_order(save_arrays(stored, metadata={**metadata, **forms}))


def _in_order(data: bytes) -> bytes:
    """Sort the metadata of a file of safetensors, which are in another order each time they're written."""
    end = 8 + int.from_bytes(data[:8], "little")
    header = json.loads(data[8:end])
    header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    # The numbers begin at a multiple of 8 bytes, for those who map them.
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + data[end:]


def _unpacked(data: bytes, metadata: Mapping[str, str]) -> dict[str, Tensor]:
    arrays = from_stored(load_arrays(data), metadata, "a component's weights")
    return {name: torch.from_numpy(array) for name, array in arrays.items()}


def _one_thread_after_fork() -> None:
    # Threads don't survive a fork, and OpenMP waits for ever for those it had before.
    torch.set_num_threads(1)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_one_thread_after_fork)
