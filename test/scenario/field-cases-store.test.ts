/** Field cases of rows that a store refuses and of names that break SQL, markup or objects. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { z } from "zod";
import { fieldCaseLines } from "../support/field-cases.ts";
import { close, rowOf } from "../support/rows.ts";
import { at, Scenario } from "../support/scenario.ts";

const good = (id: string, amount: number) =>
  `{"type":"prediction","id":"${id}","model":"m","timestamp":"${at(10)}","prediction":1,"features":{"amount":${amount},"note":"ok"}}`;

test("one-row-the-store-refuses: 1010 good rows are stored once, seven odd ones are a row or a dead letter, no figure is infinite", async () => {
  await using scenario = await Scenario.open({
    config: `models:
  - name: m
    task: binary
    reference: { file: reference.ndjson }
    features: { amount: numeric, note: categorical }
    windows: [1h]
    detectors: [total-variation, wasserstein, kolmogorov-smirnov, jensen-shannon, missing-rate, invalid-rate, new-category-rate]
    kpis: [{ name: mean_amount, sql: "avg(features.amount)" }]
ingest: { batch_rows: 2000 }`,
    files: {
      "reference.ndjson": Array.from({ length: 100 }, (_, i) => JSON.stringify({ amount: i, note: "ok" })).join("\n"),
    },
    now: at(12),
  });
  const odd = fieldCaseLines("one-row-the-store-refuses");
  const first = Array.from({ length: 1000 }, (_, i) => good(`g${i}`, i % 100));
  first.splice(501, 0, ...odd);
  await scenario.push(first);
  await scenario.push(Array.from({ length: 10 }, (_, i) => good(`h${i}`, i)));
  await scenario.evaluate({ final: true });

  const [counts] = await scenario.rows(
    "SELECT countIf(id LIKE 'g%' OR id LIKE 'h%') AS good, uniqExactIf(id, id LIKE 'g%' OR id LIKE 'h%') AS ids, countIf(id LIKE 'p%') AS odd FROM predictions_m",
    z.object({ good: z.number(), ids: z.number(), odd: z.number() }),
  );
  const dead = await scenario.deadLetters();
  assert.deepEqual({ good: counts?.good, ids: counts?.ids }, { good: 1010, ids: 1010 });
  assert.equal((counts?.odd ?? 0) + dead.length, 7);
  for (const letter of dead) assert.ok(odd.includes(letter.raw), letter.raw);
  assert.match(dead.find((letter) => letter.raw.includes('"p7"'))?.detail ?? "", /NaN/);
  const [position] = await scenario.rows(
    "SELECT max(next_offset) AS next FROM positions",
    z.object({ next: z.number() }),
  );
  assert.equal(position?.next, 1017);

  const odds = await scenario.rows(
    "SELECT id, `features.amount` AS amount, `features.note` AS note, invalid FROM predictions_m WHERE id LIKE 'p%' ORDER BY id",
    z.object({
      id: z.string(),
      amount: z.number().nullable(),
      note: z.string().nullable(),
      invalid: z.array(z.string()),
    }),
  );
  const oddOf = (id: string) => odds.find((row) => row.id === id);
  assert.deepEqual(oddOf("p1"), { id: "p1", amount: null, note: "ok", invalid: ["amount"] });
  assert.equal(oddOf("p2")?.amount, 1.8446744073709552e19);
  assert.equal(oddOf("p3")?.amount, 1.2345678901234568e29);
  assert.notEqual(oddOf("p4")?.note, "ok");

  const rows = await scenario.metrics({ model: "m" });
  for (const row of rows.filter((one) => one.metric !== "volume")) {
    assert.equal(row.status, "ok", `${row.subject} ${row.metric} ${row.detail}`);
    assert.ok(row.value !== null && Number.isFinite(row.value), `${row.subject} ${row.metric}`);
  }
  const stored = 1010 + odds.length;
  close(rowOf(rows, at(10), "amount", "invalid-rate").value, 1 / stored);
  close(rowOf(rows, at(10), "amount", "missing-rate").value, 0);
  close(rowOf(rows, at(10), "note", "new-category-rate").value, 1 / stored);
  const [above] = await scenario.rows(
    "SELECT bins[-1] AS above, toString(s1) AS s1, maximum FROM pane_summaries WHERE subject = 'amount' ORDER BY revision DESC LIMIT 1",
    z.object({ above: z.number(), s1: z.string(), maximum: z.number().nullable() }),
  );
  assert.equal(above?.above, 2, "both huge numbers lie above the reference's maximum");
  for (const route of [
    "/",
    "/models/m",
    "/models/m/features/amount",
    "/models/m/features/note",
    "/v1/metrics",
    "/metrics",
  ])
    assert.doesNotMatch(await scenario.text(route), /\b(?:NaN|Infinity|inf)\b/, route);
});

const NAMES = [
  "a",
  "a.b",
  "a b",
  "größe",
  "x`y",
  'q"r',
  "it's",
  "back\\slash",
  "%2E",
  "__proto__",
  "constructor",
  "x'); DROP TABLE predictions; --",
];
const FEATURES = `{${NAMES.map((name, k) => `${JSON.stringify(name)}:${k + 1}`).join(",")}}`;

for (const [kinds, pinned] of [
  ["categories by their few values", []],
  // `__proto__` is no key that a configuration may have; it is a name that data may have.
  ["numbers by configuration", NAMES.filter((name) => name !== "__proto__")],
] as const) {
  test(`feature-names-with-dots-and-quotes: twelve names are twelve features in the rows, the API, the page and Prometheus, ${kinds}`, async () => {
    await using scenario = await Scenario.open({
      config: `models:
  - name: m
    task: regression
    windows: [1h]
    min_rows: 1
    reference: { file: reference.ndjson }
    features: { ${pinned.map((name) => `${JSON.stringify(name)}: numeric`).join(", ")} }
    detectors: [total-variation, wasserstein, chi-squared, missing-rate, invalid-rate, new-category-rate]
    kpis:
${NAMES.map((name, k) => `      - { name: mean_${k + 1}, sql: ${JSON.stringify(`avg(toFloat64OrNull(toString(\`features.${name.replace(/\\/g, "\\\\").replace(/`/g, "\\`")}\`)))`)} }`).join("\n")}`,
      files: { "reference.ndjson": `${FEATURES}\n`.repeat(100) },
      now: at(12),
    });
    const [shown] = fieldCaseLines("feature-names-with-dots-and-quotes");
    const features = /"features":(\{.*\})\}$/.exec(shown ?? "")?.[1] ?? "";
    assert.deepEqual(Object.keys(JSON.parse(features)), NAMES);
    const line = (id: string, minute: number, sent: string) =>
      `{"type":"prediction","id":"${id}","model":"m","timestamp":"${at(10, minute)}","prediction":1,"features":${sent}}`;
    await scenario.push(Array.from({ length: 20 }, (_, i) => line(`r${i}`, i, features)));
    await scenario.evaluate({ final: true });

    assert.deepEqual(await scenario.deadLetters(), []);
    const rows = await scenario.metrics({ model: "m", subject_kind: "feature" });
    assert.deepEqual([...new Set(rows.map((row) => row.subject))].sort(), [...NAMES].sort());
    const kpis = await scenario.metrics({ model: "m", subject_kind: "kpi" });
    for (const [k, name] of NAMES.entries()) {
      assert.equal(rowOf(rows, at(10), name, "total-variation").n, 20);
      close(rowOf(rows, at(10), name, "missing-rate").value, 0);
      close(rowOf(rows, at(10), name, "invalid-rate").value, 0);
      close(rowOf(rows, at(10), name, "total-variation").value, 0);
      const mean = rowOf(kpis, at(10), "kpi", `mean_${k + 1}`);
      assert.equal(mean.status, "ok", mean.detail);
      close(mean.value, k + 1);
    }
    assert.equal(rows.filter((row) => row.breached).length, 0);
    const tables = await scenario.rows("SHOW TABLES", z.object({ name: z.string() }));
    for (const table of ["predictions_m", "labels", "metrics", "panes", "pane_summaries"])
      assert.ok(
        tables.some((row) => row.name === table),
        table,
      );

    const page = await scenario.text("/models/m");
    const escaped = (text: string) => text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/"/g, "&quot;");
    for (const name of NAMES) {
      assert.ok(page.includes(escaped(name)), `${name} is not on the page`);
      const answer = z
        .object({ metrics: z.array(z.object({ subject: z.string(), value: z.number() })) })
        .parse(await scenario.json(`/v1/metrics?metric=total-variation&subject=${encodeURIComponent(name)}`));
      assert.deepEqual(answer.metrics, [{ subject: name, value: 0 }]);
      const view = await scenario.text(`/models/m/features/${encodeURIComponent(name)}`);
      assert.ok(view.includes(escaped(name)), name);
    }
    // Every link of the grid leads to its feature.
    const links = [...page.matchAll(/href="(\/models\/m\/features[^"]*)"/g)].map((match) =>
      (match[1] ?? "").replaceAll("&amp;", "&"),
    );
    for (const link of new Set(links)) assert.equal((await scenario.get(link)).status, 200, link);
    for (const metric of (await scenario.text("/metrics")).split("\n"))
      assert.match(
        metric,
        /^(?:#.*|[a-zA-Z_:][a-zA-Z0-9_:]*(?:\{(?:[a-zA-Z_]\w*="(?:[^"\\]|\\["\\n])*",?)*\})? \S+|)$/,
      );

    // A nested object is the path with dots; it takes nothing from the feature that has the name of its root.
    await scenario.push([line("n1", 30, '{"a":{"b":2}}'), line("n2", 31, '{"a":1,"a.b":2}')]);
    const nested = await scenario.rows(
      "SELECT id, toFloat64OrNull(toString(`features.a`)) AS a, toFloat64OrNull(toString(`features.a.b`)) AS ab FROM predictions_m WHERE id LIKE 'n%' ORDER BY id",
      z.object({ id: z.string(), a: z.number().nullable(), ab: z.number().nullable() }),
    );
    assert.deepEqual(nested, [
      { id: "n1", a: null, ab: 2 },
      { id: "n2", a: 1, ab: 2 },
    ]);
  });
}
