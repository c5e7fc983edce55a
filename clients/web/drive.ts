/** Has headless Chromium run the scenario in a page of an origin that may call; started by `clients/scenario/run`. */

import { execFile } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { env } from "node:process";
import { promisify } from "node:util";

import { chromium, type BrowserContext, type Page } from "playwright-core";

import type { Given } from "./page.js";

const FLAGS = [
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-gpu",
  "--disable-quic",
  "--disable-sync",
  "--no-first-run",
];
const origin = new URL(env["SCENARIO_WEB_ORIGIN"]!);
const given: Given = {
  target: env["SCENARIO_TARGET"]!,
  apiKey: env["SCENARIO_API_KEY"]!,
  readKey: env["SCENARIO_READ_KEY"]!,
  cases: (JSON.parse(readFileSync(env["SCENARIO_FILE"]!, "utf8")) as Pick<Given, "cases">).cases,
};
const control = promisify(execFile);
// A card of the sandbox's, by the names of the fields of Corefy's page.
const CARD = { card_number: "4111111111111111", exp_month: "12", exp_year: "40", cvv: "123" };

/** Is the payer on a page of Corefy's or of the bank's: comes there by a link or by a form, presses a button, and is sent on. */
async function visit(context: BrowserContext, [url, decision = "approve", method = "GET", ...fields]: string[]) {
  const page = await context.newPage();
  const moved = (act: () => Promise<unknown>) => Promise.all([page.waitForNavigation(), act()]);
  if (method === "POST") {
    await moved(() => page.evaluate(submit, { url: url!, fields }));
  } else {
    await page.goto(url!);
  }
  if (decision === "card") {
    // Not by `fill`, whose errors quote the value.
    await page.evaluate(fillIn, CARD);
  }
  // The shop that the payer is sent back to does not exist here: it is enough that the browser asks for it.
  const left = Promise.race([page.waitForRequest("https://shop.example/**"), page.waitForNavigation()]);
  await Promise.all([left, page.click(`button[value="${decision}"]`)]);
  await page.close();
}

function submit({ url, fields }: { url: string; fields: string[] }) {
  const form = Object.assign(document.createElement("form"), { action: url, method: "post" });
  for (const field of fields) {
    const [name, ...value] = field.split("=");
    form.append(Object.assign(document.createElement("input"), { type: "hidden", name, value: value.join("=") }));
  }
  document.documentElement.append(form);
  form.submit();
}

function fillIn(values: Record<string, string>) {
  for (const [name, value] of Object.entries(values)) {
    document.querySelector<HTMLInputElement>(`input[name="${name}"]`)!.value = value;
  }
}

async function opened(page: Page, url: string): Promise<Page> {
  await page.exposeFunction("given", () => given);
  await page.exposeFunction("print", console.log);
  await page.exposeFunction("control", async ([order, ...words]: string[]) => {
    await (order === "visit" ? visit(page.context(), words) : control(env["SCENARIO_CONTROL"]!, [order!, ...words]));
  });
  await page.goto(url);
  return page;
}

const script = readFileSync(new URL("bundle.js", import.meta.url));
const server = createServer((request, response) => {
  const isScript = request.url === "/bundle.js";
  response.setHeader("content-type", isScript ? "text/javascript" : "text/html");
  response.end(isScript ? script : '<!doctype html><title>Shop</title><script src="/bundle.js"></script>');
});
server.listen(Number(origin.port));
await once(server, "listening");
const browser = await chromium.launch({ executablePath: env["CHROMIUM"] ?? "/usr/bin/chromium", args: FLAGS });
try {
  // Chromium has authorities of its own, and the scenario's is not among them.
  const context = await browser.newContext({ ignoreHTTPSErrors: true });
  const shop = await opened(await context.newPage(), origin.href);
  const passed = await shop.evaluate(() => window.run());
  // The same server by another name is another origin, which the gateway does not know.
  const stranger = await opened(await context.newPage(), `http://127.0.0.1:${origin.port}`);
  const refusal = await stranger.evaluate(() => window.refusal());
  const isRefused = refusal.startsWith("Unavailable");
  console.log(`test web: a page of another origin is not let in ... ${isRefused ? "ok" : `FAILED: ${refusal}`}`);
  console.log(`test result: ${isRefused ? "ok. 1 passed; 0 failed" : "FAILED. 0 passed; 1 failed"}`);
  process.exitCode = passed && isRefused ? 0 : 1;
} finally {
  await browser.close();
  server.close();
}
