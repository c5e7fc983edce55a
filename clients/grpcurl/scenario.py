"""Runs the cases of clients/scenario with grpcurl, which learns the protos from the gateway's reflection.

Started by `clients/scenario/run --tls`; clients/scenario/README.md has the format. grpcurl opens a connection a call and
repeats none, and asks the gateway's reflection before each: cases in which answers are lost are left out. As users do, this
gives each refund an idempotency key.
"""

import json
import os
import re
import subprocess
import sys
import time
import uuid
from pathlib import Path

PROTOS = Path(__file__).resolve().parents[2] / "proto/corefy/gateway/v1"
# Seconds between two looks for what is expected eventually, and those that a call or a stream may take.
LOOK, PATIENCE = 0.2, 30
CODES = ("OK CANCELED UNKNOWN INVALID_ARGUMENT DEADLINE_EXCEEDED NOT_FOUND ALREADY_EXISTS PERMISSION_DENIED RESOURCE_EXHAUSTED"
         " FAILED_PRECONDITION ABORTED OUT_OF_RANGE UNIMPLEMENTED INTERNAL UNAVAILABLE DATA_LOSS UNAUTHENTICATED").split()


def grpcurl(*words, options=()):
    """The words of a command about the gateway, such as `list`."""
    address = os.environ["SCENARIO_TARGET"].removeprefix("https://")
    return ["grpcurl", "-cacert", os.environ["SCENARIO_CA"], "-max-time", str(PATIENCE), *options, address, *words]


def told(*words):
    """The output of grpcurl about the gateway."""
    return subprocess.run(grpcurl(*words), check=True, capture_output=True, text=True).stdout


def snake_case(value):
    """The answer with the field names of the proto; grpcurl writes those of JSON."""
    if isinstance(value, list):
        return [snake_case(inner) for inner in value]
    if not isinstance(value, dict):
        return value
    return {re.sub("[A-Z]", lambda found: f"_{found[0].lower()}", name): snake_case(inner) for name, inner in value.items()}


def filled_in(value, variables):
    """The value with `{{name}}` replaced; a text that is nothing else becomes the variable's value, whatever its type."""
    if isinstance(value, dict):
        return {name: filled_in(inner, variables) for name, inner in value.items()}
    if isinstance(value, list):
        return [filled_in(inner, variables) for inner in value]
    if not isinstance(value, str) or value == "{{any}}":
        return value
    if whole := re.fullmatch(r"{{(\w+)}}", value):
        return variables[whole[1]]
    return re.sub(r"{{(\w+)}}", lambda found: str(variables[found[1]]), value)


def at(value, path):
    """The value at the path; None where there is none."""
    for word in path.split(".") if path else []:
        if isinstance(value, list):
            value = len(value) if word == "#" else value[int(word)] if int(word) < len(value) else None
        else:
            value = value.get(word) if isinstance(value, dict) else None
    return value


def check(actual, expected, what):
    fits = bool(actual) if expected == "{{any}}" else (actual or None) == (expected or None)
    assert fits, f"{what} is {actual!r}, not {expected!r}"


def check_error(status, headers, expected):
    details = {detail["@type"].split(".")[-1]: detail for detail in status.get("details", ())}
    info = details.get("ErrorInfo", {})
    check(CODES[status["code"]], expected["code"], "code")
    check(info.get("reason"), expected["reason"], "reason")
    check(status["message"], "{{any}}", "message")
    check(bool(headers.get("x-request-id")), bool(expected["reason"]), "that there is a request id")
    if "fields" in expected:
        violations = details.get("BadRequest", {}).get("fieldViolations", ())
        check(sorted(violation["field"] for violation in violations), expected["fields"], "fields")
    if "retry_after" in expected:
        check("RetryInfo" in details, expected["retry_after"], "retry_after")
    for key, value in expected.get("metadata", {}).items():
        check(info.get("metadata", {}).get(key), value, f"metadata {key}")


def call(step, options):
    """The result of a call, or of a stream to its end: the answer, the error, and the headers that came with either."""
    request = dict(step["request"])
    if "update_mask" in request:
        # grpcurl takes a mask as a message, not as the text that ProtoJSON has for it.
        request["update_mask"] = {"paths": request["update_mask"].split(",")}
    done = subprocess.run(grpcurl(step.get("call") or step["stream"], options=["-v", "-format-error", *options]),
                          input=json.dumps(request), capture_output=True, text=True, check=False)
    if not done.stdout:
        raise AssertionError(done.stderr)
    received = done.stdout.partition("Response headers received:")[2]
    headers = dict(re.findall(r"^([a-z0-9-]+): (.*)$", received, flags=re.MULTILINE))
    if done.returncode:
        return None, json.loads(done.stderr), headers
    messages = [snake_case(json.JSONDecoder().raw_decode(text)[0]) for text in received.split("Response contents:\n")[1:]]
    return messages[0] if "call" in step else {"messages": kept(messages, step)}, None, headers


def kept(messages, step):
    """What the step keeps of messages."""
    members = [at(message, step.get("each", "")) for message in messages]
    return [member for member in members if member is not None]


def taken(step, options):
    """Takes as many messages from a stream as the step says; the stream is then cut off."""
    messages, text = [], ""
    with subprocess.Popen(grpcurl(step["stream"], options=options), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as stream:
        stream.stdin.write(json.dumps(step["request"]))
        stream.stdin.close()
        for line in stream.stdout:
            text += line
            if line == "}\n":
                message, text = json.loads(text), ""
                messages += kept([snake_case(message)], step)
            if len(messages) == step["take"]:
                break
        stream.kill()
    return {"messages": messages}


def make_call(step, variables):
    metadata = {"authorization": f"Bearer {step.get('api_key', os.environ['SCENARIO_API_KEY'])}"}
    if "idempotency_key" in step:
        metadata["idempotency-key"] = step["idempotency_key"]
    elif step.get("call", "").endswith("/CreateRefund"):
        metadata["idempotency-key"] = str(uuid.uuid4())
    options = ["-d", "@", *(word for pair in metadata.items() for word in ("-rpc-header", ": ".join(pair)))]
    answer, status, headers = (taken(step, options), None, {}) if "take" in step else call(step, options)
    expected = step.get("expect", {})
    if status:
        assert "error" in expected, f"unexpected: {status}"
        return check_error(status, headers, expected["error"])
    assert "error" not in expected, f"no error but {answer}"
    for path, value in expected.get("response", {}).items():
        check(at(answer, path), value, path)
    for header, value in expected.get("metadata", {}).items():
        check(headers.get(header), value, f"header {header}")
    variables.update({variable: at(answer, path) for variable, path in step.get("save", {}).items()})


def run_step(step, variables):
    if "control" in step:
        subprocess.run([os.environ["SCENARIO_CONTROL"], *step["control"]], check=True)
        return
    deadline = time.monotonic() + step.get("eventually_seconds", 0)
    while True:
        try:
            return make_call(step, variables)
        except AssertionError:
            if time.monotonic() > deadline:
                raise
            time.sleep(LOOK)


def run_case(case):
    variables = {"run": uuid.uuid4().hex[:12], "read_key": os.environ["SCENARIO_READ_KEY"]}
    for number, step in enumerate(case["steps"], 1):
        try:
            run_step(filled_in(step, variables), variables)
        except AssertionError as error:
            raise AssertionError(f"step {number}: {error}") from error


def check_list():
    services = {f"corefy.gateway.v1.{name}" for name in re.findall(r"^service (\w+)", all_protos(), flags=re.MULTILINE)}
    assert services <= set(told("list").split()), told("list")


def check_descriptions():
    for symbol in told("list").split():
        assert f"{symbol} is a service" in told("describe", symbol), symbol
    methods = re.findall(r"^  rpc (\w+)", all_protos(), flags=re.MULTILINE)
    ours = "".join(told("describe", symbol) for symbol in told("list").split() if symbol.startswith("corefy."))
    assert sorted(methods) == sorted(re.findall(r"^  rpc (\w+)", ours, flags=re.MULTILINE)), ours


def all_protos():
    return "".join(path.read_text(encoding="utf-8") for path in PROTOS.glob("*.proto"))


def is_for_clients(case):
    """Whether its outcome depends on what a client does by itself: makes calls again, or goes from page to page."""
    return any("list" in step or step.get("control", [""])[0] in ("lose-answer", "break") for step in case["steps"])


def main():
    cases = json.loads(Path(os.environ["SCENARIO_FILE"]).read_text(encoding="utf-8"))["cases"]
    tests = {
        "reflection lists every service": check_list,
        "reflection describes every call": check_descriptions,
        **{case["name"]: lambda case=case: run_case(case) for case in cases if not is_for_clients(case)},
    }
    failed = 0
    for name, test in tests.items():
        try:
            test()
            print(f"test grpcurl: {name} ... ok", flush=True)
        except AssertionError as error:
            failed += 1
            print(f"test grpcurl: {name} ... FAILED: {error}", flush=True)
    print(f"test result: {'FAILED' if failed else 'ok'}. {len(tests) - failed} passed; {failed} failed")
    return min(failed, 1)


if __name__ == "__main__":
    sys.exit(main())
