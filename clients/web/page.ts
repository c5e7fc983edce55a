/** Runs the scenario in the page, as `drive.ts` directs. */

import { connect, type GatewayError } from "corefy-gateway/web";

import { runCases, type Case } from "./cases.js";

/** The input of the page, from `drive.ts`. */
export interface Given {
  target: string;
  apiKey: string;
  readKey: string;
  cases: Case[];
}

declare global {
  interface Window {
    /** These are `drive.ts`'s. */
    given(): Promise<Given>;
    control(words: string[]): Promise<void>;
    print(line: string): Promise<void>;
    run(): Promise<boolean>;
    refusal(): Promise<string>;
  }
}

window.run = async () => {
  const { target, cases, ...keys } = await window.given();
  return runCases("web", cases, {
    ...keys,
    isProvable: false,
    connect: (apiKey) => connect(target, apiKey),
    control: (words) => window.control(words),
    print: (line) => void window.print(line),
  });
};

/** How a call ends that the browser does not let through: of itself, for a deadline could end the last attempt before the browser does. */
window.refusal = async () => {
  const { target, apiKey } = await window.given();
  return connect(target, apiKey)
    .gateway.testConnection({})
    .then(
      () => "",
      (error: GatewayError) => error.message,
    );
};
