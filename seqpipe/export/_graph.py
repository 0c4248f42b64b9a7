"""A graph of ONNX, built node by node."""

from collections.abc import Iterable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from seqpipe.errors import ExportError

#: What's needed stands in versions from early 2023 on: onnxruntime 1.14.
OPSET: Final = 18
_IR_VERSION: Final = 8
_INSTALL: Final = "pip install 'seqpipe[onnx]'"


def check_installed() -> None:
    """Check that what writes and runs graphs is there.

    Raises:
        ExportError: It isn't.
    """
    try:
        import onnx  # noqa: F401
        import onnxruntime  # noqa: F401
    except ImportError as error:
        raise ExportError(
            f"to export a pipeline to ONNX takes the packages onnx and onnxruntime: run {_INSTALL}"
        ) from error


class Graph:
    """Nodes and constants of a graph, or the nodes of one inside of it, such as the body of a loop.

    Values are known by their names, which are unique in all graphs of a model.

    Args:
        outer: The graph around it, whose values it may use; None for that of a model.
    """

    def __init__(self, outer: "Graph | None" = None) -> None:
        self.nodes: list[Any] = []
        self._root: Graph = outer._root if outer else self
        self._constants: dict[tuple[Any, ...], tuple[str, NDArray[Any]]] = {}
        self._count = 0

    def name(self, what: str) -> str:
        """Return a new name for a value."""
        self._root._count += 1
        return f"{what}_{self._root._count}"

    def add(self, operation: str, *inputs: str, **attributes: Any) -> str:
        """Add a node with one result, and return that."""
        return self.add_several(operation, inputs, 1, **attributes)[0]

    def add_several(
        self, operation: str, inputs: Any, outputs: int, **attributes: Any
    ) -> list[str]:
        """Add a node with several results, and return these."""
        from onnx import helper

        names = [self.name(operation.lower()) for _ in range(outputs)]
        self.nodes.append(helper.make_node(operation, list(inputs), names, **attributes))
        return names

    def constant(self, value: Any, dtype: Any = np.float32) -> str:
        """Return a constant; equal ones are the same."""
        array = np.ascontiguousarray(np.asarray(value, dtype=dtype)).reshape(np.shape(value))
        key = array.dtype.str, array.shape, array.tobytes()
        constants = self._root._constants
        if key not in constants:
            constants[key] = self.name("constant"), array
        return constants[key][0]

    def integers(self, *values: int) -> str:
        """Return a constant list of integers, `[len(values)]`."""
        return self.constant(values, np.int64)

    def linear(self, inputs: str, weight: Any, bias: Any = None) -> str:
        """Add ``inputs @ weight.T + bias``; the weight is `[outputs, inputs]`."""
        given = [inputs, self.constant(weight)]
        given += [] if bias is None else [self.constant(bias)]
        return self.add("Gemm", *given, transB=1)

    def split(self, value: str, parts: int, axis: int = 1) -> list[str]:
        """Add what cuts a value into equal parts."""
        if parts == 1:
            return [value]
        return self.add_several("Split", [value], parts, axis=axis, num_outputs=parts)

    def body(self, name: str, inputs: list[str], outputs: list[str]) -> Any:
        """Return it as a graph inside of a node; shapes are inferred."""
        from onnx import TensorProto, helper

        given, results = (
            [helper.make_tensor_value_info(each, TensorProto.FLOAT, None) for each in names]
            for names in (inputs, outputs)
        )
        return helper.make_graph(self.nodes, name, given, results)

    def model(self, name: str, inputs: dict[str, Any], outputs: dict[str, Any]) -> Any:
        """Return it as a checked model.

        Args:
            name: What it's called.
            inputs: The type of each input, of numpy's, and its shape, whose unknown sizes are names.
            outputs: Likewise.
        """
        import onnx
        from onnx import helper, numpy_helper

        given, results = (
            [
                helper.make_tensor_value_info(each, helper.np_dtype_to_tensor_dtype(dtype), shape)
                for each, (dtype, shape) in values.items()
            ]
            for values in (inputs, outputs)
        )
        used = _used(self.nodes)
        constants = [
            numpy_helper.from_array(array, each)
            for each, array in self._constants.values()
            if each in used
        ]
        graph = helper.make_graph(self.nodes, name, given, results, constants)
        opset = [helper.make_opsetid("", OPSET)]
        model = helper.make_model(
            graph, opset_imports=opset, ir_version=_IR_VERSION, producer_name="seqpipe"
        )
        onnx.checker.check_model(model, full_check=True)
        return model


def _used(nodes: Iterable[Any]) -> set[str]:
    """Return the names of the values that nodes, and graphs inside of them, take."""
    found: set[str] = set()
    for node in nodes:
        found.update(node.input)
        for attribute in node.attribute:
            found |= _used(attribute.g.node)
    return found
