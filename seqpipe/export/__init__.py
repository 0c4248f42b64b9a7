"""Pipelines for programs without torch and spaCy: as a model of ONNX with a small reader."""

from seqpipe.export._folder import export_pipeline as export_pipeline
from seqpipe.export._model import export_model as export_model

__all__ = ["export_model", "export_pipeline"]
