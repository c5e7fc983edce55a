package com.corefy.gateway;

import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientCall;
import io.grpc.ClientInterceptor;
import io.grpc.ForwardingClientCall.SimpleForwardingClientCall;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.MethodDescriptor.MethodType;
import java.time.Duration;
import java.util.UUID;
import java.util.concurrent.TimeUnit;

/**
 * Adds to every outgoing call the key, a deadline, an idempotency key, and repetitions where they
 * are safe.
 */
final class Calls implements ClientInterceptor {
  private static final Metadata.Key<String> AUTHORIZATION =
      Metadata.Key.of("authorization", Metadata.ASCII_STRING_MARSHALLER);
  private static final Metadata.Key<String> IDEMPOTENCY_KEY =
      Metadata.Key.of("idempotency-key", Metadata.ASCII_STRING_MARSHALLER);

  private final ManagedChannel channel;
  private final String authorization;
  private final Duration timeout;

  Calls(ManagedChannel channel, String apiKey, Duration timeout) {
    this.channel = channel;
    this.authorization = "Bearer " + apiKey;
    this.timeout = timeout;
  }

  @Override
  public <Q, A> ClientCall<Q, A> interceptCall(
      MethodDescriptor<Q, A> method, CallOptions options, Channel next) {
    return new SimpleForwardingClientCall<>(call(method, options, next)) {
      @Override
      public void start(Listener<A> listener, Metadata headers) {
        prepare(headers, method, options);
        super.start(listener, headers);
      }
    };
  }

  private <Q, A> ClientCall<Q, A> call(
      MethodDescriptor<Q, A> method, CallOptions options, Channel next) {
    if (method.getType() != MethodType.UNARY) {
      return next.newCall(method, options);
    }
    CallOptions limited =
        options.getDeadline() != null
            ? options
            : options.withDeadlineAfter(timeout.toMillis(), TimeUnit.MILLISECONDS);
    return new RepeatedCall<>(channel, limited.getDeadline(), () -> next.newCall(method, limited));
  }

  private void prepare(Metadata headers, MethodDescriptor<?, ?> method, CallOptions options) {
    headers.put(AUTHORIZATION, authorization);
    // "Safe" is what the proto calls `NO_SIDE_EFFECTS`.
    if (!method.isSafe() && !headers.containsKey(IDEMPOTENCY_KEY)) {
      String key = options.getOption(CorefyGateway.IDEMPOTENCY_KEY);
      headers.put(IDEMPOTENCY_KEY, key != null ? key : UUID.randomUUID().toString());
    }
  }
}
