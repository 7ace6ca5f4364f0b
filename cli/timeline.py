"""Puts an export's events into words."""

from typing import Any

from cli.words import moment, plain


def event_in_words(event: dict[str, Any]) -> str:
    """What happened, on one line."""
    parts = [f"{event['kind']}: {event['state']}"]
    if event["step"]:
        parts.append(f"{event['step']}, attempt {event['attempt']}, generation {event['generation']}")
    if event["seconds"] is not None:
        parts.append(f"{event['seconds']:.2f} s")
    if event["error"]:
        parts.append(f"{event['error']['code']}: {event['error']['message']}")
        if event["state"] == "stored":  # nothing else of the export tells what helps
            parts.append(event["error"]["action"])
    if event["note"]:
        parts.append(event["note"])
    if event.get("due_at"):
        parts.append(f"next step due {moment(event['due_at'])}")
    return plain("; ".join(parts))
