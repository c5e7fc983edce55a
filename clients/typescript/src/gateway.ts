/** The services of a gateway, whatever the transport. */

import { Code, ConnectError, createClient, type Client, type Transport } from "@connectrpc/connect";

import {
  CustomerService,
  EventService,
  EventView,
  ExportService,
  GatewayService,
  PaymentIntentService,
  PaymentMethodService,
  RefundService,
  RiskService,
  type Event,
} from "../generated/corefy/gateway/v1/index.js";
import type { Lists } from "../generated/lists.js";
import { ATTEMPTS, mayBeRepeated, pauseAfter, wait, withCallPolicy } from "./calls.js";
import { GatewayError } from "./errors.js";
import { listsOf } from "./lists.js";

/** Longer than the gateway waits for Corefy by default. */
export const DEFAULT_TIMEOUT_MS = 45_000;

/** The options of a connection. */
export interface ConnectOptions {
  /** For one call with all its repetitions, in milliseconds; default 45 seconds. Streams have none. */
  timeoutMs?: number;
}

/** The options of a stream of events. */
export interface FollowEventsOptions {
  /** Begin after this event; without it, with the oldest that is kept. */
  afterEventId?: string;
  /** Only events of these types, such as `refund.succeeded`, or kinds of objects, such as `refund.*`; at most 100. */
  types?: string[];
  /** Only events of this object. */
  objectId?: string;
  /** How much of its object an event has; the default, `EventView.BASIC`, is without personal data. */
  view?: EventView;
  /** Ends it, by a `GatewayError` with the code `Canceled`. */
  signal?: AbortSignal;
}

/** The services of a gateway. Their calls throw `GatewayError`. */
export class Gateway {
  readonly paymentIntents: Client<typeof PaymentIntentService>;
  readonly refunds: Client<typeof RefundService>;
  readonly customers: Client<typeof CustomerService>;
  readonly paymentMethods: Client<typeof PaymentMethodService>;
  readonly events: Client<typeof EventService>;
  readonly exports: Client<typeof ExportService>;
  /** For keys with the scope `risk`. */
  readonly risk: Client<typeof RiskService>;
  readonly gateway: Client<typeof GatewayService>;
  /** The entries of lists, page after page: `for await (const refund of gateway.all.refunds({}))`. */
  readonly all: Lists;
  /** Ends the connection, and every call that is under way. */
  readonly close: () => void;

  /**
   * For transports other than those of `connect`. `makesEachAttemptOnce` is false for one that may repeat a request by
   * itself, as browsers do: then no error says that nothing was sent.
   */
  constructor(
    transport: Transport,
    apiKey: string,
    options: ConnectOptions = {},
    close: () => void = () => undefined,
    makesEachAttemptOnce = true,
  ) {
    const calls = withCallPolicy(transport, apiKey, options.timeoutMs ?? DEFAULT_TIMEOUT_MS, makesEachAttemptOnce);
    this.paymentIntents = createClient(PaymentIntentService, calls);
    this.refunds = createClient(RefundService, calls);
    this.customers = createClient(CustomerService, calls);
    this.paymentMethods = createClient(PaymentMethodService, calls);
    this.events = createClient(EventService, calls);
    this.exports = createClient(ExportService, calls);
    this.risk = createClient(RiskService, calls);
    this.gateway = createClient(GatewayService, calls);
    this.all = listsOf(calls);
    this.close = close;
  }

  /**
   * Events after this one, or from the oldest that is kept, and then each as it happens, without an end.
   *
   * After a break it resumes after the last event that was taken in. Keep the `id` of each event once it is dealt with,
   * and begin with it after a restart of your own.
   */
  async *followEvents(options: FollowEventsOptions = {}): AsyncGenerator<Event, never, undefined> {
    const { afterEventId = "", types = [], objectId = "", view = EventView.BASIC, signal } = options;
    const request = { afterEventId, types, objectId, view };
    // Leaving the loop ends the stream, too: Connect's own streams end by a signal only.
    const left = new AbortController();
    const ended = signal ? AbortSignal.any([signal, left.signal]) : left.signal;
    try {
      for (let attempts = 0; ;) {
        try {
          for await (const { content } of this.events.streamEvents(request, { signal: ended })) {
            attempts = 0;
            if (content.case === "event") {
              request.afterEventId = content.value.id;
              yield content.value;
            } else if (content.value?.resumeAfterEventId) {
              request.afterEventId = content.value.resumeAfterEventId;
            }
          }
          // The gateway does not end a stream so; what stands between may.
          throw new ConnectError("the stream has ended", Code.Unavailable);
        } catch (reason) {
          const error = GatewayError.of(reason, ended);
          attempts += 1;
          const isSlowReader = error.reason === "EVENT_READER_TOO_SLOW";
          if (attempts === ATTEMPTS || !(isSlowReader || mayBeRepeated(error))) throw error;
          await wait(pauseAfter(attempts, error), ended);
        }
      }
    } finally {
      left.abort();
    }
  }
}

/** The URL of a target such as `https://host:port`, or `host:port` for the same. */
export function urlOf(target: string): string {
  const written = target.includes("://") ? target : `https://${target}`;
  const url = URL.canParse(written) ? new URL(written) : undefined;
  if (!url || !/^https?:$/.test(url.protocol) || url.pathname !== "/" || url.search || url.hash || url.username) {
    throw new TypeError(`${JSON.stringify(target)} is not like https://gateway.example:50051`);
  }
  return url.origin;
}
