package com.corefy.gateway;

import com.corefy.gateway.v1.CustomerServiceGrpc;
import com.corefy.gateway.v1.CustomerServiceGrpc.CustomerServiceBlockingStub;
import com.corefy.gateway.v1.EventServiceGrpc;
import com.corefy.gateway.v1.EventServiceGrpc.EventServiceBlockingStub;
import com.corefy.gateway.v1.ExportServiceGrpc;
import com.corefy.gateway.v1.ExportServiceGrpc.ExportServiceBlockingStub;
import com.corefy.gateway.v1.GatewayServiceGrpc;
import com.corefy.gateway.v1.GatewayServiceGrpc.GatewayServiceBlockingStub;
import com.corefy.gateway.v1.PaymentIntentServiceGrpc;
import com.corefy.gateway.v1.PaymentIntentServiceGrpc.PaymentIntentServiceBlockingStub;
import com.corefy.gateway.v1.PaymentMethodServiceGrpc;
import com.corefy.gateway.v1.PaymentMethodServiceGrpc.PaymentMethodServiceBlockingStub;
import com.corefy.gateway.v1.RefundServiceGrpc;
import com.corefy.gateway.v1.RefundServiceGrpc.RefundServiceBlockingStub;
import com.corefy.gateway.v1.RiskServiceGrpc;
import com.corefy.gateway.v1.RiskServiceGrpc.RiskServiceBlockingStub;
import com.corefy.gateway.v1.StreamEventsRequest;
import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientInterceptors;
import io.grpc.ManagedChannel;
import java.time.Duration;
import java.util.Arrays;

/**
 * The services of a gateway. Threads may share it; the connection is made by the first call, and
 * made again when it breaks.
 *
 * <pre>{@code
 * try (var gateway = CorefyGateway.connect("https://gateway.example:50051", apiKey)) {
 *   var intent = gateway.paymentIntents().createPaymentIntent(order).getPaymentIntent();
 * }
 * }</pre>
 *
 * Each call has the key, a deadline and, when it changes anything, an idempotency key, and is made
 * again under the same key, where that is safe. A call that fails throws {@link GatewayException}.
 */
public final class CorefyGateway implements AutoCloseable {
  /** Longer than the gateway waits for Corefy by default. */
  public static final Duration DEFAULT_TIMEOUT = Duration.ofSeconds(45);

  /**
   * The idempotency key of a call, 1 to 255 visible ASCII characters, in place of a random one:
   * {@code gateway.refunds().withOption(IDEMPOTENCY_KEY, "order-7")}. Without effect on reads.
   */
  public static final CallOptions.Key<String> IDEMPOTENCY_KEY =
      CallOptions.Key.create("corefy-idempotency-key");

  private final ManagedChannel connection;
  private final Channel channel;
  private final Channel blocking;

  CorefyGateway(ManagedChannel connection, String apiKey, Duration timeout) {
    this.connection = connection;
    this.channel = ClientInterceptors.intercept(connection, new Calls(connection, apiKey, timeout));
    this.blocking = ClientInterceptors.intercept(channel, new TypedErrors());
  }

  /**
   * Gives the services of a gateway.
   *
   * @param target {@code https://host:port}, or {@code host:port} for the same; only {@code
   *     http://host:port} goes without TLS
   * @param apiKey {@code pk_…:sk_…}
   * @throws IllegalArgumentException when the target is none
   */
  public static CorefyGateway connect(String target, String apiKey) {
    return builder(target, apiKey).connect();
  }

  /** As {@link #connect}, with other settings. */
  public static GatewayBuilder builder(String target, String apiKey) {
    return new GatewayBuilder(target, apiKey);
  }

  /** Takes payments. */
  public PaymentIntentServiceBlockingStub paymentIntents() {
    return PaymentIntentServiceGrpc.newBlockingStub(blocking);
  }

  /** Gives money back. */
  public RefundServiceBlockingStub refunds() {
    return RefundServiceGrpc.newBlockingStub(blocking);
  }

  /** Keeps customers. */
  public CustomerServiceBlockingStub customers() {
    return CustomerServiceGrpc.newBlockingStub(blocking);
  }

  /** Keeps cards of customers. */
  public PaymentMethodServiceBlockingStub paymentMethods() {
    return PaymentMethodServiceGrpc.newBlockingStub(blocking);
  }

  /** Tells what happened; {@link #followEvents} survives a break. */
  public EventServiceBlockingStub events() {
    return EventServiceGrpc.newBlockingStub(blocking);
  }

  /**
   * Exports the books. What breaks the stream is a {@link io.grpc.StatusRuntimeException}, of which
   * {@link GatewayException#of} makes the error.
   */
  public ExportServiceBlockingStub exports() {
    return ExportServiceGrpc.newBlockingStub(blocking);
  }

  /** Governs the rules of the whole gateway, and decides reviews; for keys with the scope risk. */
  public RiskServiceBlockingStub risk() {
    return RiskServiceGrpc.newBlockingStub(blocking);
  }

  /** Tells of the gateway itself and of its calls to Corefy. */
  public GatewayServiceBlockingStub gateway() {
    return GatewayServiceGrpc.newBlockingStub(blocking);
  }

  /**
   * The entries of lists, page after page: {@code for (var refund :
   * gateway.all().refunds(request))}, or as a {@link Pages#stream}.
   */
  public Lists all() {
    return new Lists(this);
  }

  /**
   * Events after this one, and then each as it happens. Keep the id of each event once it is dealt
   * with, and begin with it after a restart of your own.
   *
   * @param afterEventId {@code evt_…}; empty for the oldest that is kept
   * @param types only events of these types; all when there are none
   */
  public EventStream followEvents(String afterEventId, String... types) {
    var request = StreamEventsRequest.newBuilder().setAfterEventId(afterEventId);
    return followEvents(request.addAllTypes(Arrays.asList(types)).build());
  }

  /**
   * The events that the request asks for, and then each as it happens: of one object, or in the
   * full view. The default view has no personal data.
   */
  public EventStream followEvents(StreamEventsRequest request) {
    return new EventStream(events(), request);
  }

  /** The services as future stubs: {@code gateway.futures().refunds().createRefund(request)}. */
  public FutureServices futures() {
    return new FutureServices(channel);
  }

  /**
   * For stubs of other kinds, asynchronous ones: their calls have all that the blocking ones have
   * but the exceptions; {@link GatewayException#of} makes these.
   */
  public Channel channel() {
    return channel;
  }

  /** Ends the connection, and every call that is under way. */
  @Override
  public void close() {
    connection.shutdownNow();
  }
}
