/** Has headless Chromium run the scenario in a page of an origin that may call; started by `clients/scenario/run`. */

import { execFile } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { env } from "node:process";
import { promisify } from "node:util";

import { chromium, type Page } from "playwright-core";

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

async function opened(page: Page, url: string): Promise<Page> {
  await page.exposeFunction("given", () => given);
  await page.exposeFunction("print", console.log);
  await page.exposeFunction(
    "control",
    async (words: string[]) => void (await control(env["SCENARIO_CONTROL"]!, words)),
  );
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
