package com.corefy.gateway;

import com.corefy.gateway.v1.CustomerServiceGrpc;
import com.corefy.gateway.v1.CustomerServiceGrpc.CustomerServiceFutureStub;
import com.corefy.gateway.v1.EventServiceGrpc;
import com.corefy.gateway.v1.EventServiceGrpc.EventServiceFutureStub;
import com.corefy.gateway.v1.GatewayServiceGrpc;
import com.corefy.gateway.v1.GatewayServiceGrpc.GatewayServiceFutureStub;
import com.corefy.gateway.v1.PaymentIntentServiceGrpc;
import com.corefy.gateway.v1.PaymentIntentServiceGrpc.PaymentIntentServiceFutureStub;
import com.corefy.gateway.v1.PaymentMethodServiceGrpc;
import com.corefy.gateway.v1.PaymentMethodServiceGrpc.PaymentMethodServiceFutureStub;
import com.corefy.gateway.v1.RefundServiceGrpc;
import com.corefy.gateway.v1.RefundServiceGrpc.RefundServiceFutureStub;
import com.corefy.gateway.v1.RiskServiceGrpc;
import com.corefy.gateway.v1.RiskServiceGrpc.RiskServiceFutureStub;
import io.grpc.Channel;

/**
 * The services of a gateway as future stubs: their calls return at once, and have the key,
 * deadline, idempotency key and repetitions of the blocking ones. No thread waits in the pauses. A
 * failure of a future becomes a {@link GatewayException} by {@link GatewayException#of}.
 */
public final class FutureServices {
  private final Channel channel;

  FutureServices(Channel channel) {
    this.channel = channel;
  }

  /** Takes payments. */
  public PaymentIntentServiceFutureStub paymentIntents() {
    return PaymentIntentServiceGrpc.newFutureStub(channel);
  }

  /** Gives money back. */
  public RefundServiceFutureStub refunds() {
    return RefundServiceGrpc.newFutureStub(channel);
  }

  /** Keeps customers. */
  public CustomerServiceFutureStub customers() {
    return CustomerServiceGrpc.newFutureStub(channel);
  }

  /** Keeps cards of customers. */
  public PaymentMethodServiceFutureStub paymentMethods() {
    return PaymentMethodServiceGrpc.newFutureStub(channel);
  }

  /** Lists what happened; {@link CorefyGateway#followEvents} follows it. */
  public EventServiceFutureStub events() {
    return EventServiceGrpc.newFutureStub(channel);
  }

  /** Governs the rules of the whole gateway, and decides reviews; for keys with the scope risk. */
  public RiskServiceFutureStub risk() {
    return RiskServiceGrpc.newFutureStub(channel);
  }

  /** Tells of the gateway itself and of its calls to Corefy. */
  public GatewayServiceFutureStub gateway() {
    return GatewayServiceGrpc.newFutureStub(channel);
  }
}
