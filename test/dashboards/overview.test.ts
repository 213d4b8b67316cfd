import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import { z } from "zod";
import { DATASOURCE, overviewText } from "../../dashboards/overview.ts";
import { panelQueries, variableQueries } from "../../dashboards/queries.ts";
import { openStore } from "../../src/store/open.ts";
import { sql, written } from "../../src/store/sql.ts";
import type { Store } from "../../src/store/store.ts";
import { at, fillCensus, metricRowOf } from "../support/census-rows.ts";
import { deadLetterRows } from "../support/incident-rows.ts";
import { projectFile } from "../support/project-file.ts";

let folder: string;
let store: Store;

before(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "driftline-dashboard-"));
  store = await openStore({ embedded: folder });
  await fillCensus(store);
  const lane = store.lane("control");
  await lane.insertRows("dead_letters", deadLetterRows(Date.now()));
  await lane.insertRows("rebuilds", [
    {
      model: "census",
      epoch: 2,
      change: "done",
      at: Date.now(),
      owner: "ana",
      reason: "the reference was wrong",
      rows: 7,
    },
  ]);
  const windows: readonly (readonly [number, number | null])[] = [
    [0, 1],
    [5, 0.5],
    [10, null],
    [15, null],
    [20, 1],
  ];
  await lane.insertRows(
    "metrics",
    windows.map(([minute, value]) =>
      metricRowOf({
        model: "gaps",
        window: "5m",
        subject_kind: "kpi",
        subject: "kpi",
        metric: "accuracy",
        value,
        n: value === null ? 0 : 2,
        threshold: 0.4,
        window_start: at("2026-03-02T10:00:00Z") + minute * 60_000,
        window_end: at("2026-03-02T10:05:00Z") + minute * 60_000,
        status: value === null ? "insufficient" : "ok",
      }),
    ),
  );
});

after(async () => {
  await store.close();
  await rm(folder, { recursive: true, force: true });
});

const panel = z.looseObject({
  title: z.string(),
  type: z.string(),
  targets: z
    .array(z.looseObject({ rawSql: z.string(), datasource: z.object({ type: z.string(), uid: z.string() }) }))
    .default([]),
  fieldConfig: z
    .looseObject({
      defaults: z.looseObject({ custom: z.looseObject({ spanNulls: z.boolean().optional() }).optional() }),
    })
    .optional(),
});
const dashboard = z.looseObject({
  uid: z.string(),
  templating: z.object({ list: z.array(z.looseObject({ name: z.string(), query: z.string() })) }),
  panels: z.array(
    z.looseObject({ type: z.string(), title: z.string(), panels: z.array(panel).default([]) }).and(panel),
  ),
});
const parsed = dashboard.parse(JSON.parse(readFileSync(projectFile("dashboards/driftline-overview.json"), "utf8")));
const panels = parsed.panels.flatMap((one) => [one, ...one.panels]).filter((one) => one.type !== "row");

/** What Grafana and its data source put in: variables quoted, the time range from 1970 to 2100. */
function filledIn(query: string, variables: Readonly<Record<string, string>>): string {
  return query
    .replace(/\$\{(\w+):singlequote\}/g, (_, name: string) => sql`${variables[name] ?? ""}`.text)
    .replace(
      /\$__timeFilter_ms\((\w+)\)/g,
      "$1 >= fromUnixTimestamp64Milli(toInt64(0)) AND $1 <= fromUnixTimestamp64Milli(toInt64(4102444800000))",
    );
}

const run = (query: string, variables: Readonly<Record<string, string>>) =>
  store
    .lane("serve")
    .query(sql`SELECT * FROM (${written(filledIn(query, variables))})`, z.record(z.string(), z.unknown()));

const census = {
  model: "census",
  version: "1",
  variant: "",
  window: "20000 events",
  metric: "total-variation",
  kpi: "f1",
};

test("the generated dashboard is the one that its code describes", () => {
  const file = projectFile("dashboards/driftline-overview.json");
  assert.equal(readFileSync(file, "utf8"), overviewText(), "run `npm run generate`");
});

test("every query of every panel and variable runs, and the panels of the census have rows", async () => {
  const used = panels.flatMap((one) => one.targets.map((target) => target.rawSql));
  assert.deepEqual([...new Set(used)].sort(), Object.values(panelQueries).sort());
  for (const one of panels) {
    for (const target of one.targets) {
      assert.deepEqual(target.datasource, DATASOURCE);
      const rows = await run(target.rawSql, census);
      if (one.title !== "Not judged") assert.ok(rows.length > 0, `${one.title} is empty`);
    }
  }
  for (const [name, query] of Object.entries(variableQueries)) {
    assert.equal(parsed.templating.list.find((variable) => variable.name === name)?.query, query);
    assert.ok((await run(query, census)).length > 0, name);
  }
});

test("drift by feature has a value a feature and window, the limit one a window", async () => {
  assert.equal((await run(panelQueries.drift, census)).length, 140);
  assert.deepEqual([...new Set((await run(panelQueries.driftLimit, census)).map((row) => row["limit"]))], [0.05]);
  const [worst] = await run(panelQueries.breached, census);
  assert.equal(worst?.["metric"], "total-variation");
  const [incident] = await run(panelQueries.incidents, census);
  assert.equal(incident?.["title"], "census: RELP, AGEP and SCHL moved");
});

test("gaps-are-not-zero: windows without a value are NULL, and no panel joins or fills them", async () => {
  const rows = await run(panelQueries.kpi, { ...census, model: "gaps", window: "5m", kpi: "accuracy" });
  assert.deepEqual(
    rows.map((row) => row["value"]),
    [1, 0.5, null, null, 1],
  );
  for (const one of panels.filter((candidate) => candidate.type === "timeseries"))
    assert.equal(one.fieldConfig?.defaults.custom?.spanNulls, false, one.title);
});

test("a hostile name in a variable stays a name", async () => {
  assert.deepEqual(await run(panelQueries.drift, { ...census, model: "x'); DROP TABLE metrics; --" }), []);
  assert.equal((await run(panelQueries.drift, census)).length, 140);
});
