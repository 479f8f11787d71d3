"""Programs as files of ONNX: a table from primitives to nodes, so that what can be traced can be exported.

`recording` a trace that remembers which op its instructions come from, `sizes` how the number of rows is
found in the traces of several, `lines` the traces as one program, `writer` nodes, names and initializers
under construction; the tables: `elementwise`, `reductions`, `shapes`, `indexing`, `sliding` by primitive,
`whole` by op; `translate` goes through a program, `evaluate` computes it for comparison, `file` makes the
bytes. Nothing but `file` imports onnx.
"""

from .evaluate import evaluated, random_arrays
from .lines import Lines, merged
from .recording import Recording
from .translate import Graph, translated
from .whole import WHOLE

__all__ = ["WHOLE", "Graph", "Lines", "Recording", "evaluated", "merged", "random_arrays", "translated"]
