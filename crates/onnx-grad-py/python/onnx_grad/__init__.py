"""Gradients of ONNX models at inference, with the ONNX Runtime that you have.

>>> import onnx_grad
>>> gradient = onnx_grad.differentiate("classifier.onnx")          # an onnx.ModelProto
>>> heat = onnx_grad.explain("classifier.onnx", image, "tabby")    # a heat map [H, W]
"""

from ._differentiate import OnnxGradNote, differentiate
from ._explain import explain
from ._onnx_grad import METHODS, OnnxGradError, __version__

__all__ = ["METHODS", "OnnxGradError", "OnnxGradNote", "__version__", "differentiate", "explain"]
