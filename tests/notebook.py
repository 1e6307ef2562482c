"""Runs the code of a notebook, and compares its pictures with those stored in it: notebook.py NOTEBOOK [--write]

With --write, it stores the new outputs instead. It needs no Jupyter: a cell shows its last expression, and what it
prints. Pictures are PIL images.
"""

import ast
import base64
import contextlib
import io
import json
import sys

import numpy
from PIL import Image

# How far a picture may be from the stored one, on average, of 255: processors round differently.
MAX_DIFFERENCE = 6.0


def lines(text):
    return text.splitlines(keepends=True)


def execute(source, names):
    """The outputs of a cell, as a notebook stores them."""
    tree = ast.parse(source)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    printed = io.StringIO()
    shown = None
    with contextlib.redirect_stdout(printed):
        exec(compile(tree, "cell", "exec"), names)
        if last is not None:
            shown = eval(compile(ast.Expression(last.value), "cell", "eval"), names)
    outputs = []
    if printed.getvalue():
        outputs.append({"name": "stdout", "output_type": "stream", "text": lines(printed.getvalue())})
    if isinstance(shown, Image.Image):
        jpeg = io.BytesIO()
        shown.save(jpeg, "JPEG", quality=80)
        picture = base64.b64encode(jpeg.getvalue()).decode() + "\n"
        data = {"image/jpeg": picture, "text/plain": [f"<picture {shown.width}x{shown.height}>"]}
        outputs.append({"data": data, "metadata": {}, "output_type": "display_data"})
    elif shown is not None:
        data = {"text/plain": lines(repr(shown))}
        outputs.append({"data": data, "metadata": {}, "output_type": "display_data"})
    return outputs


def picture(output):
    content = output.get("data", {}).get("image/jpeg")
    if content is None:
        return None
    return numpy.asarray(Image.open(io.BytesIO(base64.b64decode(content))).convert("RGB"), float)


def compare(number, stored, found):
    assert len(stored) == len(found), f"cell {number} has {len(found)} outputs, and {len(stored)} are stored"
    for old, new in zip(stored, found):
        before, now = picture(old), picture(new)
        if before is None:
            assert old.get("text") == new.get("text") and old.get("data") == new.get("data"), f"cell {number}: {new}"
            continue
        assert before.shape == now.shape, f"cell {number}: a picture of {now.shape}"
        difference = abs(before - now).mean()
        assert difference < MAX_DIFFERENCE and now.std() > 5, f"cell {number}: its picture differs by {difference:.1f}"


def main(path, write):
    with open(path, encoding="utf-8") as file:
        notebook = json.load(file)
    names = {"__name__": "__main__"}
    count = 0
    for number, cell in enumerate(notebook["cells"]):
        if cell["cell_type"] == "code":
            found = execute("".join(cell["source"]), names)
            count += any(picture(output) is not None for output in found)
            if write:
                cell["outputs"] = found
            else:
                compare(number, cell["outputs"], found)
    if write:
        with open(path, "w", encoding="utf-8") as file:
            json.dump(notebook, file, indent=1, ensure_ascii=False)
            file.write("\n")
    print(f"{count} pictures")


if __name__ == "__main__":
    main(sys.argv[1], "--write" in sys.argv)
