/**
 * The same client for pages, over grpc-web. A page shows its key to everyone who opens it: give it one that may do no more
 * than that. The gateway lets in the origins of `GATEWAY_WEB_ORIGINS`. Keepalive is the browser's. So are
 * repetitions that it does not show: `nothingWasSent` of an error is always false here.
 */

import { createGrpcWebTransport } from "@connectrpc/connect-web";

import { Gateway, urlOf, type ConnectOptions } from "./gateway.js";

export { Code } from "@connectrpc/connect";
export { DeclineCodes, ErrorReasons, EventTypes } from "../generated/constants.js";
export type { Lists } from "../generated/lists.js";
export { GatewayError } from "./errors.js";
export { DEFAULT_TIMEOUT_MS, Gateway, type ConnectOptions, type FollowEventsOptions } from "./gateway.js";

/** Gives a gateway's services. `target` is `https://host:port`, or `host:port` for the same, or `http://host:port`. */
export function connect(target: string, apiKey: string, options: ConnectOptions = {}): Gateway {
  // A browser sends a request again by itself, unseen, when a connection that it had kept open breaks.
  return new Gateway(createGrpcWebTransport({ baseUrl: urlOf(target) }), apiKey, options, undefined, false);
}
