/**
 * A shop's own tests: its checkout against the gateway and Corefy's sandbox, with outcomes that each test picks for itself.
 *
 *     GATEWAY_TARGET=http://127.0.0.1:50051 GATEWAY_API_KEY=$(cat target/dev/api-key) node --test shop.test.ts
 */

import assert from "node:assert/strict";
import { env } from "node:process";
import { after, test } from "node:test";

import { connect } from "corefy-gateway";
import { DEFAULT_URL, MoneyDiffers, Sandbox } from "corefy-gateway/sandbox";
import { PaymentIntentState, type PaymentIntent } from "corefy-gateway/v1";

const sandbox = new Sandbox(env["SANDBOX_URL"] ?? DEFAULT_URL);
const gateway = connect(env["GATEWAY_TARGET"]!, env["GATEWAY_API_KEY"]!);
after(() => gateway.close());

/** The shop's order of 100 dollars; its attempts and refunds come to these outcomes. */
async function order(outcomes: string): Promise<PaymentIntent> {
  const { paymentIntent } = await gateway.paymentIntents.createPaymentIntent({
    amount: "100.00",
    currency: "USD",
    customerEmail: "payer@example.com",
    metadata: { sandbox: outcomes },
  });
  return paymentIntent!;
}

/** The shop's checkout. */
async function pay(intent: PaymentIntent): Promise<PaymentIntent> {
  const card = { number: "4111111111111111", expiryMonth: 12, expiryYear: 2040, cvv: "123" };
  const { paymentIntent } = await gateway.paymentIntents.confirmPaymentIntent({
    paymentIntentId: intent.id,
    source: { case: "card", value: card },
  });
  return paymentIntent!;
}

test("a payer who was declined tries again", async () => {
  const intent = await order("decline:insufficient_funds,approve");
  const declined = await pay(intent);
  assert.equal(declined.lastPaymentError?.code, "insufficient_funds");
  await sandbox.expectMoney(intent.id, { charged: "0.00", charges: 0 });
  assert.equal((await pay(intent)).state, PaymentIntentState.SUCCEEDED);
  await sandbox.expectMoney(intent.id, { charged: "100.00", charges: 1 });
});

test("a payer approves at the bank", async () => {
  const intent = await order("challenge");
  assert.equal((await pay(intent)).state, PaymentIntentState.REQUIRES_ACTION);
  await sandbox.complete(intent.id);
  await sandbox.expectMoney(intent.id, { charged: "100.00", charges: 1 });
});

test("an answer that is lost charges once", async () => {
  const intent = await order("charged_cut");
  await pay(intent);
  await sandbox.expectMoney(intent.id, { charged: "100.00", charges: 1 });
});

test("a refund that fails gives nothing back", async () => {
  const intent = await order("approve,refund:refuse");
  const { paymentId } = await pay(intent);
  await assert.rejects(gateway.refunds.createRefund({ paymentId, amount: "25.00" }));
  await gateway.refunds.createRefund({ paymentId, amount: "40.00" });
  await sandbox.expectMoney(intent.id, { charged: "100.00", refunded: "40.00", refunds: 1 });
});

test("a payment that takes its time is charged by then", async () => {
  const intent = await order("process");
  await pay(intent);
  await sandbox.settle(intent.id);
  await sandbox.expectMoney(intent.id, { charged: "100.00" });
  await sandbox.chargeBack(intent.id, "10.00");
  await sandbox.expectMoney(intent.id, { chargedBack: "10.00", chargebacks: 1 });
});

test("another ledger knows nothing of it", async () => {
  const intent = await order("approve");
  const other = new Sandbox(env["SANDBOX_URL"] ?? DEFAULT_URL, "another-shop");
  await other.expectMoney(intent.id, { known: false });
  await sandbox.expectMoney(intent.id, { known: true });
});

test("money that is wrong is told", async () => {
  const intent = await order("approve");
  await pay(intent);
  const wrong = sandbox.expectMoney(intent.id, { charged: "99.00" });
  await assert.rejects(wrong, (error: unknown) => {
    assert.ok(error instanceof MoneyDiffers);
    assert.match(error.message, /charged is 100.00, not 99.00/);
    return true;
  });
});
