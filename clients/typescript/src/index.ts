/**
 * Client of corefy-gateway: takes payments and gives them back, exactly once.
 *
 *     import { connect } from "corefy-gateway";
 *
 *     const gateway = connect("https://gateway.example:50051", apiKey);
 *     const { paymentIntent } = await gateway.paymentIntents.createPaymentIntent({
 *       amount: "100.00",
 *       currency: "USD",
 *       customerEmail: "payer@example.com",
 *     });
 *
 * Messages and enums are in `corefy-gateway/v1`. Pages connect by `corefy-gateway/web`.
 */

import type { SecureContextOptions } from "node:tls";

import { createGrpcTransport, Http2SessionManager } from "@connectrpc/connect-node";

import { Gateway, urlOf, type ConnectOptions } from "./gateway.js";

export { Code } from "@connectrpc/connect";
export { DeclineCodes, ErrorReasons, EventTypes } from "../generated/constants.js";
export type { Lists } from "../generated/lists.js";
export { GatewayError } from "./errors.js";
export { DEFAULT_TIMEOUT_MS, Gateway, type ConnectOptions, type FollowEventsOptions } from "./gateway.js";

const KEEPALIVE = { pingIntervalMs: 30_000, pingTimeoutMs: 10_000 };

/** The options of a connection over HTTP/2. */
export interface NodeConnectOptions extends ConnectOptions {
  /** A private authority (`ca`), or a client certificate (`cert` and `key`). */
  tls?: SecureContextOptions;
}

/**
 * Gives a gateway's services. The connection is made by the first call, and made again when it breaks; idle, it does not
 * keep the process alive.
 *
 * `target` is `https://host:port`, or `host:port` for the same; only `http://host:port` goes without TLS.
 */
export function connect(target: string, apiKey: string, options: NodeConnectOptions = {}): Gateway {
  const baseUrl = urlOf(target);
  if (options.tls && baseUrl.startsWith("http:")) throw new TypeError("certificates need https://");
  const sessionManager = new Http2SessionManager(baseUrl, KEEPALIVE, options.tls);
  const transport = createGrpcTransport({ baseUrl, sessionManager });
  return new Gateway(transport, apiKey, options, () => sessionManager.abort());
}
