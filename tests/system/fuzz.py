"""Calls every operation of the API with generated parameters and bodies, as several people, on things that exist.

Standard input (fuzz.rs writes it) says where the services are, who calls, and which ids and texts they know by name of
parameter or property. Standard output is one JSON object: figures, and what an answer broke. The same seed generates the
same calls; their answers also depend on what the calls before them brought about.
"""

import copy
import json
import random
import re
import sys
import time
import uuid
from collections import Counter

import hypothesis
import requests
import schemathesis
from hypothesis import strategies as st
from schemathesis import GenerationMode, Response
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

PREFIX = "/api/v1"
WORLD = json.load(sys.stdin)
PEOPLE = WORLD["people"]
KNOWN = {name: [*values, *([str(uuid.UUID(int=WORLD["seed"]))] if name.endswith("id") else [])]
         for name, values in WORLD["known"].items()}
WORDS = ["Early on a Saturday", "Grüße aus dem Hof 🌳"]
# Present in every other call, these would let few of them through: a version, a community or a ticket seldom fits, and a
# repeated key is another call's.
SELDOM = ("If-Match", "Idempotency-Key", "X-Community-Context", "ticket", "access_token")
SESSION = requests.Session()


def fit(document):
    """The document for this world: calls name what exists, and answers have no field that is not described."""
    document = copy.deepcopy(document)
    shapes = document["components"]["schemas"]
    for _, operation in operations(document):
        for parameter in operation["parameters"]:
            parameter["schema"] = narrowed(parameter["name"], parameter["schema"], shapes)
        for content in operation.get("requestBody", {}).get("content", {}).values():
            content["schema"] = narrowed("", content["schema"], shapes)
        for answer in operation["responses"].values():
            for content in answer["content"].values():
                content["schema"] = closed(content["schema"], shapes)
    return document


def narrowed(name, schema, shapes):
    """What to put into a parameter or body: known values and words that people would write, where there are some."""
    schema = inlined(schema, shapes)
    known = KNOWN.get(re.sub("[^a-z]", "", name.lower()))
    if "items" in schema:
        return {**schema, "items": narrowed(name, schema["items"], shapes), "maxItems": 3}
    if known:
        return {"enum": known}
    if "anyOf" in schema:
        return {**schema, "anyOf": [narrowed(name, it, shapes) for it in schema["anyOf"]]}
    if "properties" in schema:
        properties = {key: narrowed(key, it, shapes) for key, it in schema["properties"].items()}
        return {**schema, "properties": properties, "additionalProperties": False}
    if "string" in schema.get("type", []) and not {"enum", "format", "pattern"} & schema.keys():
        return {"anyOf": [{"enum": WORDS}, schema]}
    return schema


def closed(schema, shapes):
    """The schema without room for undescribed properties."""
    schema = inlined(schema, shapes)
    if "items" in schema:
        return {**schema, "items": closed(schema["items"], shapes)}
    if "anyOf" in schema:
        return {**schema, "anyOf": [closed(it, shapes) for it in schema["anyOf"]]}
    if "allOf" in schema:
        # Together they describe the properties, so none of them may be closed alone.
        parts = [{**closed(it, shapes), "unevaluatedProperties": True} for it in schema["allOf"]]
        free = not all({"properties", "allOf"} & it.keys() for it in parts)
        return {**schema, "allOf": parts, "unevaluatedProperties": free}
    if "properties" in schema:
        properties = {key: closed(it, shapes) for key, it in schema["properties"].items()}
        return {**schema, "properties": properties, "unevaluatedProperties": False}
    return schema


def inlined(schema, shapes):
    return shapes[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema


def operations(document):
    """Every operation with its name, such as `PUT /users/{userId}`."""
    for path, item in document["paths"].items():
        for method, operation in item.items():
            yield f"{method.upper()} {path}", operation


def order(operation):
    """What takes away comes last, sessions at the very end."""
    method = ("GET", "POST", "PUT", "PATCH", "DELETE").index(operation.method.upper())
    return ("logout" in operation.path or "/sessions/" in operation.path, method, operation.path)


def answered(case, caller):
    """The answer to a case; of a stream only its head, for it has no end."""
    origin = WORLD["queries" if case.operation.method.upper() == "GET" else "commands"]
    call = case.as_transport_kwargs(base_url=origin + PREFIX)
    if caller:
        call["headers"]["Authorization"] = f"Bearer {caller['token']}"
    if "/stream" not in case.operation.path:
        return Response.from_requests(SESSION.request(**call, timeout=30), verify=False)
    # On a connection of its own, which ends with the call.
    with requests.request(**call, stream=True, timeout=30) as answer:
        if answer.headers.get("content-type", "").startswith("text/event-stream"):
            answer._content = b""
        return Response.from_requests(answer, verify=False)


def renew(person):
    """Logs in again: a call has ended the session."""
    body = {"email": person["email"], "password": person["password"]}
    answer = SESSION.post(WORLD["commands"] + PREFIX + "/auth/login", json=body, timeout=30)
    assert answer.status_code == 200, f"{person['role']} cannot log in again: {answer.status_code} {answer.text}"
    person["token"] = answer.json()["data"]["token"]


def no_fault(_context, response, _case):
    """Unavailable is an answer that the document knows; any other 5xx is a bug."""
    assert response.status_code < 500 or response.status_code == 503, "the server has failed"


def documented_code(_context, response, case):
    """A refusal's code is one of those that the document lists for its status."""
    described = case.operation.definition.raw["responses"].get(str(response.status_code), {})
    if response.status_code >= 400 and "x-codes" in described:
        code = code_of(response)
        assert code in described["x-codes"], f"{code} is not documented for {response.status_code}"


def code_of(refusal):
    try:
        return refusal.json()["error"]["code"]
    except (ValueError, KeyError, TypeError):
        return "an answer without code"


CHECKS = [
    no_fault, status_code_conformance, content_type_conformance, response_headers_conformance,
    response_schema_conformance, documented_code,
]


class Findings:
    """What was seen: how often which status, and each broken rule once per operation and status."""

    def __init__(self):
        self.broken = {}
        self.cases = 0
        self.statuses = Counter()
        self.succeeded = set()

    def call(self, case, caller):
        name = f"{case.operation.method.upper()} {case.operation.path}"
        self.cases += 1
        role = caller["role"] if caller else "nobody"
        try:
            response = answered(case, caller)
        except requests.exceptions.RequestException as error:
            self.broken[(name, "no answer")] = f"{name} by {role} got no answer: {error}\n{case.as_curl_command()}"
            return
        code = code_of(response) if response.status_code >= 500 else ""
        self.statuses[f"{response.status_code} {code}".strip()] += 1
        if response.status_code < 300:
            self.succeeded.add(name)
        if response.status_code == 401 and caller:
            renew(caller)
        for check in CHECKS:
            try:
                case.validate_response(response, checks=[check])
            except FailureGroup as failure:
                rule = (name, response.status_code, check.__name__)
                self.broken.setdefault(rule, f"{name} by {role}: {failure.message}")


def fuzz(operation, findings):
    """Makes calls of one operation, three of four as the document asks for, the others against it."""
    raw = operation.definition.raw
    modes = [GenerationMode.POSITIVE] * 3
    if raw["parameters"] or "requestBody" in raw:
        modes.append(GenerationMode.NEGATIVE)
    cases = st.one_of(*(operation.as_strategy(generation_mode=it) for it in modes))
    named = {it["name"] for it in raw["parameters"] if it["in"] == "path"} - {"type"}
    # Hypothesis prefers the simplest and repeats itself, which suits texts, but not who calls on what.
    dice = random.Random(f"{WORLD['seed']} {operation.label}")
    scenes = [it for it in WORLD["scenes"] if named <= it["ids"].keys()]

    @hypothesis.seed(WORLD["seed"])
    @hypothesis.settings(
        max_examples=WORLD["cases"], database=None, deadline=None, phases=[hypothesis.Phase.generate],
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    @hypothesis.given(case=cases)
    def calls(case):
        caller = dice.choice([*PEOPLE, None])
        if dice.random() < 0.9:
            for name in SELDOM:
                case.headers.pop(name, None)
                case.query.pop(name, None)
        if dice.random() < 0.6:
            thin(case, dice)
        if dice.random() < 0.7:
            scene = dice.choice(scenes)
            caller = PEOPLE[scene["by"]]
            place(case, scene["ids"])
        findings.call(case, caller)

    calls()


def properties(case):
    """The described properties of the body, and which of them are required."""
    content = case.operation.definition.raw.get("requestBody", {}).get("content", {})
    schema = content.get("application/json", {}).get("schema", {})
    return schema.get("properties", {}).keys(), schema.get("required", [])


def thin(case, dice):
    """Leaves one of the optional properties in the body: of many, one is likely to be refused."""
    if isinstance(case.body, dict):
        required = properties(case)[1]
        optional = sorted(case.body.keys() - required)
        kept = [*required, *dice.sample(optional, min(1, len(optional)))]
        case.body = {name: it for name, it in case.body.items() if name in kept}


def place(case, ids):
    """Takes the ids from one scene, so that they fit together."""
    for parameters in (case.path_parameters, case.query):
        parameters.update((name, it) for name, it in ids.items() if name in parameters)
    if isinstance(case.body, dict):
        case.body.update((name, it) for name, it in ids.items() if name in properties(case)[0])


def main():
    document = requests.get(WORLD["queries"] + PREFIX + "/openapi.json", timeout=30).json()
    schema = schemathesis.openapi.from_dict(fit(document))
    findings, begun = Findings(), time.monotonic()
    all_operations = sorted((it.ok() for it in schema.get_all_operations()), key=order)
    for operation in all_operations:
        fuzz(operation, findings)
    names = {name for name, _ in operations(document)}
    seconds, statuses = time.monotonic() - begun, sorted(findings.statuses.items())
    print(json.dumps({
        "summary": f"{findings.cases} calls of {len(names)} operations in {seconds:.0f} s: "
                   + ", ".join(f"{count} × {status}" for status, count in statuses),
        "operations": len(names),
        "never_succeeded": sorted(names - findings.succeeded),
        "broken": list(findings.broken.values()),
    }))


main()
