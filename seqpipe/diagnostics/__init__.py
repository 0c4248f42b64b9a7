"""Diagnostics of recurrent networks in training: gradient flow, spectra of weights, saturation of gates."""

from seqpipe.diagnostics._flow import GradientFlow as GradientFlow
from seqpipe.diagnostics._flow import gradient_flow as gradient_flow
from seqpipe.diagnostics._plotting import PlotError as PlotError
from seqpipe.diagnostics._saturation import GateSaturation as GateSaturation
from seqpipe.diagnostics._saturation import Saturation as Saturation
from seqpipe.diagnostics._saturation import gate_saturation as gate_saturation
from seqpipe.diagnostics._spectrum import Spectrum as Spectrum
from seqpipe.diagnostics._spectrum import SpectrumRecorder as SpectrumRecorder

__all__ = [
    "GateSaturation",
    "GradientFlow",
    "PlotError",
    "Saturation",
    "Spectrum",
    "SpectrumRecorder",
    "gate_saturation",
    "gradient_flow",
]
