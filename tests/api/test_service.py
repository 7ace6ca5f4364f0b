"""Checks what surrounds the exports: health, the OpenAPI document, addresses that do not exist."""

import json
import signal

from tests import forked
from tests.stack import ROOT, Stack, until


def test_a_healthy_api_says_so(api: Stack) -> None:
    assert api.get("/healthz").json() == {"status": "ok"}
    assert api.get("/readyz").status_code == 200


def test_an_unknown_address_is_a_problem_too(api: Stack) -> None:
    answer = api.get("/v1/nothing")
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")


def test_a_wrong_method_is_a_problem_that_names_the_right_ones(api: Stack) -> None:
    answer = api.post("/v1/exports/exp_1")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, PATCH")
    assert answer.headers["content-type"] == "application/problem+json"


def test_the_openapi_document_explains_each_vendors_request(api: Stack) -> None:
    document = api.get("/v1/openapi.json").json()
    schemas = document["components"]["schemas"]
    refs = [each["$ref"] for each in schemas["Submission"]["properties"]["request"]["oneOf"]]
    names = [ref.removeprefix("#/components/schemas/") for ref in refs]
    assert names == ["IntelligemsRequest", "BuyWithPrimeRequest"]
    assert {"experience_id", "export_type", "start", "end", "filters"} == set(schemas[names[0]]["properties"])
    assert {"report_type", "start", "end"} == set(schemas[names[1]]["properties"])
    assert document["openapi"].startswith("3.1")


def test_every_reference_in_the_openapi_document_leads_somewhere(api: Stack) -> None:
    text = api.get("/v1/openapi.json").text
    document = json.loads(text)
    for ref in {part.split('"')[0] for part in text.split('"$ref":"')[1:]}:
        place = document
        for name in ref.removeprefix("#/").split("/"):
            place = place[name]


def test_an_api_told_to_stop_ends_with_exit_code_zero(api: Stack) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        before = api.log("api").count("startup complete")
        process = api.start("api", LANDFALL_API_PORT="0")
        until(lambda before=before: api.log("api").count("startup complete") > before, "another API up")  # type: ignore[misc]  # mypy does not infer a lambda with a default
        process.send_signal(number)
        assert process.wait(20) == 0
        api.processes.remove(process)


def test_a_taken_port_is_one_sentence_with_the_cure(api: Stack) -> None:
    done = forked.run("api", folder=ROOT, env=api.environment)
    assert done.returncode == 1
    assert "set LANDFALL_API_PORT" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
