"""Runs the cases of clients/scenario against a gateway, with the package as it is installed.

Started by `clients/scenario/run`; clients/scenario/README.md has the format.
"""

import json
import os
import re
import subprocess
import sys
import time
import uuid
from typing import Any

import grpc
from corefy.gateway.v1 import ErrorReason
from google.protobuf import descriptor_pool, json_format, message_factory

from corefy_gateway import Gateway, GatewayError, connect

# Seconds between two looks for what is expected eventually.
LOOK = 0.2
SERVICES = {
    "PaymentIntentService": "payment_intents",
    "RefundService": "refunds",
    "CustomerService": "customers",
    "PaymentMethodService": "payment_methods",
    "EventService": "events",
    "ExportService": "exports",
    "RiskService": "risk",
    "GatewayService": "gateway",
}


def filled_in(value: Any, variables: dict[str, Any]) -> Any:
    """The value with `{{name}}` replaced; a text that is nothing else becomes the value, whatever its type."""
    if isinstance(value, dict):
        return {key: filled_in(inner, variables) for key, inner in value.items()}
    if isinstance(value, list):
        return [filled_in(inner, variables) for inner in value]
    if not isinstance(value, str) or value == "{{any}}":
        return value
    if whole := re.fullmatch(r"{{(\w+)}}", value):
        return variables[whole[1]]
    return re.sub(r"{{(\w+)}}", lambda found: str(variables[found[1]]), value)


def at(value: Any, path: str) -> Any:
    """The value at the path; None where there is none."""
    for word in path.split(".") if path else []:
        if isinstance(value, list):
            value = len(value) if word == "#" else value[int(word)] if int(word) < len(value) else None
        else:
            value = value.get(word) if isinstance(value, dict) else None
    return value


def check(actual: Any, expected: Any, what: str) -> None:
    fits = bool(actual) if expected == "{{any}}" else (actual or None) == (expected or None)
    assert fits, f"{what} is {actual!r}, not {expected!r}"


def check_all(actual: Any, expected: dict[str, Any], what: str) -> None:
    for path, value in expected.items():
        check(at(actual, path), value, f"{what} {path}")


def check_error(error: GatewayError, expected: dict[str, Any]) -> None:
    check(error.code.name, expected["code"], "code")
    check(error.reason, expected["reason"], "reason")
    check(ErrorReason.Name(error.reason_code), f"ERROR_REASON_{expected['reason'] or 'UNSPECIFIED'}", "reason_code")
    check(error.message, "{{any}}", "message")
    check(bool(error.request_id), bool(expected["reason"]), "that there is a request id")
    if "nothing_was_sent" in expected:
        check(error.nothing_was_sent, expected["nothing_was_sent"], "nothing_was_sent")
    if "fields" in expected:
        check(sorted(error.fields), expected["fields"], "fields")
    if "retry_after" in expected:
        check(error.retry_after is not None, expected["retry_after"], "retry_after")
    for key, value in expected.get("metadata", {}).items():
        check(error.metadata.get(key), value, f"metadata {key}")


class Runner:
    """Runs steps, and keeps what they save."""

    def __init__(self) -> None:
        self.gateways: dict[str, Gateway] = {}
        self.variables: dict[str, Any] = {}

    def gateway(self, api_key: str) -> Gateway:
        if api_key not in self.gateways:
            self.gateways[api_key] = connect(os.environ["SCENARIO_TARGET"], api_key, credentials=credentials())
        return self.gateways[api_key]

    def run(self, case: dict[str, Any]) -> None:
        self.variables = {"run": uuid.uuid4().hex[:12], "read_key": os.environ["SCENARIO_READ_KEY"]}
        for number, step in enumerate(case["steps"], 1):
            try:
                self.step(filled_in(step, self.variables))
            except Exception as error:
                raise AssertionError(f"step {number}: {type(error).__name__}: {error}") from error

    def step(self, step: dict[str, Any]) -> None:
        if "control" in step:
            subprocess.run([os.environ["SCENARIO_CONTROL"], *step["control"]], check=True)
            return
        deadline = time.monotonic() + step.get("eventually_seconds", 0)
        while True:
            try:
                return self.call(step)
            except AssertionError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(LOOK)

    def call(self, step: dict[str, Any]) -> None:
        expected = step.get("expect", {})
        try:
            answer, headers = self.answer(step)
        except GatewayError as error:
            assert "error" in expected, f"unexpected: {error}"
            return check_error(error, expected["error"])
        assert "error" not in expected, f"no error but {answer}"
        check_all(answer, expected.get("response", {}), "response")
        for header, value in expected.get("metadata", {}).items():
            check(headers.get(header), value, f"header {header}")
        self.variables.update({variable: at(answer, path) for variable, path in step.get("save", {}).items()})

    def answer(self, step: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        """Makes the step's call: the answer and its headers."""
        service, name, request = request_of(step)
        gateway = self.gateway(key_of(step))
        if "list" in step:
            return {"messages": kept(getattr(gateway.all, entries_of(name))(request), step)}, {}
        stub = getattr(getattr(gateway, service), name)
        if "stream" in step:
            return {"messages": kept(stub(request, timeout=30), step)}, {}
        response, call = stub.with_call(request, metadata=metadata_of(step), timeout=step.get("timeout_seconds"))
        return as_json(response), dict(call.initial_metadata())


def credentials() -> grpc.ChannelCredentials | None:
    if authority := os.environ.get("SCENARIO_CA"):
        with open(authority, "rb") as file:
            return grpc.ssl_channel_credentials(file.read())
    return None


def key_of(step: dict[str, Any]) -> str:
    return str(step.get("api_key", os.environ["SCENARIO_API_KEY"]))


def metadata_of(step: dict[str, Any]) -> list[tuple[str, str]]:
    return [("idempotency-key", step["idempotency_key"])] if "idempotency_key" in step else []


def request_of(step: dict[str, Any]) -> tuple[str, str, Any]:
    """The service's name at the gateway, the method's, and the request."""
    service, name = (step.get("call") or step.get("stream") or step["list"]).split("/")
    method = descriptor_pool.Default().FindServiceByName(service).methods_by_name[name]
    request = json_format.ParseDict(step["request"], message_factory.GetMessageClass(method.input_type)())
    return SERVICES[service.split(".")[-1]], name, request


def kept(stream: Any, step: dict[str, Any]) -> list[Any]:
    """Reads a stream or a list to its end, or until enough is kept of its messages; then a stream is closed."""
    messages: list[Any] = []
    for message in stream:
        if (member := at(as_json(message), step.get("each", ""))) is not None:
            messages.append(member)
        if len(messages) == step.get("take"):
            if "stream" in step:
                stream.cancel()
            break
    return messages


def entries_of(name: str) -> str:
    """The list's name at the client: `payment_intents` of `ListPaymentIntents`."""
    return re.sub(r"(?<=.)([A-Z])", r"_\1", name.removeprefix("List")).lower()


def as_json(message: Any) -> Any:
    return json_format.MessageToDict(message, preserving_proto_field_name=True)


def run_all(language: str, runner: Runner) -> int:
    """Runs every case: the exit code."""
    with open(os.environ["SCENARIO_FILE"], encoding="utf-8") as file:
        cases = json.load(file)["cases"]
    passed = 0
    for case in cases:
        try:
            runner.run(case)
            passed += 1
            print(f"test {language}: {case['name']} ... ok", flush=True)
        except AssertionError as error:
            print(f"test {language}: {case['name']} ... FAILED: {error}", flush=True)
    failed = len(cases) - passed
    print(f"test result: {'FAILED' if failed else 'ok'}. {passed} passed; {failed} failed")
    return min(failed, 1)


if __name__ == "__main__":
    sys.exit(run_all("python", Runner()))
