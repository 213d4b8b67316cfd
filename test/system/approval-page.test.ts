/** The approval of a retraining as a person gives it: in a browser, from the link of the message. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { openBrowser } from "../support/browser.ts";
import { startHttpReceiver } from "../support/http-receiver.ts";
import { at, Scenario } from "../support/scenario.ts";

const CONFIG = `models:
  - name: m
    task: regression
    windows: [5m]
    features: { x: numeric }
    kpis:
      - { name: mean_x, sql: "avg(toFloat64(features.x))", max: 80, clear_after: 1, severity: page }
    alerts: { channels: [hook] }
    actions: [{ use: webhook, url: "\${RETRAIN}", on: page, approval: true }]
channels: { hook: { use: webhook, url: "\${HOOK}" } }`;

test("a person opens the link, approves, and sees that it was approved", async (context) => {
  const browser = await openBrowser();
  if (browser === null) return context.skip("no Chromium starts on this machine");
  try {
    await using retrain = await startHttpReceiver();
    await using scenario = await Scenario.open({
      config: CONFIG,
      now: at(10, 5),
      environment: { RETRAIN: retrain.url },
    });
    await scenario.push(
      Array.from(
        { length: 500 },
        (_, i) =>
          `{"type":"prediction","id":"${i}","model":"m","version":"1","timestamp":"${at(10, 0, Math.floor(i / 2))}","prediction":1,"features":{"x":${100 + (i % 9)}}}`,
      ),
    );
    await scenario.evaluate({ at: at(10, 7) });
    const asked = scenario.messages().find(({ type }) => type === "incident.retraining");
    assert.ok(asked !== undefined);
    const page = await browser.newPage();
    const problems: string[] = [];
    page.on("console", (message) => {
      if (message.type() === "error") problems.push(message.text());
    });
    await page.goto(String(asked.data.incident["link"]));
    await page.getByLabel("Your name").fill("Ada <b>Lovelace</b>");
    await page.getByRole("button", { name: "Approve" }).click();
    await page.getByText("approved", { exact: true }).waitFor({ timeout: 10_000 });
    assert.equal(await page.getByRole("button", { name: "Approve" }).count(), 0);
    await scenario.evaluate();
    assert.equal(retrain.requests.length, 1);
    await page.getByRole("link", { name: "Incident", exact: true }).click();
    await page.getByText("by Ada <b>Lovelace</b>").waitFor({ timeout: 10_000 });
    if (process.env["DRIFTLINE_SCREENSHOT"] !== undefined)
      await page.screenshot({ path: process.env["DRIFTLINE_SCREENSHOT"], fullPage: true });
    assert.deepEqual(problems, []);
  } finally {
    await browser.close();
  }
});
