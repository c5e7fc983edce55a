/** The one error that a call to the gateway ends with. */

import { durationMs } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError } from "@connectrpc/connect";

import { ErrorReason } from "../generated/corefy/gateway/v1/error_reason_pb.js";
import { BadRequestSchema, ErrorInfoSchema, RetryInfoSchema } from "../generated/google/rpc/error_details_pb.js";

const DOMAIN = "corefy-gateway";
const PREVIOUS_ATTEMPTS = "previous_attempts";
const SENT_NOTHING = [Code.Unavailable, Code.ResourceExhausted];

/** A call that did not succeed: refused by the gateway, or not answered by it. A declined payment is not one. */
export class GatewayError extends Error {
  override readonly name = "GatewayError";
  /** The gRPC code. */
  readonly code: Code;
  /** A sentence for developers; `message` has it with everything else that is worth a line in a log. */
  readonly rawMessage: string;
  /** A name of `ErrorReason` without its prefix, such as `FIELDS_INVALID`; empty when it was not the gateway that spoke. */
  readonly reason: string;
  /** The reason as a value of the enum; `UNSPECIFIED` for an empty one and for one that is younger than this client. */
  readonly reasonCode: ErrorReason;
  /** The invalid fields of the request by path, each with its reason. */
  readonly fields: Readonly<Record<string, string>>;
  /** Milliseconds after which the same call may succeed; `undefined` when waiting does not help. */
  readonly retryAfterMs: number | undefined;
  /** The id by which the gateway's operator finds the call; empty when the gateway was not reached. */
  readonly requestId: string;
  /** The metadata that `ErrorReason` documents for this reason. */
  readonly metadata: Readonly<Record<string, string>>;
  /**
   * Whether this call provably sent nothing to Corefy: in each attempt, the gateway itself said so. Otherwise make the
   * call again under the same idempotency key, or read the object: it may have been done.
   */
  readonly nothingWasSent: boolean;

  private constructor(error: ConnectError, code: Code, isProvable: boolean) {
    const info = error.findDetails(ErrorInfoSchema).find(({ domain }) => domain === DOMAIN);
    const violations = error.findDetails(BadRequestSchema).flatMap((request) => request.fieldViolations);
    const delay = error.findDetails(RetryInfoSchema)[0]?.retryDelay;
    // Where headers and trailers both have it, it stands there twice.
    const requestId = error.metadata.get("x-request-id")?.split(", ")[0] ?? "";
    const fields = violations.map(({ field, description }) => `; ${field}: ${description}`).join("");
    const request = requestId && ` (request ${requestId})`;
    super(`${info?.reason || Code[code]}: ${error.rawMessage}${fields}${request}`, { cause: error });
    this.code = code;
    this.rawMessage = error.rawMessage;
    this.reason = info?.reason ?? "";
    this.reasonCode = ErrorReason[this.reason as keyof typeof ErrorReason] ?? ErrorReason.UNSPECIFIED;
    this.fields = Object.fromEntries(violations.map(({ field, description }) => [field, description]));
    this.retryAfterMs = delay && durationMs(delay);
    this.requestId = requestId;
    this.metadata = { ...info?.metadata };
    const isFirst = isProvable && !(PREVIOUS_ATTEMPTS in this.metadata);
    this.nothingWasSent = isFirst && this.reason !== "" && SENT_NOTHING.includes(code);
  }

  /**
   * The error that a call ended with; the signal is the one by which its caller could cancel it, `isProvable` says that
   * no attempt before can have arrived.
   */
  static of(reason: unknown, signal?: AbortSignal, isProvable = true): GatewayError {
    if (reason instanceof GatewayError) return reason;
    const error = ConnectError.from(reason);
    if (signal?.aborted) return new GatewayError(error, Code.Canceled, isProvable);
    // An answer has headers. Without them the connection failed, which each platform reports by codes of its own.
    const isAnswered = !error.metadata.keys().next().done;
    const isOurs = error.code === Code.DeadlineExceeded;
    return new GatewayError(error, isAnswered || isOurs ? error.code : Code.Unavailable, isProvable);
  }
}
