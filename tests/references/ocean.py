"""matplotlib's ocean as 256 RGB triples. usage: ocean.py > tests/fixtures/ocean.rgb; needs matplotlib (3.11 made the fixture)."""
import sys

import matplotlib
import numpy

colours = matplotlib.colormaps["ocean"](numpy.arange(256), bytes=True)
sys.stdout.buffer.write(numpy.ascontiguousarray(colours[:, :3]).tobytes())
