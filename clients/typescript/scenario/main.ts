/** Runs the scenario in Node, with the package as it is installed; started by `clients/scenario/run`. */

import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { env } from "node:process";

import { connect } from "corefy-gateway";

import { runCases, type Case } from "./cases.js";

const authority = env["SCENARIO_CA"];
const { cases } = JSON.parse(readFileSync(env["SCENARIO_FILE"]!, "utf8")) as { cases: Case[] };
const passed = await runCases("typescript", cases, {
  apiKey: env["SCENARIO_API_KEY"]!,
  readKey: env["SCENARIO_READ_KEY"]!,
  isProvable: true,
  connect: (apiKey) =>
    connect(env["SCENARIO_TARGET"]!, apiKey, authority ? { tls: { ca: readFileSync(authority) } } : {}),
  control: async (words) => void execFileSync(env["SCENARIO_CONTROL"]!, words),
  print: console.log,
});
process.exitCode = passed ? 0 : 1;
