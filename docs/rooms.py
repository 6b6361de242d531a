"""Who knows whom: read from the includes of ``src_c`` and the imports of ``ckmeans``, printed, and drawn as
``rooms.svg`` beside this file. Run it after a change of the rooms; the tests say when."""

import ast
import re
from collections.abc import Iterator
from graphlib import TopologicalSorter
from itertools import pairwise
from pathlib import Path

ROOT = Path(__file__).parents[1]
PICTURE = Path(__file__).with_name("rooms.svg")

Edges = dict[str, set[str]]
"""By room: the rooms it knows, itself left out."""

# --- C ----------------------------------------------------------------------------------------------------------


def c_room(path: Path) -> str | None:
    """A folder of ``src_c``, or a file beside them, with its header; other headers there are no room, but for all."""
    if path.parent != ROOT / "src_c":
        return path.parent.name
    return f"{path.stem}.c" if path.with_suffix(".c").is_file() else None


def included(path: Path) -> list[Path]:
    names = re.findall(r'^\s*#\s*include\s+"(.*)"', path.read_text(), re.M)
    near = [(folder / name).resolve() for name in names for folder in (path.parent, ROOT / "src_c")]
    return [place for place in near if place.is_file()]


def c_edges() -> Edges:
    edges: Edges = {}
    for path in sorted((ROOT / "src_c").rglob("*.[ch]")):
        if room := c_room(path):
            known = {other for place in included(path) if (other := c_room(place))}
            edges.setdefault(room, set()).update(known - {room})
    return edges


# --- Python -----------------------------------------------------------------------------------------------------


def module_name(path: Path) -> str:
    """Of a file of the package, within it; "" is its front door."""
    parts = path.relative_to(ROOT / "ckmeans").with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def modules() -> dict[str, Path]:
    return {module_name(path): path for path in sorted((ROOT / "ckmeans").rglob("*.py"))} | {
        "_core": ROOT / "ckmeans" / "_core.pyx"
    }


def imported(module: str, source: str, is_package: bool, known: set[str]) -> Iterator[str]:
    """Modules of the package that a source imports, anywhere in it, by their names within it."""
    package = module.split(".") if is_package else module.split(".")[:-1]
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom):
            if node.level:
                parts = [part for part in package if part][: len(package) + 1 - node.level]
                origin = ".".join(["ckmeans", *parts, *filter(None, [node.module])])
            else:
                origin = node.module or ""
            # What is imported from a package may be a module, or a name that the package has.
            names = [f"{origin}.{alias.name}" for alias in node.names]
            names = [name if name.removeprefix("ckmeans.") in known else origin for name in names]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            continue
        yield from (name.removeprefix("ckmeans").lstrip(".") for name in names if name.split(".")[0] == "ckmeans")


def python_room(module: str) -> str:
    """The first part of a module's name; the front door is called ``ckmeans``."""
    return module.partition(".")[0] or "ckmeans"


def python_edges() -> Edges:
    found = modules()
    edges: Edges = {}
    for module, path in found.items():
        known = edges.setdefault(python_room(module), set())
        if path.suffix == ".py":
            source, is_package = path.read_text(), path.stem == "__init__"
            known |= {python_room(name) for name in imported(module, source, is_package, set(found))}
        known.discard(python_room(module))
    return edges


# --- Text and picture -------------------------------------------------------------------------------------------


def layers(edges: Edges) -> list[list[str]]:
    """Rooms by height: those that know nobody first, each one above all that it knows."""
    height: dict[str, int] = {}
    for room in TopologicalSorter(edges).static_order():
        height[room] = 1 + max((height[other] for other in edges.get(room, ())), default=-1)
    return [sorted(room for room in height if height[room] == level) for level in range(max(height.values()) + 1)]


def nearest(edges: Edges) -> Edges:
    """Without what follows: a room is not joined to those that a room it knows stands upon."""

    def below(room: str) -> set[str]:
        return set().union(*({other} | below(other) for other in edges.get(room, ())))

    return {
        room: {other for other in known if not any(other in below(third) for third in known)}
        for room, known in edges.items()
    }


def text(edges: Edges) -> str:
    """A line a room, the highest first: whom it knows."""
    return "\n".join(
        f"{room} > {', '.join(sorted(edges.get(room, ()))) or 'nobody'}"
        for level in reversed(layers(edges))
        for room in level
    )


WIDTH, BOX, GAP, HIGH, STEP, MARGIN = 600, 92, 30, 26, 58, 16
STYLE = """
  text { font: 12px system-ui, sans-serif; fill: #1a1a1a; text-anchor: middle; }
  text.title { font-weight: 600; text-anchor: start; }
  rect { fill: #e8f1f8; stroke: #0072b2; }
  path { fill: none; stroke: #667; stroke-width: 1.2; }
  .page { fill: #fff; stroke: none; }
  marker path { fill: #667; stroke: none; }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6e6e6; }
    rect { fill: #1c3244; stroke: #56b4e9; }
    path { stroke: #a0a8b4; }
    .page { fill: #14181d; }
    marker path { fill: #a0a8b4; }
  }
"""


def chains(edges: Edges, levels: list[list[str]]) -> list[list[str]]:
    """Every edge to draw as a way from level to level; where it passes a level, ``levels`` gets a gap for it."""
    level_of = {room: i for i, level in enumerate(levels) for room in level}
    ways = []
    for room, known in sorted(nearest(edges).items()):
        for other in sorted(known):
            passed = range(level_of[room] + 1, level_of[other])
            gaps = [f"{room} > {other} at {i}" for i in passed]
            for i, gap in zip(passed, gaps, strict=True):
                levels[i].append(gap)
            ways.append([room, *gaps, other])
    return ways


def drawn(title: str, edges: Edges, top: int) -> tuple[list[str], int]:
    """Elements of a picture of ``edges`` that begins at a height, and where it ends."""
    levels = layers(edges)[::-1]
    rooms = {room for level in levels for room in level}
    ways = chains(edges, levels)
    place: dict[str, tuple[float, float]] = {}
    for i, level in enumerate(levels):
        across = {}  # below the middle of those above, as far as there is room
        for node in level:
            above = [place[a][0] for way in ways for a, b in pairwise(way) if b == node]
            across[node] = sum(above) / len(above) if above else WIDTH / 2
        widths = [BOX + GAP if node in rooms else GAP for node in level]
        x = (WIDTH - sum(widths)) / 2
        for node in sorted(level, key=lambda node: (across[node], node)):
            width = BOX + GAP if node in rooms else GAP
            place[node] = (x + width / 2, top + 34 + STEP * i)
            x += width
    lines = [f'<text class="title" x="{MARGIN}" y="{top + 12}">{title}</text>']
    for way in ways:
        x, y = place[way[0]]
        steps = [f"M{x:g} {y + HIGH:g}"]
        for a, b in pairwise(way):
            (x, y), (u, v) = place[a], place[b]
            y, v = y + HIGH, v - 3 if b in rooms else v
            steps.append(f"C{x:g} {(y + v) / 2:g} {u:g} {(y + v) / 2:g} {u:g} {v:g}")
            if b not in rooms:
                steps.append(f"V{v + HIGH:g}")
        lines.append(f'<path marker-end="url(#tip)" d="{"".join(steps)}"/>')
    for room in sorted(rooms):
        x, y = place[room]
        lines.append(f'<rect x="{x - BOX / 2:g}" y="{y:g}" width="{BOX}" height="{HIGH}" rx="5"/>')
        lines.append(f'<text x="{x:g}" y="{y + 17:g}">{room}</text>')
    return lines, top + 34 + STEP * len(levels)


def picture(parts: dict[str, Edges]) -> str:
    elements: list[str] = []
    bottom = MARGIN
    for title, edges in parts.items():
        lines, bottom = drawn(title, edges, bottom)
        elements += lines
    told = "\n".join(f"{title}\n{text(edges)}" for title, edges in parts.items()).replace(">", "&gt;")
    size = f'width="{WIDTH}" height="{bottom}"'
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" {size} viewBox="0 0 {WIDTH} {bottom}">',
            f"<desc>{told}</desc>",
            f"<style>{STYLE}</style>",
            '<marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
            '<path d="M0 0L8 4L0 8z"/></marker>',
            f'<rect class="page" {size}/>',
            *elements,
            "</svg>\n",
        ]
    )


def both() -> dict[str, Edges]:
    return {"Python: ckmeans": python_edges(), "C: src_c": c_edges()}


if __name__ == "__main__":
    for title, edges in both().items():
        print(f"{title}\n{text(edges)}\n")
    PICTURE.write_text(picture(both()))
