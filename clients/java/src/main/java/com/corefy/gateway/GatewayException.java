package com.corefy.gateway;

import com.corefy.gateway.v1.ErrorReason;
import com.google.protobuf.Any;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.rpc.BadRequest;
import com.google.rpc.ErrorInfo;
import com.google.rpc.RetryInfo;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.protobuf.StatusProto;
import java.time.Duration;
import java.util.Collections;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/**
 * A call that did not succeed: refused by the gateway, or not answered by it. A declined payment is
 * not one.
 *
 * <p>The calls of {@link CorefyGateway}'s stubs that have one answer throw it, and so does {@link
 * EventStream}. What other stubs and streams throw becomes one by {@link #of}.
 */
public final class GatewayException extends StatusRuntimeException {
  private static final Metadata.Key<String> REQUEST_ID =
      Metadata.Key.of("x-request-id", Metadata.ASCII_STRING_MARSHALLER);

  /** Among the trailers of a call: an attempt before the last one may have arrived. */
  static final Metadata.Key<String> DOUBTED =
      Metadata.Key.of("an-attempt-may-have-arrived", Metadata.ASCII_STRING_MARSHALLER);

  private static final String DOMAIN = "corefy-gateway";
  private static final String PREVIOUS_ATTEMPTS = "previous_attempts";

  private final boolean doubted;
  private final String requestId;
  private final Map<String, String> fields = new TreeMap<>();
  private Map<String, String> metadata = Map.of();
  private String reason = "";
  private Duration retryAfter;

  GatewayException(Status status, Metadata trailers) {
    super(status, trailers);
    String id = trailers == null ? null : trailers.get(REQUEST_ID);
    requestId = id == null ? "" : id;
    doubted = trailers != null && trailers.containsKey(DOUBTED);
    try {
      for (Any detail : StatusProto.fromStatusAndTrailers(status, trailers).getDetailsList()) {
        read(detail);
      }
    } catch (IllegalArgumentException | InvalidProtocolBufferException foreign) {
      // Something on the way to the gateway spoke, in words of its own.
      addSuppressed(foreign);
    }
  }

  /** The error that a future, asynchronous, coroutine or streaming stub ended with. */
  public static GatewayException of(Throwable error) {
    if (error instanceof GatewayException) {
      return (GatewayException) error;
    }
    var made =
        new GatewayException(Status.fromThrowable(error), Status.trailersFromThrowable(error));
    made.setStackTrace(error.getStackTrace());
    return made;
  }

  private void read(Any detail) throws InvalidProtocolBufferException {
    if (detail.is(ErrorInfo.class)) {
      var info = detail.unpack(ErrorInfo.class);
      if (info.getDomain().equals(DOMAIN)) {
        reason = info.getReason();
        metadata = info.getMetadataMap();
      }
    } else if (detail.is(BadRequest.class)) {
      for (var violation : detail.unpack(BadRequest.class).getFieldViolationsList()) {
        fields.put(violation.getField(), violation.getDescription());
      }
    } else if (detail.is(RetryInfo.class)) {
      var delay = detail.unpack(RetryInfo.class).getRetryDelay();
      retryAfter = Duration.ofSeconds(delay.getSeconds(), delay.getNanos());
    }
  }

  /**
   * Whether to make the call again; it keeps its idempotency key, so that it is done once even if
   * it has arrived.
   */
  boolean mayBeRepeated() {
    switch (code()) {
      case UNAVAILABLE:
        return true;
      case RESOURCE_EXHAUSTED:
      case ABORTED:
        return retryAfter != null;
      default:
        return false;
    }
  }

  /**
   * Whether this call provably sent nothing to Corefy: in each attempt, the gateway itself said so.
   * Otherwise make the call again under the same idempotency key, or read the object: it may have
   * been done.
   */
  public boolean nothingWasSent() {
    boolean ofThese = code() == Status.Code.UNAVAILABLE || code() == Status.Code.RESOURCE_EXHAUSTED;
    return ofThese && !reason.isEmpty() && !doubted && !metadata.containsKey(PREVIOUS_ATTEMPTS);
  }

  /** The gRPC code. */
  public Status.Code code() {
    return getStatus().getCode();
  }

  /** A sentence for developers. */
  public String description() {
    String description = getStatus().getDescription();
    return description == null ? "" : description;
  }

  /**
   * A name of {@link ErrorReason} without its prefix, such as {@code FIELDS_INVALID}; empty when it
   * was not the gateway that spoke.
   */
  public String reason() {
    return reason;
  }

  /**
   * The reason as a value of the enum; {@code ERROR_REASON_UNSPECIFIED} for an empty one and for
   * one that is younger than this client.
   */
  public ErrorReason reasonCode() {
    var known = ErrorReason.getDescriptor().findValueByName("ERROR_REASON_" + reason);
    return known == null ? ErrorReason.ERROR_REASON_UNSPECIFIED : ErrorReason.valueOf(known);
  }

  /** The invalid fields of the request by path, each with its reason. */
  public Map<String, String> fields() {
    return Collections.unmodifiableMap(fields);
  }

  /** After which time the same call may succeed; empty when waiting does not help. */
  public Optional<Duration> retryAfter() {
    return Optional.ofNullable(retryAfter);
  }

  /**
   * The id by which the gateway's operator finds the call; empty when the gateway was not reached.
   */
  public String requestId() {
    return requestId;
  }

  /** The metadata that {@link ErrorReason} documents for this reason. */
  public Map<String, String> metadata() {
    return metadata;
  }

  /** All of it but the metadata, in one line. */
  @Override
  public String getMessage() {
    var text = new StringBuilder(reason.isEmpty() ? code().name() : reason);
    text.append(": ").append(description());
    fields.forEach((field, problem) -> text.append("; " + field + ": " + problem));
    return text.append(requestId.isEmpty() ? "" : " (request " + requestId + ")").toString();
  }
}
