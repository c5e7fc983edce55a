/**
 * Corefy's sandbox from a shop's tests: payers, banks, time, and the money that is expected to have moved.
 *
 *     import { Sandbox } from "corefy-gateway/sandbox";
 *
 *     const sandbox = new Sandbox("http://127.0.0.1:8090");
 *     await sandbox.complete(intent.id);
 *     await sandbox.expectMoney(intent.id, { charged: "100.00", charges: 1 });
 *
 * Payments, refunds and customers are named by the gateway's ids. docs/sandbox.md has the rest.
 */

/** The address of a sandbox beside `dev`. */
export const DEFAULT_URL = "http://127.0.0.1:8090";

/** How long an answer may take: longer than the longest wait that can be asked for. */
const PATIENCE_MS = 90_000;

/** The money that is expected to have moved for an intent, in major units; what is left out is not compared. */
export interface ExpectedMoney {
  charged?: string;
  refunded?: string;
  chargedBack?: string;
  charges?: number;
  refunds?: number;
  chargebacks?: number;
  /** `false`: Corefy never heard of the payment. */
  known?: boolean;
}

/** A difference between what was expected and what moved. */
export interface MoneyDifference {
  field: string;
  expected: string;
  actual: string;
}

/** A payment or refund as the sandbox has it. */
export interface SandboxObject {
  id: string;
  status: string;
  [member: string]: unknown;
}

interface Refusal {
  message?: string;
  error_code?: string;
  errors?: Record<string, string[]>;
  differences?: MoneyDifference[];
  nearest_request?: { method: string; path: string } | null;
}

/** The sandbox refused a call; `fields` has whatever is wrong with each. */
export class SandboxError extends Error {
  override readonly name = "SandboxError";
  readonly code: string;
  readonly fields: Record<string, string[]>;

  constructor(
    readonly status: number,
    refusal: Refusal,
  ) {
    const fields = refusal.errors ?? {};
    const wrong = Object.entries(fields).map(([field, problems]) => `\n  ${field}: ${problems.join("; ")}`);
    super(`${refusal.message ?? `HTTP ${status}`}${wrong.join("")}`);
    this.code = refusal.error_code ?? "";
    this.fields = fields;
  }
}

/** Other money moved than was expected, or the payment is not known. */
export class MoneyDiffers extends Error {
  override readonly name = "MoneyDiffers";
  readonly differences: MoneyDifference[];

  constructor(refusal: Refusal) {
    const nearest = refusal.nearest_request;
    super(`${refusal.message}${nearest ? `\n  nearest request: ${nearest.method} ${nearest.path}` : ""}`);
    this.differences = refusal.differences ?? [];
  }
}

/** The control of a sandbox; of the ledger of this name, where the gateway's API key has one behind it. */
export class Sandbox {
  readonly #url: string;
  readonly #headers: Record<string, string>;

  constructor(url: string = DEFAULT_URL, ledger?: string) {
    this.#url = url.replace(/\/+$/, "");
    this.#headers = ledger ? { "x-sandbox-ledger": ledger } : {};
  }

  /** Forgets everything: other tests at the same sandbox would miss it. */
  async reset(): Promise<void> {
    await this.#call("reset");
  }

  /** Lets the next thing happen now that would happen with time: a processing payment is charged. */
  settle(payment: string): Promise<SandboxObject> {
    return this.#payment(payment, "settle");
  }

  /** Charges a payment whose request was lost. */
  chargeLate(payment: string): Promise<SandboxObject> {
    return this.#payment(payment, "charge-late");
  }

  /** Has the payer answer: 3-D Secure, or details that they were shown. */
  complete(payment: string, answer: "approve" | "decline" = "approve"): Promise<SandboxObject> {
    return this.#payment(payment, "complete", { answer });
  }

  /** Cancels a payment that is not paid. */
  cancel(payment: string): Promise<SandboxObject> {
    return this.#payment(payment, "cancel");
  }

  /** Ends the time in which a payment can be paid. */
  expire(payment: string): Promise<SandboxObject> {
    return this.#payment(payment, "expire");
  }

  /** Has the payer's bank take an amount back, in major units; without one, all that is left. */
  chargeBack(payment: string, amount?: string): Promise<SandboxObject> {
    return this.#payment(payment, "charge-back", { amount });
  }

  /** Gives an amount back, in major units, without the gateway; without one, all that is left. */
  refundOnDashboard(payment: string, amount?: string): Promise<SandboxObject> {
    return this.#payment(payment, "refund", { amount });
  }

  /** Lets a pending refund end now. */
  settleRefund(refund: string): Promise<SandboxObject> {
    return this.#call(`refunds/${encodeURIComponent(refund)}/settle`);
  }

  /** Has the payer's bank return a refund that succeeded. */
  returnRefund(refund: string): Promise<SandboxObject> {
    return this.#call(`refunds/${encodeURIComponent(refund)}/return`);
  }

  /** Keeps webhooks back from now on. */
  async holdWebhooks(): Promise<void> {
    await this.#call("webhooks/hold");
  }

  /** Delivers webhooks again, beginning with those that were held. */
  async releaseWebhooks(): Promise<void> {
    await this.#call("webhooks/release");
  }

  /** Resolves when every webhook was delivered or given up, at most after so many milliseconds. */
  async waitForWebhooks(timeoutMs = 10_000): Promise<void> {
    await this.#call("webhooks/wait", { timeout_ms: timeoutMs });
  }

  /** Lets time go by: a text such as `25h`. In `dev` the gateway has caught up when it resolves. */
  async advanceClock(by: string): Promise<void> {
    await this.#call("clock", { advance: by });
  }

  /** Rejects with {@link MoneyDiffers} unless just this moved for the payment intent. */
  async expectMoney(payment: string, expected: ExpectedMoney): Promise<void> {
    const { chargedBack, ...others } = expected;
    await this.#call("expect", { payment, charged_back: chargedBack, ...others });
  }

  #payment(payment: string, control: string, fields: Record<string, unknown> = {}): Promise<SandboxObject> {
    return this.#call(`payments/${encodeURIComponent(payment)}/${control}`, fields);
  }

  async #call(path: string, fields: Record<string, unknown> = {}): Promise<SandboxObject> {
    const response = await fetch(`${this.#url}/_sandbox/${path}`, {
      method: "POST",
      headers: this.#headers,
      body: JSON.stringify(fields),
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
    const answer = await read(response);
    if (response.ok) return answer as SandboxObject;
    const refusal = answer as Refusal;
    if (refusal.nearest_request !== undefined) throw new MoneyDiffers(refusal);
    throw new SandboxError(response.status, refusal);
  }
}

/** The object of an answer; without one, or where it is none, an empty object. */
async function read(response: Response): Promise<unknown> {
  try {
    return JSON.parse(await response.text());
  } catch {
    return {};
  }
}
