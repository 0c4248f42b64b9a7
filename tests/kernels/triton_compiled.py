"""The Triton kernels compile for GPUs, on a machine without one.

`test_kernels_triton.py` starts it, as it changes Triton for the rest of the process.
"""

import pytest
import torch
from triton.backends.compiler import GPUTarget
from triton.runtime import driver, jit
from triton_walks import FEW, both_ways, lift, make_walk

from seqpipe.kernels import _triton_form
from seqpipe.kernels._triton import Triton
from seqpipe.kernels._triton_form import Limits
from seqpipe.parts.cells import GRU, PeepholeLSTM

FORMS = {
    "resident": Limits(),
    "read": Limits(resident=0),
    "split": Limits(resident=0, widest=0),
    "barrier": Limits(resident=0, widest=0, barrier=True),
}


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
    monkeypatch.setattr(_triton_form, "_processors", lambda device: 132)
    return made


@pytest.mark.parametrize(
    ("form", "capability"), [("resident", 80), ("read", 90), ("split", 90), ("barrier", 80)]
)
def test_kernels_compile(form, capability, compiled):
    driver.set_active(Absent(capability))
    dtype = torch.bfloat16 if form == "split" else torch.float32
    cell, width = (GRU, 100) if form == "barrier" else (PeepholeLSTM, 32)
    walk = make_walk(
        lift(cell(2, width), noisy=True),
        width,
        FEW,
        dtype=dtype,
        biased=True,
        masked=True,
        clip=1.0,
    )
    both_ways(Triton(FORMS[form]), walk)
    assert set(compiled) == {"forward", "backward"}
    for kernel in compiled.values():
        assert kernel.asm["cubin"]
        # All that the least of these GPUs has.
        assert kernel.metadata.shared < 96 * 1024
    if form == "barrier":
        assert ".release." in compiled["forward"].asm["ptx"]
