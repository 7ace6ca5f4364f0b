"""Draws the state table as a Mermaid diagram: `python -m landfall.exports.diagram`."""

from landfall.exports.states import TERMINAL, TRANSITIONS, State


def diagram() -> str:
    """The diagram that README.md shows; a test compares the two."""
    edges = [
        f"    {source.name} --> {target.name}: {label}"
        for source, targets in TRANSITIONS.items()
        for target, label in targets.items()
    ]
    ends = [f"    {state.name} --> [*]" for state in State if state in TERMINAL]
    return "\n".join(["stateDiagram-v2", f"    [*] --> {State.QUEUED.name}: accept", *edges, *ends])


if __name__ == "__main__":
    print(diagram())  # noqa: T201 - this is a command
