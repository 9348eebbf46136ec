"""The network in 8 bits, the frontend as it is: a file of a quarter of the size, at a cost that is measured."""

from __future__ import annotations

from pathlib import Path

from ser_lightning.exported.programs import quiet
from ser_lightning.files import atomic_path

FRONTEND = "frontend."
"""How the names of the frontend's tensors begin in an exported file."""
QUANTIZED = ("Conv", "Gemm", "MatMul")


def quantize(source: Path, target: Path) -> None:
    """Write the ONNX model at `source` with weights of 8 bits and activations quantised as they come."""
    with quiet():
        import onnx
        from onnxruntime.quantization import QuantType, quantize_dynamic

        # The product with the mel filters is one too; in 8 bits it would leave the loudest bands alone.
        graph = onnx.load(source, load_external_data=False).graph
        kept = [node.name for node in graph.node if any(name.startswith(FRONTEND) for name in node.input)]
        assert kept, "the mel filters are in the file by their name"
        with atomic_path(target) as temporary:
            quantize_dynamic(
                source,
                temporary,
                op_types_to_quantize=list(QUANTIZED),
                weight_type=QuantType.QUInt8,  # older runtimes have no product of signed weights
                nodes_to_exclude=kept,
            )
