/** Runs the cases of clients/scenario against a gateway. Node and pages share it. */

import { fromJson, toJson, type DescMessage, type JsonValue, type Message } from "@bufbuild/protobuf";
import { GatewayError, type Gateway, type Lists } from "corefy-gateway";
import * as v1 from "corefy-gateway/v1";

import { at, check, checkError, filledIn, type ExpectedError, type Values } from "./expectations.js";

/** The input of a runner. */
export interface World {
  apiKey: string;
  readKey: string;
  /** Whether errors can say that nothing was sent. */
  isProvable: boolean;
  connect(apiKey: string): Gateway;
  control(words: string[]): Promise<void>;
  print(line: string): void;
}

interface Step {
  call?: string;
  stream?: string;
  list?: string;
  control?: string[];
  request: JsonValue;
  idempotency_key?: string;
  timeout_seconds?: number;
  api_key?: string;
  each?: string;
  take?: number;
  expect?: { response?: Values; metadata?: Values; error?: ExpectedError };
  save?: Record<string, string>;
  eventually_seconds?: number;
}

export interface Case {
  name: string;
  steps: Step[];
}

/** A method of a client; which one, only the scenario says. */
type Call = (request: Message, options: object) => Promise<Message> & AsyncIterable<Message>;

const LOOK_MS = 200;
const STREAM_TIMEOUT_MS = 30_000;
const CLIENTS = {
  PaymentIntentService: "paymentIntents",
  RefundService: "refunds",
  CustomerService: "customers",
  PaymentMethodService: "paymentMethods",
  EventService: "events",
  ExportService: "exports",
  RiskService: "risk",
  GatewayService: "gateway",
} as const;

function asJson(schema: DescMessage, message: Message): JsonValue {
  return toJson(schema, message, { useProtoFieldName: true });
}

/** Reads a stream or a list to its end, or until enough is kept of its messages; then it is left. */
async function kept({ each = "", take }: Step, all: AsyncIterable<Message>, schema: DescMessage): Promise<JsonValue> {
  const messages: JsonValue[] = [];
  for await (const message of all) {
    const member = at(asJson(schema, message), each);
    if (member !== null) messages.push(member);
    if (messages.length === take) break;
  }
  return { messages };
}

async function streamed(step: Step, call: Call, request: Message, schema: DescMessage): Promise<JsonValue> {
  const left = new AbortController();
  const answer = await kept(step, call(request, { timeoutMs: STREAM_TIMEOUT_MS, signal: left.signal }), schema);
  left.abort();
  return answer;
}

async function listed(step: Step, gateway: Gateway, page: DescMessage, name: string, request: Message) {
  const list = (name.slice(4, 5).toLowerCase() + name.slice(5)) as keyof Lists;
  const all = gateway.all[list] as unknown as (request: Message) => AsyncIterable<Message>;
  const entries = page.fields.find((field) => field.fieldKind === "list" && field.listKind === "message")!;
  return kept(step, all(request), entries.message!);
}

async function answerTo(step: Step, gateway: Gateway): Promise<[JsonValue, Headers]> {
  const [service, name] = (step.call ?? step.stream ?? step.list)!.split(".").at(-1)!.split("/") as [
    keyof typeof CLIENTS,
    string,
  ];
  const method = v1[service].methods.find((candidate) => candidate.name === name)!;
  const call = (gateway[CLIENTS[service]] as unknown as Record<string, Call>)[method.localName]!;
  const request = fromJson(method.input, step.request);
  let headers = new Headers();
  if (step.stream) return [await streamed(step, call, request, method.output), headers];
  if (step.list) return [await listed(step, gateway, method.output, name, request), headers];
  const key = step.idempotency_key ? { "idempotency-key": step.idempotency_key } : {};
  const onHeader = (received: Headers): void => void (headers = received);
  const timeout = step.timeout_seconds ? { timeoutMs: step.timeout_seconds * 1000 } : {};
  const response = await call(request, { headers: key, onHeader, ...timeout });
  return [asJson(method.output, response), headers];
}

async function makeCall(step: Step, { isProvable }: World, gateway: Gateway, variables: Values): Promise<void> {
  const expected = step.expect ?? {};
  const answer = await answerTo(step, gateway).catch((error: unknown) => {
    if (!expected.error || !(error instanceof GatewayError)) throw error;
    checkError(error, expected.error, isProvable);
  });
  if (!answer) return;
  const [json, headers] = answer;
  if (expected.error) throw new Error(`no error but ${JSON.stringify(json)}`);
  for (const [path, value] of Object.entries(expected.response ?? {})) check(at(json, path), value, path);
  for (const [name, value] of Object.entries(expected.metadata ?? {})) check(headers.get(name), value, name);
  for (const [variable, path] of Object.entries(step.save ?? {})) variables[variable] = at(json, path);
}

async function runStep(step: Step, world: World, gateway: Gateway, variables: Values): Promise<void> {
  if (step.control) return world.control(step.control);
  const deadline = Date.now() + (step.eventually_seconds ?? 0) * 1000;
  for (;;) {
    try {
      return await makeCall(step, world, gateway, variables);
    } catch (error) {
      if (Date.now() >= deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
  }
}

/** Runs all cases; a line each, and a last one with the sums. Tells whether all passed. */
export async function runCases(language: string, cases: Case[], world: World): Promise<boolean> {
  const gateways: Record<string, Gateway> = {};
  const run = async (steps: Step[]): Promise<void> => {
    const variables: Values = { run: crypto.randomUUID().replaceAll("-", "").slice(0, 12), read_key: world.readKey };
    for (const [index, unfilled] of steps.entries()) {
      const step = filledIn(unfilled as unknown as JsonValue, variables) as unknown as Step;
      const key = step.api_key ?? world.apiKey;
      const gateway = (gateways[key] ??= world.connect(key));
      await runStep(step, world, gateway, variables).catch((error: unknown) => {
        throw new Error(`step ${index + 1}: ${String(error)}`);
      });
    }
  };
  let failed = 0;
  for (const { name, steps } of cases) {
    await run(steps).then(
      () => world.print(`test ${language}: ${name} ... ok`),
      (error: Error) => {
        failed += 1;
        world.print(`test ${language}: ${name} ... FAILED: ${error.message}`);
      },
    );
  }
  world.print(`test result: ${failed ? "FAILED" : "ok"}. ${cases.length - failed} passed; ${failed} failed`);
  return failed === 0;
}
