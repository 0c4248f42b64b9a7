"""Where torch computes, and in which precision: the names that files and options have for it. torch isn't imported before it's needed."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from seqpipe.errors import ConfigError
from seqpipe.messages import did_you_mean, nearest, quote

#: What a device may be called; a GPU also by its number, as in "cuda:1".
DEVICES: Final = ("cpu", "cuda", "mps", "auto")
#: In what torch may compute.
PRECISIONS: Final = ("float32", "bfloat16")
_NUMBERED: Final = re.compile(r"(cuda):([0-9]{1,9})")
_ALLOWED: Final = {
    "device": "cpu, cuda, cuda:1 and so on, mps or auto",
    "precision": " or ".join(PRECISIONS),
}
#: What's meant by names that look like misspellings of "cpu" but aren't.
_OTHER_NAMES: Final[dict[str, list[str]]] = {"gpu": ["cuda"], "tpu": [], "npu": [], "xpu": []}
_BUILDS: Final = "https://pytorch.org/get-started/locally"


@dataclass(frozen=True)
class Placement:
    """Where torch modules are, and in which precision they compute.

    Attributes:
        device: What torch calls the device, such as "cuda:0"; None leaves them where they are.
        precision: "float32"; or "bfloat16", which matrix products are computed in while weights, losses and recurrences stay in
            float32.
    """

    device: str | None = None
    precision: str = "float32"


def find_placement(device: str | None = None, precision: str | None = None) -> Placement:
    """Return the placement that's named, once it's known that this machine has it.

    Args:
        device: The name of a device: "cpu", "cuda", "cuda:1", "mps", or "auto" for the first GPU of CUDA that there is, and
            otherwise the CPU. None leaves modules where they are.
        precision: "float32" or "bfloat16"; None for the former.

    Raises:
        ConfigError: There's no such device or precision, or not here.
    """
    check_names(device, precision)
    found = Placement(None if device is None else _find(device), precision or PRECISIONS[0])
    if found.device == "mps" and found.precision != PRECISIONS[0]:
        message = (
            f'`precision` is "{found.precision}", and mps computes in float32 here: leave it out'
        )
        raise ConfigError(message, setting="precision")
    return found


def check_names(device: str | None = None, precision: str | None = None) -> None:
    """Check that what's named could be there; whether it is, isn't looked at.

    Raises:
        ConfigError: There's no such device or precision, or it isn't a string.
    """
    given = (("device", device, device_problem), ("precision", precision, precision_problem))
    for setting, name, find_problem in given:
        if name is None:
            continue
        if not isinstance(name, str):
            message = (
                f"`{setting}` is {name!r}, which isn't a string: it may be {_ALLOWED[setting]}"
            )
            raise ConfigError(message, setting=setting)
        if problem := find_problem(name):
            raise ConfigError(f"`{setting}` is {quote(name)}; {problem}", setting=setting)


@dataclass(frozen=True)
class NameProblem:
    """What's wrong with the name of a device or a precision; `str` joins both attributes.

    Attributes:
        allowed: What it may be, such as "it may be float32 or bfloat16".
        question: Whether a similar name was meant; empty if there's none.
    """

    allowed: str
    question: str

    def __str__(self) -> str:
        return "; ".join(filter(None, (self.allowed, self.question)))


def device_problem(name: str) -> NameProblem | None:
    """Return what's wrong with the name of a device, or None."""
    if name in DEVICES or _NUMBERED.fullmatch(name):
        return None
    kind, _, number = name.partition(":")
    meant = [kind] if kind in DEVICES else _OTHER_NAMES.get(kind.lower(), nearest(kind, DEVICES))
    if number.isascii() and number.isdecimal():
        meant = [f"{each}:{number}" if each == "cuda" else each for each in meant]
    return _problem("device", [each for each in meant if each != name])


def precision_problem(name: str) -> NameProblem | None:
    """Return what's wrong with the name of a precision, or None."""
    return None if name in PRECISIONS else _problem("precision", nearest(name, PRECISIONS))


def _problem(setting: str, meant: list[str]) -> NameProblem:
    return NameProblem(f"it may be {_ALLOWED[setting]}", did_you_mean(meant))


def _find(name: str) -> str:
    import torch

    if name == "auto":
        return "cuda:0" if torch.cuda.is_available() else "cpu"
    if name == "mps":
        return _find_mps(torch)
    return name if name == "cpu" else _find_cuda(name, torch)


def _find_cuda(name: str, torch: Any) -> str:
    if not torch.cuda.is_available():
        raise _absent(name, _why_no_cuda(torch))
    numbered = _NUMBERED.fullmatch(name)
    number = int(numbered[2]) if numbered else torch.cuda.current_device()
    if number >= torch.cuda.device_count():
        raise _absent(name, "there's no GPU of that number")
    return f"cuda:{number}"


def _why_no_cuda(torch: Any) -> str:
    if not (torch.version.cuda or torch.version.hip):
        return f"torch {torch.__version__} is a build without CUDA: install another one, as {_BUILDS} says"
    built = f"CUDA {torch.version.cuda}" if torch.version.cuda else f"ROCm {torch.version.hip}"
    return (
        f"torch {torch.__version__}, built for {built}, finds no GPU: see whether the driver's own tool (nvidia-smi, rocminfo) lists "
        "one that's recent enough for it, and that CUDA_VISIBLE_DEVICES doesn't hide it"
    )


def _find_mps(torch: Any) -> str:
    if torch.backends.mps.is_available():
        return "mps"
    if not torch.backends.mps.is_built():
        raise _absent(
            "mps", f"torch {torch.__version__} is a build without it: it's part of those for macOS"
        )
    raise _absent("mps", "it needs macOS 12.3 or newer, on a Mac with a GPU that Metal supports")


def _absent(name: str, reason: str) -> ConfigError:
    there = "; ".join(present_devices())
    return ConfigError(f'`device` is "{name}", and {reason}. There is: {there}', setting="device")


def device_name(device: str) -> str:
    """Return what a device is called, and which model it is if it's a GPU of CUDA: "cuda:0 (NVIDIA H200)"."""
    import torch

    is_cuda = device.startswith("cuda")
    return f"{device} ({torch.cuda.get_device_name(device)})" if is_cuda else device


def in_double(tensor: Any) -> Any:
    """Return a tensor in double precision: on the CPU if it's on mps, which has none, and otherwise where it is."""
    return (tensor.cpu() if tensor.device.type == "mps" else tensor).double()


def present_devices() -> Iterable[str]:
    """Yield the devices that torch can use here, each GPU of CUDA with its model."""
    import torch

    yield "cpu"
    yield from (device_name(f"cuda:{number}") for number in range(torch.cuda.device_count()))
    if torch.backends.mps.is_available():
        yield "mps"
