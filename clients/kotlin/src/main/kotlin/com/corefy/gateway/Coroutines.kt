package com.corefy.gateway

import com.corefy.gateway.v1.CustomerServiceGrpcKt.CustomerServiceCoroutineStub
import com.corefy.gateway.v1.Event
import com.corefy.gateway.v1.StreamEventsRequest
import com.corefy.gateway.v1.EventServiceGrpcKt.EventServiceCoroutineStub
import com.corefy.gateway.v1.ExportServiceGrpcKt.ExportServiceCoroutineStub
import com.corefy.gateway.v1.GatewayServiceGrpcKt.GatewayServiceCoroutineStub
import com.corefy.gateway.v1.PaymentIntentServiceGrpcKt.PaymentIntentServiceCoroutineStub
import com.corefy.gateway.v1.PaymentMethodServiceGrpcKt.PaymentMethodServiceCoroutineStub
import com.corefy.gateway.v1.RefundServiceGrpcKt.RefundServiceCoroutineStub
import com.corefy.gateway.v1.RiskServiceGrpcKt.RiskServiceCoroutineStub
import io.grpc.Channel
import io.grpc.StatusException
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.currentCoroutineContext
import kotlinx.coroutines.ensureActive
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.flow
import kotlinx.coroutines.runInterruptible

/**
 * The services of a gateway as coroutine stubs. Their calls have the key, deadline, idempotency key
 * and repetitions of the blocking ones, and throw [StatusException]; within [typedErrors],
 * [GatewayException].
 */
public class CoroutineServices internal constructor(channel: Channel) {
  /** Takes payments. */
  public val paymentIntents: PaymentIntentServiceCoroutineStub =
    PaymentIntentServiceCoroutineStub(channel)

  /** Gives money back. */
  public val refunds: RefundServiceCoroutineStub = RefundServiceCoroutineStub(channel)

  /** Keeps customers. */
  public val customers: CustomerServiceCoroutineStub = CustomerServiceCoroutineStub(channel)

  /** Keeps cards of customers. */
  public val paymentMethods: PaymentMethodServiceCoroutineStub =
    PaymentMethodServiceCoroutineStub(channel)

  /** Tells what happened; [eventFlow] survives a break. */
  public val events: EventServiceCoroutineStub = EventServiceCoroutineStub(channel)

  /** Exports the books. */
  public val exports: ExportServiceCoroutineStub = ExportServiceCoroutineStub(channel)

  /** Governs the rules of the whole gateway, and decides reviews; for keys with the scope risk. */
  public val risk: RiskServiceCoroutineStub = RiskServiceCoroutineStub(channel)

  /** Tells of the gateway itself and of its calls to Corefy. */
  public val gateway: GatewayServiceCoroutineStub = GatewayServiceCoroutineStub(channel)

  /** The entries of lists as flows: `all.refunds(request).take(3)`. */
  public val all: FlowLists = FlowLists(this)
}

/** The services of this gateway as coroutine stubs. */
public val CorefyGateway.coroutines: CoroutineServices
  get() = CoroutineServices(channel())

/** Runs calls of coroutine stubs; one that fails throws [GatewayException]. */
public inline fun <T> typedErrors(calls: () -> T): T =
  try {
    calls()
  } catch (error: StatusException) {
    throw GatewayException.of(error)
  }

/**
 * Events after this one, or from the oldest that is kept, and then each as it happens, without an
 * end. Goes on by itself after a break. See [CorefyGateway.followEvents].
 */
public fun CorefyGateway.eventFlow(afterEventId: String = "", vararg types: String): Flow<Event> =
  eventFlow(
    StreamEventsRequest.newBuilder()
      .setAfterEventId(afterEventId)
      .addAllTypes(types.asList())
      .build()
  )

/** The events that the request asks for; see the other. The default view has no personal data. */
public fun CorefyGateway.eventFlow(request: StreamEventsRequest): Flow<Event> =
  flow {
    followEvents(request).use { stream ->
      val events = stream.iterator()
      while (true) {
        emit(next(events))
      }
    }
  }

/** The next event; a thread of those for blocking calls waits for it, until it is interrupted. */
private suspend fun next(events: Iterator<Event>): Event =
  try {
    runInterruptible(Dispatchers.IO) { events.next() }
  } catch (error: GatewayException) {
    // A coroutine that is canceled ends as such: what its call said then is of no interest.
    currentCoroutineContext().ensureActive()
    throw error
  }
