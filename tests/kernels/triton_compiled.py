"""The Triton kernels compile for GPUs, on a machine without one.

`test_kernels_triton.py` starts it, as it changes Triton for the rest of the process.
"""

import functools

import pytest
import torch
from triton._C.libtriton import llvm
from triton.backends.compiler import GPUTarget
from triton.backends.nvidia.compiler import CUDABackend
from triton.runtime import driver, jit
from triton_jobs import FEW, lift, make_job, run_both_passes

from seqpipe.kernels.triton import _engine
from seqpipe.kernels.triton._engine import Limits, Triton
from seqpipe.parts.cells import GRU, LSTM, PeepholeLSTM

MODES = {
    "whole": Limits(),
    "shared": Limits(whole=0),
    "stepwise": Limits(whole=0, shared=0),
}


@functools.cache
def lifted(cell, capability, *, noisy=False):
    """Trace a kind of cell once, whose kernels serve all widths; they stay with the GPU they're first compiled for."""
    return lift(cell(2, 5), noisy=noisy)


class Absent:
    """Stands in for a GPU's driver."""

    def __init__(self, capability):
        self.capability = capability

    def get_current_device(self):
        return 0

    def get_current_stream(self, device):
        return 0

    def get_current_target(self):
        return GPUTarget("cuda", self.capability, 32)


@pytest.fixture
def compiled(monkeypatch):
    """Compile what would be launched; give all that was compiled."""
    made = {}
    run = jit.JITFunction.run

    def compile_only(self, *args, grid, warmup, **named):
        made[self.__name__] = run(self, *args, grid=grid, warmup=True, **named)

    monkeypatch.setattr(jit.JITFunction, "run", compile_only)
    monkeypatch.setattr(_engine, "_processors", lambda device: 132)
    _engine.choose_config.cache_clear()
    return made


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("capability", "dtype"), [(80, torch.float32), (90, torch.bfloat16)])
def test_kernels_compile(mode, capability, dtype, compiled):
    driver.set_active(Absent(capability))
    cell, width = (GRU, 100) if mode == "shared" else (PeepholeLSTM, 32)
    job = make_job(
        lifted(cell, capability, noisy=True),
        width,
        FEW,
        dtype=dtype,
        biased=True,
        masked=True,
        clip=1.0,
    )
    engine = Triton(MODES[mode])
    run_both_passes(engine, job)
    assert set(compiled) == {"forward", "backward"}
    for kernel in compiled.values():
        assert kernel.asm["cubin"]
        # All that the smallest of these GPUs has.
        assert kernel.metadata.shared < 96 * 1024
        # Blocks that wait for each other must all be there.
        assert kernel.metadata.launch_cooperative_grid == (mode == "shared")


@pytest.fixture
def without_assembler(monkeypatch):
    """Leave the last stages out, which take most of the time: how much memory is shared is known before."""

    def name_only(self, source, metadata, *_):
        metadata["name"] = "kernel"
        return ""

    monkeypatch.setattr(llvm, "optimize_module", lambda *_: None)
    monkeypatch.setattr(CUDABackend, "make_ptx", name_only)
    monkeypatch.setattr(CUDABackend, "make_cubin", lambda *_: b"")


@pytest.mark.usefixtures("without_assembler")
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32])
@pytest.mark.parametrize("units", [8, 16, 32, 64])
def test_shared_memory_holds_what_a_config_needs(units, dtype, compiled, monkeypatch):
    driver.set_active(Absent(90))
    available = 227 * 1024
    monkeypatch.setattr(
        _engine, "_available_memory", lambda device: available - _engine._RESERVED_BYTES
    )
    limits, cpu = Limits(whole=0, units=(units,)), torch.device("cpu")
    widest = max(
        width
        for width in (64, 128, 256, 512, 1024)
        if _engine.choose_config(4, width, 1, dtype, cpu, limits).mode == "shared"
    )
    assert widest >= units
    job = make_job(lifted(LSTM, 90), widest, FEW, dtype=dtype, masked=True)
    run_both_passes(Triton(limits), job)
    assert max(kernel.metadata.shared for kernel in compiled.values()) <= available
