"""Tells why an export stands as it does."""

from urllib.parse import quote

from cli.connecting import connect
from cli.output import answer
from cli.parsing import AsJson, ExportId, KeyFile, Url
from cli.words import moment, plain

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
    texts += [
        words.format(moment(found["expected"][name])) for name, words in _EXPECTED.items() if found["expected"][name]
    ]
    for text in texts:
        answer(f"- {plain(text)}")
