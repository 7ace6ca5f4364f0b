"""Draws the layers of .importlinter, and lists its other contracts, for the architecture page: `python -m tools.architecture`."""

from collections.abc import Iterator, Sequence
from configparser import ConfigParser
from dataclasses import dataclass
from html import escape
from pathlib import Path

_ROOT = Path(__file__).parents[1]
CONTRACTS = _ROOT / ".importlinter"
PICTURE = _ROOT / "docs" / "pictures" / "layers.svg"
PAGE = _ROOT / "docs" / "explanation" / "architecture.md"
_BEGIN, _END = "<!-- contracts: begin, written by `python -m tools.architecture` -->\n", "<!-- contracts: end -->"

# All in the picture's own units, which are pixels where it is shown as wide as it is.
_WIDTH, _MARGIN, _GAP = 520, 16, 10
_BOX, _LETTER, _PADDING, _HEAD, _BETWEEN_LAYERS = 28, 7.4, 20, 30, 18
_STYLE = (
    "text{font:13px ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;fill:#16202c}"
    ".head{font:600 14px system-ui,sans-serif}.arrow{stroke:#5d6b7a;stroke-width:1.5;fill:none}"
    ".panel{fill:#f4f6f8;stroke:#c9d1d9}.box{fill:#fff;stroke:#5d6b7a}.joined{fill:#e3edf9;stroke:#5d6b7a}"
    ".apart{fill:#fff;stroke:#5d6b7a;stroke-dasharray:4 3}"
)


@dataclass(frozen=True, slots=True)
class Layer:
    """Modules side by side: `joined` ones may import each other, `box`es not; those `apart` are in no layer."""

    modules: tuple[str, ...]
    kind: str


@dataclass(frozen=True, slots=True)
class Stack:
    """The layers inside a module, or of the whole, the highest first."""

    title: str
    layers: tuple[Layer, ...]


def contracts() -> ConfigParser:
    """The file as it stands."""
    found = ConfigParser(strict=True, interpolation=None)
    found.read_string(CONTRACTS.read_text(encoding="utf-8"))
    return found


def stacks(found: ConfigParser) -> list[Stack]:
    """What the contracts of layers say; packages that are in no layer of the whole stand below it, by themselves."""
    told = [_stack(section["containers"].strip(), section["layers"]) for section in _layered(found)]
    whole = next(stack for stack in told if not stack.title)
    inside = {module for layer in whole.layers for module in layer.modules}
    apart = [name for name in found["importlinter"]["root_packages"].split() if name not in inside]
    layers = (*whole.layers, Layer(tuple(apart), "apart")) if apart else whole.layers
    return [Stack("the whole", layers), *(stack for stack in told if stack.title)]


def picture(found: ConfigParser) -> str:
    """The layers as SVG, each stack a panel, in two columns of about the same height."""
    columns: list[list[Stack]] = [[], []]
    for stack in stacks(found):
        min(columns, key=_filled).append(stack)
    height = max(map(_filled, columns)) + _MARGIN
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {2 * _WIDTH + 3 * _MARGIN} {height}" role="img">',
        "<title>The layers of the code; imports point down</title>",
        f'<style>{_STYLE}</style><rect width="100%" height="100%" fill="#fff"/>',
    ]
    for number, column in enumerate(columns):
        top = _MARGIN
        for stack in column:
            parts += _panel(stack, _MARGIN + number * (_WIDTH + _MARGIN), top)
            top += _height(stack) + _MARGIN
    return "\n".join([*parts, "</svg>", ""])


def page(found: ConfigParser, text: str) -> str:
    """The page with the list of the other contracts as they are."""
    before, _, rest = text.partition(_BEGIN)
    _, end, after = rest.partition(_END)
    names = [
        section["name"] for title, section in found.items() if ":contract:" in title and section["type"] != "layers"
    ]
    return "".join((before, _BEGIN, "\n", *(f"- {name}\n" for name in names), "\n", end or _END, after))


def _layered(found: ConfigParser) -> Iterator[dict[str, str]]:
    for title, section in found.items():
        if ":contract:" in title and section["type"] == "layers":
            yield {"containers": section.get("containers", ""), "layers": section["layers"]}


def _stack(title: str, layers: str) -> Stack:
    lines = [line.strip() for line in layers.splitlines() if line.strip()]
    return Stack(title, tuple(_layer(line) for line in lines))


def _layer(line: str) -> Layer:
    names = (name.strip(" ()") for name in line.replace(":", "|").split("|"))
    return Layer(tuple(names), "joined" if ":" in line else "box")


def _lines(layer: Layer) -> list[list[str]]:
    """The modules of a layer in as many lines as they need."""
    lines: list[list[str]] = [[]]
    for module in layer.modules:
        if lines[-1] and sum(map(_breadth, [*lines[-1], module])) > _WIDTH - 2 * _MARGIN + _GAP:
            lines.append([])
        lines[-1].append(module)
    return lines


def _breadth(module: str) -> float:
    return len(module) * _LETTER + _PADDING + _GAP


def _height(stack: Stack) -> int:
    lines = sum(len(_lines(layer)) for layer in stack.layers)
    between = lines - len(stack.layers)
    return _HEAD + lines * _BOX + between * _GAP + (len(stack.layers) - 1) * _BETWEEN_LAYERS + _MARGIN


def _filled(column: Sequence[Stack]) -> int:
    return _MARGIN + sum(_height(stack) + _MARGIN for stack in column)


def _panel(stack: Stack, left: int, top: int) -> Iterator[str]:
    yield f'<rect class="panel" x="{left}" y="{top}" width="{_WIDTH}" height="{_height(stack)}" rx="8"/>'
    yield f'<text class="head" x="{left + _MARGIN}" y="{top + 20}">{escape(stack.title)}</text>'
    y, middle = top + _HEAD, left + _WIDTH // 2
    for number, layer in enumerate(stack.layers):
        if number:
            y += _BETWEEN_LAYERS - _GAP
        if number and layer.kind != "apart":
            yield f'<path class="arrow" d="M{middle} {y - _GAP + 2}v8m-4-4 4 4 4-4"/>'
        for line in _lines(layer):
            yield from _row(line, layer.kind, left, y)
            y += _BOX + _GAP


def _row(modules: Sequence[str], kind: str, left: int, y: int) -> Iterator[str]:
    spare = (_WIDTH - 2 * _MARGIN + _GAP - sum(map(_breadth, modules))) / len(modules)
    x = float(left + _MARGIN)
    for module in modules:
        breadth = _breadth(module) - _GAP + spare
        yield f'<rect class="{kind}" x="{x:.0f}" y="{y}" width="{breadth:.0f}" height="{_BOX}" rx="4"/>'
        yield f'<text x="{x + breadth / 2:.0f}" y="{y + 18}" text-anchor="middle">{escape(module)}</text>'
        x += breadth + _GAP


if __name__ == "__main__":
    PICTURE.write_text(picture(contracts()), encoding="utf-8")
    PAGE.write_text(page(contracts(), PAGE.read_text(encoding="utf-8")), encoding="utf-8")
