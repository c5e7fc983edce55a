import com.corefy.gateway.CorefyGateway
import com.corefy.gateway.coroutines
import com.corefy.gateway.typedErrors
import com.google.protobuf.Message
import com.google.protobuf.util.JsonFormat
import io.grpc.Metadata
import io.grpc.kotlin.AbstractCoroutineStub
import io.grpc.stub.MetadataUtils
import java.util.concurrent.TimeUnit
import java.util.concurrent.atomic.AtomicReference
import kotlin.coroutines.intrinsics.suspendCoroutineUninterceptedOrReturn
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.mapNotNull
import kotlinx.coroutines.flow.take
import kotlinx.coroutines.flow.toList
import kotlinx.coroutines.runBlocking

private const val STREAM_SECONDS = 30L

/** Makes the scenario's calls through coroutine stubs; what looks at their answers is Java's. */
private class CoroutineClient : Scenario.Calls {
  private val client = Client()

  override fun answer(step: Map<String, Any?>, headers: AtomicReference<Metadata>): Any? {
    val apiKey = step["api_key"] ?: System.getenv("SCENARIO_API_KEY")
    val (service, method) = Scenario.method(step).substringAfterLast('.').split('/')
    if ("list" in step) {
      val all = client.gateway("$apiKey").coroutines.all
      return runBlocking {
        typedErrors { kept(invoke(all, method.removePrefix("List"), step["request"]) as Flow<*>, step) }
      }
    }
    val capture = MetadataUtils.newCaptureMetadataInterceptor(headers, AtomicReference())
    var stub = stub(client.gateway("$apiKey"), service).withInterceptors(capture)
    step["idempotency_key"]?.let { stub = stub.withOption(CorefyGateway.IDEMPOTENCY_KEY, "$it") }
    step["timeout_seconds"]?.let {
      stub = stub.withDeadlineAfter((it as Double).toLong(), TimeUnit.SECONDS)
    }
    return runBlocking {
      typedErrors {
        if ("call" in step) {
          Values.json(invoke(stub, method, step["request"]) as Message)
        } else {
          val limited = stub.withDeadlineAfter(STREAM_SECONDS, TimeUnit.SECONDS)
          kept(invoke(limited, method, step["request"]) as Flow<*>, step)
        }
      }
    }
  }

  /** Reads a stream or a list to its end, or until enough is kept of its messages. */
  private suspend fun kept(stream: Flow<*>, step: Map<String, Any?>): Any {
    val messages = stream.mapNotNull { Values.at(Values.json(it as Message), step["each"] ?: "") }
    val count = step["take"] as Double?
    return mapOf("messages" to (if (count == null) messages else messages.take(count.toInt())).toList())
  }

  private fun stub(gateway: CorefyGateway, service: String): AbstractCoroutineStub<*> =
    with(gateway.coroutines) {
      when (service) {
        "PaymentIntentService" -> paymentIntents
        "RefundService" -> refunds
        "CustomerService" -> customers
        "PaymentMethodService" -> paymentMethods
        "EventService" -> events
        "ExportService" -> exports
        "RiskService" -> this.risk
        "GatewayService" -> this.gateway
        else -> throw AssertionError("no service $service")
      }
    }

  /** Calls the method of lists, of a request; or a stub's, of a request and metadata, and suspending unless it streams. */
  private suspend fun invoke(stub: Any, name: String, json: Any?): Any? {
    val method = stub.javaClass.methods.first { it.name.equals(name, ignoreCase = true) }
    val request = method.parameterTypes[0].getMethod("newBuilder").invoke(null) as Message.Builder
    JsonFormat.parser().merge(Values.GSON.toJson(json), request)
    if (method.parameterCount == 1) {
      return method.invoke(stub, request.build())
    }
    if (method.parameterCount == 2) {
      return method.invoke(stub, request.build(), Metadata())
    }
    return suspendCoroutineUninterceptedOrReturn { caller ->
      method.invoke(stub, request.build(), Metadata(), caller)
    }
  }
}

fun main() = Scenario.runAll("kotlin", CoroutineClient())
