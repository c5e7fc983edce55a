/** Adds to every outgoing call the key, a deadline, an idempotency key, and repetitions where they are safe. */

import { create, toBinary } from "@bufbuild/protobuf";
import { MethodOptions_IdempotencyLevel } from "@bufbuild/protobuf/wkt";
import { Code, type Transport } from "@connectrpc/connect";

import { GatewayError } from "./errors.js";

/**
 * How often a call is made at most: pauses of 0.1, 0.2, 0.4, 0.8, 1.6, 2 and 2 seconds, each shortened by up to half,
 * outlast a restart of the gateway.
 */
export const ATTEMPTS = 8;
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 2_000;
const IDEMPOTENCY_KEY = "idempotency-key";
const NO_DEADLINE = 0;

/** Whether to make the call again; it keeps its idempotency key, so that it is done once even if it has arrived. */
export function mayBeRepeated({ code, retryAfterMs }: GatewayError): boolean {
  const waitingHelps = code === Code.ResourceExhausted || code === Code.Aborted;
  return code === Code.Unavailable || (waitingHelps && retryAfterMs !== undefined);
}

/** Milliseconds to wait after this number of attempts, given the end of the last one: never less than the gateway asks for. */
export function pauseAfter(attempts: number, error: GatewayError): number {
  const longest = Math.min(FIRST_PAUSE_MS * 2 ** (attempts - 1), LONGEST_PAUSE_MS);
  return Math.max(longest * (1 - Math.random() / 2), error.retryAfterMs ?? 0);
}

/** Waits, or until the signal is aborted. */
export function wait(milliseconds: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, milliseconds);
    signal?.addEventListener("abort", end);
    if (signal?.aborted) end();
  });
}

/**
 * The transport with all that each call needs. `isProvable` says that the transport itself makes each attempt once, so
 * that an error can say of all attempts that nothing was sent.
 */
export function withCallPolicy(
  transport: Transport,
  apiKey: string,
  defaultTimeoutMs: number,
  isProvable: boolean,
): Transport {
  const prepared = (level: MethodOptions_IdempotencyLevel, given?: HeadersInit): Headers => {
    const headers = new Headers(given);
    headers.set("authorization", `Bearer ${apiKey}`);
    if (level !== MethodOptions_IdempotencyLevel.NO_SIDE_EFFECTS && !headers.has(IDEMPOTENCY_KEY)) {
      headers.set(IDEMPOTENCY_KEY, crypto.randomUUID());
    }
    return headers;
  };
  return {
    async unary(method, signal, timeoutMs = defaultTimeoutMs, header, input, contextValues) {
      const headers = prepared(method.idempotency, header);
      const request = create(method.input, input);
      // A request that cannot be written is the caller's mistake, not a failure of the connection.
      toBinary(method.input, request);
      const deadline = timeoutMs > NO_DEADLINE ? performance.now() + timeoutMs : Infinity;
      for (let attempts = 1, isProvableSoFar = isProvable; ; attempts++) {
        const left = deadline === Infinity ? NO_DEADLINE : Math.max(Math.ceil(deadline - performance.now()), 1);
        try {
          return await transport.unary(method, signal, left, headers, request, contextValues);
        } catch (reason) {
          const error = GatewayError.of(reason, signal, isProvableSoFar);
          isProvableSoFar = error.nothingWasSent;
          const pause = pauseAfter(attempts, error);
          if (!mayBeRepeated(error) || attempts === ATTEMPTS || performance.now() + pause > deadline) throw error;
          await wait(pause, signal);
        }
      }
    },
    async stream(method, signal, timeoutMs = NO_DEADLINE, header, input, contextValues) {
      const headers = prepared(method.idempotency, header);
      try {
        const response = await transport.stream(method, signal, timeoutMs, headers, input, contextValues);
        return { ...response, message: withTypedErrors(response.message, isProvable, signal) };
      } catch (reason) {
        throw GatewayError.of(reason, signal, isProvable);
      }
    },
  };
}

async function* withTypedErrors<T>(
  messages: AsyncIterable<T>,
  isProvable: boolean,
  signal?: AbortSignal,
): AsyncGenerator<T> {
  try {
    yield* messages;
  } catch (reason) {
    throw GatewayError.of(reason, signal, isProvable);
  }
}
