import com.corefy.gateway.eventFlow
import com.corefy.gateway.v1.createPaymentIntentRequest
import kotlin.time.Duration.Companion.seconds
import kotlin.time.measureTime
import kotlinx.coroutines.Job
import kotlinx.coroutines.cancelAndJoin
import kotlinx.coroutines.flow.collect
import kotlinx.coroutines.flow.take
import kotlinx.coroutines.launch
import kotlinx.coroutines.runBlocking

/**
 * Beyond the scenario: a flow of events goes on after a restart, and ends on request.
 */
object EventFlowTest {
  private val gateway = Client().gateway(System.getenv("SCENARIO_API_KEY"))

  @JvmStatic
  fun main(arguments: Array<String>) = runBlocking {
    goesOnAfterARestart()
    endsWhenItsCoroutineIsCanceled()
    gateway.close()
  }

  private suspend fun goesOnAfterARestart() {
    val created = mutableListOf(createIntent())
    val seen = mutableListOf<String>()
    gateway.eventFlow().take(2).collect { event ->
      seen += event.objectId
      if (seen.size == 1) {
        val control = System.getenv("SCENARIO_CONTROL")
        check(ProcessBuilder(control, "restart").start().waitFor() == 0)
        created += createIntent()
      }
    }
    check(seen == created) { "events of $seen, not of $created" }
  }

  private fun endsWhenItsCoroutineIsCanceled() = runBlocking {
    val seen = Job()
    val reader = launch { gateway.eventFlow().collect { seen.complete() } }
    seen.join()
    val time = measureTime { reader.cancelAndJoin() }
    check(reader.isCancelled && time < 5.seconds) { "it took $time" }
  }

  private fun createIntent(): String {
    val order = createPaymentIntentRequest {
      amount = "1.00"
      currency = "USD"
      customerEmail = "payer@example.com"
    }
    return gateway.paymentIntents().createPaymentIntent(order).paymentIntent.id
  }
}
