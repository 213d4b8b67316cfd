import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { createMetrics, metricCatalogue } from "../../../src/telemetry/metrics.ts";
import { projectFile } from "../../support/project-file.ts";

/** Every metric moved once, so that each has a line. */
async function exposedOnce(model: string): Promise<string> {
  const metrics = createMetrics({ process: false });
  metrics.ingest.events("kafka:ml.predictions", "prediction", 3);
  metrics.ingest.deadLetters("kafka:ml.predictions", "json", "not_json", 1);
  metrics.ingest.batch(0.02);
  metrics.ingest.lag("ml.predictions", 0, 1204);
  metrics.ingest.gap("ml.predictions", 0, 7);
  metrics.evaluation.evaluated(model, 2, 0.3);
  metrics.evaluation.watermark(model, 1_500);
  metrics.incidents.open(model, { ticket: 2 });
  metrics.incidents.transition(model, "opened");
  metrics.deliveries.delivery("ml-oncall", "delivered");
  metrics.store.up(true);
  return metrics.expose();
}

const byName = ([a]: readonly (string | undefined)[], [b]: readonly (string | undefined)[]): number =>
  `${a}` < `${b}` ? -1 : 1;

test("every metric of the catalogue is exposed with its help, and nothing else is", async () => {
  const text = await exposedOnce("m");
  const exposed = [...text.matchAll(/^# HELP (\S+) (.*)$/gm)].map((match) => [match[1], match[2]]);
  assert.deepEqual(
    exposed.sort(byName),
    Object.values(metricCatalogue)
      .map(({ name, help }) => [name, help])
      .sort(byName),
  );
});

test("the values are those that were told", async () => {
  const text = await exposedOnce("m");
  for (const line of [
    'driftline_events_total{source="kafka:ml.predictions",kind="prediction"} 3',
    'driftline_kafka_lag_events{topic="ml.predictions",partition="0"} 1204',
    'driftline_watermark_seconds{model="m"} 1.5',
    'driftline_incidents_open{model="m",severity="ticket"} 2',
    'driftline_incidents_open{model="m",severity="page"} 0',
    "driftline_store_up 1",
  ])
    assert.ok(text.includes(`${line}\n`), line);
});

test("feature-names-with-dots-and-quotes: hostile label values are escaped, and no line is broken in two", async () => {
  const text = await exposedOnce('q"r\\s\nevil 1');
  assert.match(text, /^driftline_watermark_seconds\{model="q\\"r\\\\s\\nevil 1"\} 1\.5$/m);
  for (const line of text.split("\n")) assert.match(line, /^(?:$|# (?:HELP|TYPE) |driftline_)/);
});

test("a partition that was given away shows no lag any more", async () => {
  const metrics = createMetrics({ process: false });
  metrics.ingest.lag("t", 0, 5);
  metrics.ingest.lagEnded("t", 0);
  assert.doesNotMatch(await metrics.expose(), /driftline_kafka_lag_events\{/);
});

test("the process's own metrics are there under the same prefix", async () => {
  assert.match(await createMetrics().expose(), /^driftline_process_resident_memory_bytes \d/m);
});

test("docs/reference/metrics.md lists the catalogue, all of it and nothing else", () => {
  const rows = [
    ...readFileSync(projectFile("docs/reference/metrics.md"), "utf8").matchAll(
      /^\| `(driftline_\w+)` \| (\w+) \| (.*?) \| (.*?) \|$/gm,
    ),
  ];
  assert.deepEqual(
    rows.map(([, name, kind, labels, help]) => [name, kind, labels, help]),
    Object.values(metricCatalogue).map(({ name, kind, labels, help }) => [
      name,
      kind,
      labels.map((label) => `\`${label}\``).join(", "),
      help,
    ]),
  );
});
