import com.corefy.gateway.CorefyGateway
import com.corefy.gateway.coroutines
import com.corefy.gateway.eventFlow
import com.corefy.gateway.v1.*
import kotlinx.coroutines.flow.first

/**
 * A shop's checkout: takes a payment with 3-D Secure, gives a part of it back, and follows the
 * events. It reads GATEWAY_TARGET and GATEWAY_API_KEY.
 */
suspend fun main() {
  val target = System.getenv("GATEWAY_TARGET")
  CorefyGateway.connect(target, System.getenv("GATEWAY_API_KEY")).use { gateway ->
    val id = pay(gateway).id
    val paid = gateway.eventFlow(types = arrayOf("payment_intent.succeeded"))
    val intent = paid.first { it.paymentIntent.id == id }.paymentIntent
    println("${intent.id} is paid: ${intent.amountReceived} ${intent.currency}")
    val part = createRefundRequest {
      paymentId = id
      amount = "25.00"
      referenceId = "part-$id"
    }
    gateway.coroutines.refunds.createRefund(part)
    val refunded = gateway.eventFlow(types = arrayOf("refund.succeeded"))
    val refund = refunded.first { it.refund.paymentIntentId == id }.refund
    println("${refund.amount} ${refund.currency} of it are given back")
  }
}

/** Asks for 100 dollars and pays them with a card that wants the payer's approval. */
private suspend fun pay(gateway: CorefyGateway): PaymentIntent {
  val order = createPaymentIntentRequest {
    amount = "100.00"
    currency = "USD"
    customerEmail = "payer@example.com"
  }
  val paymentIntents = gateway.coroutines.paymentIntents
  val intent = paymentIntents.createPaymentIntent(order).paymentIntent
  val confirmation = confirmPaymentIntentRequest {
    paymentIntentId = intent.id
    card = card {
      number = "4000000000003220"
      expiryMonth = 12
      expiryYear = 2040
      cvv = "123"
    }
  }
  val confirmed = paymentIntents.confirmPaymentIntent(confirmation).paymentIntent
  if (confirmed.state == PaymentIntentState.PAYMENT_INTENT_STATE_REQUIRES_ACTION) {
    sendPayerTo(confirmed.nextAction.redirect.url)
  }
  return confirmed
}

/** A shop redirects the payer's browser. Here it is yours, or a program that plays the payer. */
private fun sendPayerTo(page: String) {
  val control = System.getenv("SCENARIO_CONTROL") ?: return println("approve the payment at $page")
  ProcessBuilder(control, "visit", page).inheritIO().start().waitFor()
}
