"""Tells why an export stands as it does."""

from datetime import UTC, datetime
from urllib.parse import quote

from cli.connecting import connect
from cli.output import answer
from cli.parsing import AsJson, ExportId, KeyFile, Url
from cli.words import plain

_EXPECTED = {
    "start_at": "It is likely to get a slot at {}.",
    "built_at": "Its report is likely to be finished at {}.",
    "next_step_at": "Its next step is due at {}.",
}


def explain(export_id: ExportId, *, as_json: AsJson = False, url: Url = None, key_file: KeyFile = None) -> None:
    """Tell why an export waits, what it waits for, and what is likely to come."""
    reply = connect(url, key_file).get(f"/v1/exports/{quote(export_id, safe='')}/explain")
    if as_json:
        answer(reply.text)
        return
    found = reply.body
    answer(plain(found["summary"]))
    texts = [detail["text"] for detail in found["details"] if detail["text"] != found["summary"]]
    expected = {name: datetime.fromisoformat(text) for name, text in found["expected"].items() if text}
    now = datetime.now(UTC)
    # In UTC, as the sentences of the API beside them. What should have been long ago is told by those.
    texts += [
        words.format(f"{expected[name].astimezone(UTC):%Y-%m-%d %H:%M:%S}Z")
        for name, words in _EXPECTED.items()
        if name in expected and expected[name] > now
    ]
    for text in texts:
        answer(f"- {plain(text)}")
