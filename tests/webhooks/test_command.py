"""Promises of `landfall webhooks`."""

import json
import subprocess

from tests import forked
from tests.stack import Stack, until
from tests.webhooks.receiver import Receiver, Reply


def landfall(stack: Stack, *words: str) -> "subprocess.CompletedProcess[str]":
    return forked.run("cli", "webhooks", *words, folder=stack.home, env=stack.environment)


def test_webhooks_are_tested_listed_and_told_again_by_the_command(stack: Stack, told: Receiver) -> None:
    tested = landfall(stack, "test", "ops", "--json")
    assert tested.returncode == 0, tested.stderr
    id_ = json.loads(tested.stdout)["id"]
    told.replies = [Reply(410, to=id_)]
    stack.start("worker")

    def listed(state: str) -> str | None:
        shown = landfall(stack, "deliveries", "--webhook", "ops", "--state", state, "--subject", "ops").stdout
        return next((line for line in shown.splitlines() if line.startswith(id_)), None)

    failed = until(lambda: listed("failed"), "that it failed")
    assert failed.endswith("the receiver answered 410: it wants no more of this")
    names = [line.split("\t")[0] for line in landfall(stack, "list").stdout.splitlines()]
    assert names == ["NAME", "guarded", "ops"]
    assert landfall(stack, "resend", id_).stdout == f"The delivery {id_} is sent now.\n"
    until(lambda: listed("delivered"), "that it is delivered")


def test_what_there_is_not_is_told_in_one_sentence(stack: Stack) -> None:
    for words, sentence in (
        (("test", "none"), "landfall webhooks: there is no webhook 'none'\n"),
        (("resend", "msg_none"), "landfall webhooks: there is no delivery 'msg_none'\n"),
    ):
        refused = landfall(stack, *words)
        assert (refused.returncode, refused.stderr) == (2, sentence)
