/** What `driftline check` says of digests. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { crossChecks } from "../../../src/config/cross-checks.ts";
import { digestCron } from "../../../src/config/digests.ts";
import { configSchema } from "../../../src/config/schema.ts";

const config = (...digests: readonly object[]) =>
  configSchema.parse({
    store: { embedded: "./data" },
    models: [{ name: "m", task: "binary" }],
    channels: {
      team: { use: "log" },
      pager: { use: "pagerduty", routing_key: "key" },
      prometheus: { use: "alertmanager", urls: ["http://127.0.0.1:9093"] },
    },
    digests,
  });
const said = (...digests: readonly object[]) =>
  crossChecks(config(...digests)).map(({ path, message }) => `${path.join(".")}: ${message}`);

test("a digest with a channel alone is a daily one at eight, of all models", () => {
  assert.deepEqual(said({ channels: ["team"] }, { channels: ["team"], every: "week" }), []);
  const [daily, weekly] = config({ channels: ["team"] }, { channels: ["team"], every: "week" }).digests;
  assert.deepEqual(daily, { channels: ["team"], every: "day", at: "08:00", timezone: "UTC", name: "daily" });
  assert.equal(weekly?.name, "weekly");
  assert.equal(digestCron(daily ?? assert.fail()), "0 8 * * *");
  assert.equal(digestCron(weekly ?? assert.fail()), "0 8 * * 1");
  assert.equal(digestCron({ every: "week", weekday: "sunday", at: "17:45" }), "45 17 * * 0");
});

test("channels that wake people are refused, with those that would do", () => {
  assert.deepEqual(said({ channels: ["pager", "prometheus", "team"] }), [
    'digests.0.channels.0: "pager" is pagerduty, which takes incidents only: a digest is no alert; use cloudevents, email, kafka, log, slack, teams, webhook',
    'digests.0.channels.1: "prometheus" is alertmanager, which takes incidents only: a digest is no alert; use cloudevents, email, kafka, log, slack, teams, webhook',
  ]);
});

test("names must exist, and two digests must not be one", () => {
  assert.deepEqual(
    said(
      { channels: ["taem", "team", "team"], models: ["n"], weekday: "friday", timezone: "Mars/Base" },
      { channels: ["team"] },
    ),
    [
      'digests.0.channels.0: there is no channel "taem"; did you mean "team"? Channels: team, pager, prometheus',
      'digests.0.channels.2: the channel "team" is listed twice',
      'digests.0.models.0: there is no model "n"; did you mean "m"? Models: m',
      'digests.0.timezone: "Mars/Base" is no time zone; for example Europe/Berlin, America/New_York or UTC',
      "digests.0.weekday: a daily digest comes on every day; write every: week",
      'digests.1.name: another digest is named "daily" too; give one of them a name',
    ],
  );
  assert.throws(() => config({ channels: ["team"], at: "24:00" }), /a time of day such as 08:00/);
});
