/** Beyond the scenario: what each attempt of a call carries, events across a restart, and what `connect` refuses. */

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { createServer, type Http2Server } from "node:http2";
import type { AddressInfo } from "node:net";
import { createRequire } from "node:module";
import { env } from "node:process";
import { after, before, test } from "node:test";

import { Code, connect, GatewayError, type Gateway } from "corefy-gateway";

const target = env["SCENARIO_TARGET"]!;
const apiKey = env["SCENARIO_API_KEY"]!;
const ORDER = { amount: "1.00", currency: "USD", customerEmail: "a@b.example" };
const trusted = (timeoutMs?: number): Gateway =>
  connect(target, apiKey, { tls: { ca: readFileSync(env["SCENARIO_CA"]!) }, ...(timeoutMs && { timeoutMs }) });

/** Whether no gateway was reached: the deadline may pass between two attempts or within one. */
const gaveUp = ({ code, requestId }: GatewayError): boolean =>
  [Code.Unavailable, Code.DeadlineExceeded].includes(code) && requestId === "";

/** A server that refuses every call, in the way of `refusal`, and keeps the headers of each attempt. */
const attempts: Record<string, string>[] = [];
let refusal: Record<string, string> = {};
let server: Http2Server;

before(async () => {
  server = createServer((request, response) => {
    attempts.push(request.headers as Record<string, string>);
    request.resume().on("end", () => {
      response.writeHead(200, { "content-type": "application/grpc", ...refusal }).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
});

after(() => server.close());

/** How a call ends when every attempt is refused so. */
async function refused(headers: Record<string, string>, timeoutMs?: number): Promise<GatewayError> {
  attempts.length = 0;
  refusal = headers;
  const gateway = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, "pk:sk");
  const call = gateway.paymentIntents.createPaymentIntent(ORDER, timeoutMs ? { timeoutMs } : {});
  const error = await call.then(
    () => assert.fail("it was accepted"),
    (reason: unknown) => reason,
  );
  gateway.close();
  assert(error instanceof GatewayError);
  return error;
}

const deadlines = (): number[] => attempts.map((headers) => Number.parseInt(headers["grpc-timeout"]!));

test("each repetition has the same idempotency key, the key of the caller, and less time", async () => {
  const error = await refused({ "grpc-status": "14", "grpc-message": "later" }, 1_000);
  assert.equal(error.code, Code.Unavailable);
  assert.equal(error.rawMessage, "later");
  assert(attempts.length >= 3, `${attempts.length} attempts`);
  assert.equal(new Set(attempts.map((headers) => headers["idempotency-key"])).size, 1);
  assert.match(attempts[0]!["idempotency-key"]!, /^[0-9a-f-]{36}$/);
  assert(attempts.every((headers) => headers["authorization"] === "Bearer pk:sk"));
  assert.deepEqual(
    deadlines(),
    deadlines().sort((a, b) => b - a),
  );
  assert(deadlines().at(-1)! < 1_000 && deadlines()[0]! <= 1_000);
});

test("a call has 45 seconds unless its caller says otherwise, and is not repeated without advice", async () => {
  const error = await refused({ "grpc-status": "8" });
  assert.equal(error.code, Code.ResourceExhausted);
  assert.equal(attempts.length, 1);
  assert(deadlines()[0]! > 44_000 && deadlines()[0]! <= 45_000);
});

test("a pause is never shorter than the gateway asks for, nor begun when it would outlast the deadline", async () => {
  // google.rpc.Status with the code 8 and a google.rpc.RetryInfo of 600 ms.
  const status = "CAgaNAoodHlwZS5nb29nbGVhcGlzLmNvbS9nb29nbGUucnBjLlJldHJ5SW5mbxIICgYQgIyNngI=";
  const begin = Date.now();
  const error = await refused({ "grpc-status": "8", "grpc-status-details-bin": status }, 1_000);
  assert.equal(error.retryAfterMs, 600);
  assert.equal(attempts.length, 2);
  assert(Date.now() - begin >= 600 && Date.now() - begin < 1_000);
});

test("a call that only reads has no idempotency key", async () => {
  attempts.length = 0;
  refusal = { "grpc-status": "5" };
  const gateway = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, "pk:sk");
  await assert.rejects(gateway.paymentIntents.getPaymentIntent({ id: "pi_1" }), { code: Code.NotFound });
  gateway.close();
  assert.equal(attempts[0]!["idempotency-key"], undefined);
});

test("an error's text has the reason, every wrong field and the request", async () => {
  const order = { ...ORDER, amount: "1.001", customerEmail: "nobody" };
  const call = trusted().paymentIntents.createPaymentIntent(order);
  await assert.rejects(call, /^GatewayError: FIELDS_INVALID: .*; amount: .*; customer_email: .* \(request .+\)$/);
});

test("a request that cannot be written is the caller's mistake, and is not repeated", async () => {
  const card = { number: "4111111111111111", expiryMonth: 1.5, expiryYear: 2040, cvv: "123" };
  const call = trusted().paymentIntents.confirmPaymentIntent({ source: { case: "card", value: card } });
  await assert.rejects(call, (error) => !(error instanceof GatewayError));
});

test("a caller can cancel a call between its attempts", async () => {
  const call = connect("http://127.0.0.1:1", "pk:sk").gateway.testConnection({}, { signal: AbortSignal.timeout(250) });
  await assert.rejects(call, { name: "GatewayError", code: Code.Canceled });
});

test("events go on after a restart without a gap", async () => {
  const gateway = trusted();
  const create = async (): Promise<string> =>
    (await gateway.paymentIntents.createPaymentIntent(ORDER)).paymentIntent!.id;
  const intents = [await create(), await create()];
  const seen: string[] = [];
  for await (const { objectId } of gateway.followEvents()) {
    seen.push(objectId);
    if (objectId === intents[0]) {
      execFileSync(env["SCENARIO_CONTROL"]!, ["restart"]);
      intents.push(await create());
    }
    if (objectId === intents[2]) break;
  }
  assert.deepEqual(seen.slice(-3), intents);
});

test("streams that end at once are opened again after pauses, and not for ever", async () => {
  attempts.length = 0;
  refusal = { "grpc-status": "0" };
  const gateway = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, "pk:sk");
  const first = gateway.followEvents({ signal: AbortSignal.timeout(30_000) }).next();
  await assert.rejects(first, { name: "GatewayError", code: Code.Unavailable });
  gateway.close();
  assert.equal(attempts.length, 8);
});

test("CommonJS has the package by require", () => {
  const required = createRequire(import.meta.url)("corefy-gateway") as { connect: typeof connect };
  assert.equal(required.connect, connect);
});

test("targets that are none are refused", () => {
  for (const nothing of ["", "ftp://gateway", "https://gateway/v1", "http://", "https://user@gateway"]) {
    assert.throws(() => connect(nothing, "pk:sk"), TypeError, nothing);
  }
});

test("a connection has TLS unless its target says otherwise", async () => {
  const call = connect(target.replace("https://", ""), apiKey, { timeoutMs: 500 }).gateway.testConnection({});
  await assert.rejects(call, gaveUp);
});

test("a gateway that is nowhere is given up when the deadline passes", async () => {
  const call = connect("http://127.0.0.1:1", "pk:sk", { timeoutMs: 500 }).gateway.testConnection({});
  await assert.rejects(call, gaveUp);
});
