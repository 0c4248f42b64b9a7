"""The names of devices and precisions, and what's said where there's none."""

import subprocess
import sys
from unittest import mock

import pytest
import torch

from seqpipe.devices import Placement, check_names, find_placement, in_double
from seqpipe.errors import ConfigError


@pytest.fixture
def two_gpus():
    """Have torch find two GPUs."""
    with (
        mock.patch("torch.cuda.is_available", return_value=True),
        mock.patch("torch.cuda.device_count", return_value=2),
        mock.patch("torch.cuda.current_device", return_value=0),
        mock.patch("torch.cuda.get_device_name", side_effect=lambda d: f"GPU {d}"),
    ):
        yield


@pytest.fixture
def no_gpu():
    """Have torch find none, whatever the machine has."""
    with (
        mock.patch("torch.cuda.is_available", return_value=False),
        mock.patch("torch.cuda.device_count", return_value=0),
        mock.patch("torch.backends.mps.is_available", return_value=False),
    ):
        yield


def test_nothing_moves_unless_it_is_asked_for():
    assert find_placement() == Placement(None, "float32")


@pytest.mark.parametrize(("name", "found"), [("cpu", "cpu"), ("auto", "cpu")])
def test_cpu_is_what_there_always_is(no_gpu, name, found):
    assert find_placement(name).device == found


@pytest.mark.parametrize(
    ("name", "found"),
    [("cuda", "cuda:0"), ("cuda:1", "cuda:1"), ("auto", "cuda:0"), ("cpu", "cpu")],
)
def test_gpus_are_found_by_number(two_gpus, name, found):
    assert find_placement(name).device == found


def test_number_beyond_the_gpus_names_those_that_are_there(two_gpus):
    with pytest.raises(ConfigError, match=r'"cuda:2", and there\'s no GPU of that number') as error:
        find_placement("cuda:2")
    assert "cpu; cuda:0 (GPU cuda:0); cuda:1 (GPU cuda:1)" in str(error.value)
    assert error.value.setting == "device"


def test_build_without_cuda_is_told_from_a_machine_without_gpu(no_gpu):
    with mock.patch("torch.version.cuda", None), pytest.raises(ConfigError) as error:
        find_placement("cuda")
    assert "is a build without CUDA" in str(error.value)
    assert "pytorch.org/get-started" in str(error.value)
    assert str(error.value).endswith("There is: cpu")
    with (
        mock.patch("torch.version.cuda", "12.8"),
        pytest.raises(ConfigError, match=r"CUDA 12.8, finds no GPU.*nvidia-smi"),
    ):
        find_placement("cuda:1")


def test_absent_mps_says_why(no_gpu):
    for is_built, reason in ((False, "build without it"), (True, "macOS 12.3")):
        with (
            mock.patch("torch.backends.mps.is_built", return_value=is_built),
            pytest.raises(ConfigError, match=reason),
        ):
            find_placement("mps")


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("cdua", '"cuda"'),
        ("graphics", ""),
        ("cuda:", '"cuda"'),
        ("CUDA:1", '"cuda:1"'),
        ("cpu:0", '"cpu"'),
        ("cuda:-1", '"cuda"'),
        ("cuda:\u0661", '"cuda"'),
        ("cuda:1234567890", ""),
        ("gpu", '"cuda"'),
        ("GPU:1", '"cuda:1"'),
        ("tpu", ""),
        ("", ""),
    ],
)
def test_unknown_names_are_refused_with_what_was_meant(name, meant):
    with pytest.raises(
        ConfigError, match="it may be cpu, cuda, cuda:1 and so on, mps or auto"
    ) as e:
        check_names(name)
    assert ("did you mean" in str(e.value)) == bool(meant)
    assert meant in str(e.value)


@pytest.mark.parametrize("setting", ["device", "precision"])
@pytest.mark.parametrize("value", [0, torch.device("cpu"), ["cuda"]])
def test_what_is_no_string_is_refused(setting, value):
    with pytest.raises(ConfigError, match=f"`{setting}` is .*, which isn't a string") as error:
        check_names(**{setting: value})
    assert error.value.setting == setting


def test_number_that_no_gpu_has_is_a_name_all_the_same(two_gpus):
    with pytest.raises(ConfigError, match="there's no GPU of that number"):
        find_placement("cuda:12345")


def test_precisions_are_two():
    assert find_placement("cpu", "bfloat16").precision == "bfloat16"
    with pytest.raises(ConfigError, match='did you mean "bfloat16"') as error:
        check_names(None, "bfloat15")
    assert error.value.setting == "precision"


def test_mps_computes_in_float32_only():
    with (
        mock.patch("torch.backends.mps.is_available", return_value=True),
        pytest.raises(ConfigError, match="mps computes in float32") as error,
    ):
        find_placement("mps", "bfloat16")
    assert error.value.setting == "precision"


def test_double_precision_is_had_on_the_cpu_where_the_device_has_none():
    # `mock` has no device of torch's: what's asked for is what's tested.
    tensor = mock.Mock()
    tensor.device.type = "mps"
    assert in_double(tensor) is tensor.cpu().double()
    assert in_double(torch.ones(2)).dtype == torch.float64


def test_importing_it_imports_no_torch():
    code = "import sys, seqpipe.devices; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
