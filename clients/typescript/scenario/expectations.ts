/** Variables, paths and values of the scenario, as clients/scenario/README.md has them. */

import type { JsonValue } from "@bufbuild/protobuf";
import { Code, type GatewayError } from "corefy-gateway";
import { ErrorReason } from "corefy-gateway/v1";

export type Values = Record<string, JsonValue>;

export interface ExpectedError {
  code: string;
  reason: string;
  fields?: string[];
  retry_after?: boolean;
  nothing_was_sent?: boolean;
  metadata?: Values;
}

const isObject = (value: JsonValue): value is Values =>
  value !== null && typeof value === "object" && !Array.isArray(value);

const isEmpty = (value: JsonValue): boolean => !value || (typeof value === "object" && Object.keys(value).length === 0);

/** The value with `{{name}}` replaced; a text that is nothing else becomes the variable's value, whatever its type. */
export function filledIn(value: JsonValue, variables: Values): JsonValue {
  if (Array.isArray(value)) return value.map((inner) => filledIn(inner, variables));
  if (isObject(value)) {
    return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, filledIn(inner, variables)]));
  }
  if (typeof value !== "string" || value === "{{any}}") return value;
  const whole = /^{{(\w+)}}$/.exec(value)?.[1];
  if (whole) return variables[whole] ?? null;
  return value.replace(/{{(\w+)}}/g, (_, name: string) => String(variables[name]));
}

/** The value at the path; null where there is none. */
export function at(value: JsonValue, path: string): JsonValue {
  const step = (from: JsonValue, word: string): JsonValue => {
    if (Array.isArray(from)) return word === "#" ? from.length : (from[Number(word)] ?? null);
    return isObject(from) ? (from[word] ?? null) : null;
  };
  return path.split(".").filter(Boolean).reduce(step, value);
}

/** A text that is the same for equal values: members stand in the order of their names. */
function canonical(value: JsonValue): string {
  const sorted = (_: string, inner: JsonValue): JsonValue =>
    isObject(inner) ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1))) : inner;
  return JSON.stringify(isEmpty(value) ? null : value, sorted);
}

export function check(actual: JsonValue, expected: JsonValue, what: string): void {
  const fits = expected === "{{any}}" ? !isEmpty(actual) : canonical(actual) === canonical(expected);
  if (!fits) throw new Error(`${what} is ${JSON.stringify(actual)}, not ${JSON.stringify(expected)}`);
}

export function checkError(error: GatewayError, expected: ExpectedError, isProvable: boolean): void {
  const code = Code[error.code].replace(/(?<=[a-z])[A-Z]/g, "_$&").toUpperCase();
  check(code, expected.code, "code");
  check(error.reason, expected.reason, "reason");
  check(ErrorReason[error.reasonCode]!, expected.reason || "UNSPECIFIED", "reasonCode");
  check(error.rawMessage, "{{any}}", "message");
  check(error.requestId !== "", expected.reason !== "", "that there is a request id");
  if (expected.nothing_was_sent !== undefined) {
    check(error.nothingWasSent, expected.nothing_was_sent && isProvable, "nothing_was_sent");
  }
  if (expected.fields) check(Object.keys(error.fields).sort(), expected.fields, "fields");
  if (expected.retry_after !== undefined) check(error.retryAfterMs !== undefined, expected.retry_after, "retry_after");
  for (const [key, value] of Object.entries(expected.metadata ?? {})) check(error.metadata[key] ?? null, value, key);
}
