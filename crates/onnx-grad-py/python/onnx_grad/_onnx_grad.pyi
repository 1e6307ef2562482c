"""The native part. Use the functions of `onnx_grad`; these may change."""

from os import PathLike
from typing import Any, Callable, List, Optional, Protocol, Sequence, Tuple

__version__: str
METHODS: List[str]
MAX_ELEMENTS: int
MAX_SEED: int

class OnnxGradError(ValueError): ...

class Model:
    @staticmethod
    def load(path: PathLike[str] | str) -> Model: ...
    @staticmethod
    def parse(bytes: bytes) -> Model: ...
    def save(self, path: PathLike[str] | str) -> None: ...
    def bytes(self) -> Optional[bytes]: ...
    def metadata(self) -> List[Tuple[str, str]]: ...
    def inputs(self) -> List[Tuple[str, int, Optional[List[Optional[int]]]]]: ...

class MethodArguments(Protocol):
    name: str
    samples: int
    noise: float
    baseline: Optional[str]
    colour: Sequence[float]
    layer: Optional[str]
    seed: int

Value = Tuple[str, int, List[int], Optional[bytes]]
Run = Callable[[Model, List[Value], str], List[Value]]

def compile(
    model: Model,
    run: Run,
    of: Optional[str | Model],
    wrt: List[str],
    inputs: List[Value],
    batch: Optional[int],
    several_targets: bool,
    method: Any,
) -> Tuple[Model, List[str]]: ...
def logits(model: Model, run: Run, wrt: List[str], inputs: List[Value]) -> Tuple[str, int]: ...
def channels_axis(shape: List[int]) -> Optional[int]: ...
