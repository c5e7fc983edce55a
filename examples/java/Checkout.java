import com.corefy.gateway.CorefyGateway;
import com.corefy.gateway.v1.*;
import java.io.IOException;

/**
 * A shop's checkout: takes a payment with 3-D Secure, gives a part of it back, and follows the
 * events. It reads GATEWAY_TARGET and GATEWAY_API_KEY.
 */
public class Checkout {
  /** Follows the events until the payment has succeeded and a part of it has been given back. */
  public static void main(String[] arguments) throws Exception {
    var types = new String[] {"payment_intent.succeeded", "refund.succeeded"};
    try (var gateway =
            CorefyGateway.connect(
                System.getenv("GATEWAY_TARGET"), System.getenv("GATEWAY_API_KEY"));
        var events = gateway.followEvents("", types)) {
      String id = pay(gateway).getId();
      for (Event event : events) {
        if (event.getPaymentIntent().getId().equals(id)) {
          System.out.println(id + " is paid: " + event.getPaymentIntent().getAmountReceived());
          var part =
              CreateRefundRequest.newBuilder()
                  .setPaymentId(id)
                  .setAmount("25.00")
                  .setReferenceId("part-" + id)
                  .build();
          gateway.refunds().createRefund(part);
        } else if (event.getRefund().getPaymentIntentId().equals(id)) {
          System.out.println(event.getRefund().getAmount() + " of it are given back");
          return;
        }
      }
    }
  }

  /** Asks for 100 dollars and pays them with a card that wants the payer's approval. */
  private static PaymentIntent pay(CorefyGateway gateway) throws Exception {
    var order = CreatePaymentIntentRequest.newBuilder().setAmount("100.00").setCurrency("USD");
    order.setCustomerEmail("payer@example.com");
    var intent = gateway.paymentIntents().createPaymentIntent(order.build()).getPaymentIntent();
    var card = Card.newBuilder().setNumber("4000000000003220").setCvv("123");
    card.setExpiryMonth(12).setExpiryYear(2040).setHolderName("Ada Lovelace");
    var confirmation =
        ConfirmPaymentIntentRequest.newBuilder().setPaymentIntentId(intent.getId()).setCard(card);
    intent = gateway.paymentIntents().confirmPaymentIntent(confirmation.build()).getPaymentIntent();
    if (intent.getState() == PaymentIntentState.PAYMENT_INTENT_STATE_REQUIRES_ACTION) {
      sendPayerTo(intent.getNextAction().getRedirect().getUrl());
    }
    return intent;
  }

  /** A shop redirects the payer's browser. Here it is yours, or a program that plays the payer. */
  private static void sendPayerTo(String page) throws IOException, InterruptedException {
    String control = System.getenv("SCENARIO_CONTROL");
    if (control == null) {
      System.out.println("approve the payment at " + page);
    } else {
      new ProcessBuilder(control, "visit", page).inheritIO().start().waitFor();
    }
  }
}
