/**
 * A shop's checkout: takes a payment with 3-D Secure, gives a part of it back, and follows the events.
 *
 *     GATEWAY_TARGET=http://127.0.0.1:50051 GATEWAY_API_KEY=$(cat target/dev/api-key) node checkout.ts
 *
 * Node 22.18 and newer run it as it is; older ones want it compiled.
 */

import { execFileSync } from "node:child_process";
import { env } from "node:process";

import { connect, GatewayError, type Gateway } from "corefy-gateway";
import { type PaymentIntent } from "corefy-gateway/v1";

/** Asks for 100 dollars and pays them with a card that wants the payer's approval. */
async function pay(gateway: Gateway): Promise<PaymentIntent> {
  const order = { amount: "100.00", currency: "USD", customerEmail: "payer@example.com" };
  const created = await gateway.paymentIntents.createPaymentIntent(order);
  const card = { number: "4000000000003220", expiryMonth: 12, expiryYear: 2040, cvv: "123" };
  const { paymentIntent } = await gateway.paymentIntents.confirmPaymentIntent({
    paymentIntentId: created.paymentIntent!.id,
    source: { case: "card", value: card },
  });
  const step = paymentIntent!.nextAction?.action;
  if (step?.case === "redirect") sendPayerTo(step.value.url);
  return paymentIntent!;
}

/** A shop redirects the payer's browser. Here it is yours, or a program that plays the payer. */
function sendPayerTo(page: string): void {
  const control = env["SCENARIO_CONTROL"];
  if (control) execFileSync(control, ["visit", page]);
  else console.log(`approve the payment at ${page}`);
}

/** Follows the events until the payment has succeeded and a part of it has been given back. */
async function main(): Promise<void> {
  const gateway = connect(env["GATEWAY_TARGET"]!, env["GATEWAY_API_KEY"]!);
  const intent = await pay(gateway);
  for await (const { object } of gateway.followEvents({
    types: ["payment_intent.succeeded", "refund.succeeded"],
  })) {
    if (object.case === "paymentIntent" && object.value.id === intent.id) {
      console.log(`${intent.id} is paid: ${object.value.amountReceived} ${intent.currency}`);
      await gateway.refunds.createRefund({
        paymentId: intent.id,
        amount: "25.00",
        referenceId: `part-${intent.id}`,
      });
    } else if (object.case === "refund" && object.value.paymentIntentId === intent.id) {
      console.log(`${object.value.amount} ${object.value.currency} of it are given back`);
      return;
    }
  }
}

main().catch((error: unknown) => {
  console.error(error instanceof GatewayError ? error.message : error);
  process.exitCode = 1;
});
