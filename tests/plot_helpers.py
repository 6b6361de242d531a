"""What the tests of pictures share."""

import types

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg

from ckmeans.selection.criteria import CRITERIA, DTYPE, empty_table


def selection(ks=range(1, 9), *, elbow=4, recommended_k=4, structured=True, choices=None, **columns):
    """A KSelection, made up, with all criteria or those given."""
    k = np.asarray(ks)
    table = empty_table(k)
    for name in DTYPE.names[1:]:
        table[name] = columns.get(name, np.nan if columns else 2 + np.cos(k))
    table["inertia"] = columns.get("inertia", 100 / k)
    return types.SimpleNamespace(
        table=table,
        criteria={name: criterion[:2] for name, criterion in CRITERIA.items()},
        elbow=elbow,
        recommended_k=recommended_k,
        structured=structured,
        choices=choices or {},
    )


def render(ax):
    """Lay all of it out, as if it went to a file."""
    renderer = FigureCanvasAgg(ax.figure).get_renderer()
    ax.figure.draw_without_rendering()
    return renderer


def ring(ax):
    """Where the mark of a choice lies, of a curve's plot."""
    (found,) = (line for line in ax.lines if line.get_fillstyle() == "none")
    return found.get_xydata().tolist()


def vertical_lines(ax):
    return [line.get_xdata()[0] for line in ax.lines if len(set(line.get_xdata())) == 1 and len(line.get_xdata()) == 2]


def words(texts):
    return [text.get_text() for text in texts]
