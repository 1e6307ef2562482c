"""Class names, and the class that a user means."""

from __future__ import annotations

import ast
import difflib
import json
from typing import List, Mapping, Optional, Sequence, Tuple, Union

import numpy

from ._onnx_grad import Model, OnnxGradError

Target = Union[None, int, str]
Labels = Union[Sequence[str], Mapping[int, str]]

# Where exporters write the names of classes.
_KEYS = ("names", "class_names", "id2label", "labels")


def labels_of(model: Model, given: Optional[Labels]) -> List[str]:
    """The names of the classes: those given, or those in the model's metadata. Empty if they are unknown."""
    if given is not None:
        return _listed(given)
    metadata = dict(model.metadata())
    for key in _KEYS:
        if key in metadata:
            try:
                return _listed(_parsed(metadata[key]))
            except (ValueError, SyntaxError, KeyError, TypeError, AttributeError):
                continue
    return []


def _parsed(text: str) -> Labels:
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return ast.literal_eval(text)


def _listed(names: Labels) -> List[str]:
    if isinstance(names, Mapping):
        by_id = {int(number): str(name) for number, name in names.items()}
        return [by_id.get(number, "") for number in range(max(by_id, default=-1) + 1)]
    return [str(name) for name in names]


def class_of(target: Target, labels: Sequence[str]) -> Tuple[Optional[int], bool]:
    """The class that is meant, ``None`` for the top one, and whether its score counts negatively."""
    if target is None:
        return None, False
    if isinstance(target, (int, numpy.integer)) and not isinstance(target, bool):
        if target < -1:
            raise OnnxGradError(f"target is {target}; give a class from 0, or -1 for the top one")
        return (None if target == -1 else int(target)), False
    if not isinstance(target, str):
        raise OnnxGradError(f"target is {target!r}; give a number or a name")
    text = target.strip()
    known = _number(text, labels)
    if known is not None:
        return known, False
    for mark in ("-", "not "):
        if text.startswith(mark):
            return _named(text[len(mark) :].strip(), labels), True
    if text == "not":
        return None, True
    return _named(text, labels), False


def _number(text: str, labels: Sequence[str]) -> Optional[int]:
    """The class with this number or name."""
    if text.isdecimal():
        return int(text)
    wanted = _plain(text)
    same = [number for number, name in enumerate(labels) if _plain(name) == wanted]
    # ImageNet's names are lists of synonyms.
    same = same or [number for number, name in enumerate(labels) if wanted in map(_plain, name.split(","))]
    if len(same) > 1:
        raise OnnxGradError(f"{len(same)} classes are named {text}: {', '.join(map(str, same[:5]))}; give a number")
    return same[0] if same else None


def _plain(name: str) -> str:
    return name.strip().replace("_", " ").lower()


def _named(text: str, labels: Sequence[str]) -> int:
    found = _number(text, labels)
    if found is not None:
        return found
    if not labels:
        raise OnnxGradError(f"the class {text} is unknown, because the model names no classes; give labels, or a number")
    near = difflib.get_close_matches(_plain(text), [_plain(name) for name in labels], 3)
    advice = f"; similar: {', '.join(near)}" if near else ""
    raise OnnxGradError(f"no class is named {text}{advice}")
