/** Field cases of references and detectors, from the file and the raw events to the rows that a user reads. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { z } from "zod";
import type { MetricRow } from "../../src/core/metric.ts";
import { fieldCaseConfig } from "../support/field-cases.ts";
import { at, detail, Scenario } from "../support/scenario.ts";

const ndjson = (rows: number, row: (i: number) => unknown) =>
  `${Array.from({ length: rows }, (_, i) => JSON.stringify(row(i))).join("\n")}\n`;

const prediction = (model: string, id: string, timestamp: number | string, features: Record<string, unknown>) =>
  JSON.stringify({
    type: "prediction",
    id,
    model,
    timestamp: typeof timestamp === "number" ? new Date(timestamp).toISOString() : timestamp,
    prediction: 1,
    features,
  });

function close(actual: unknown, expected: number, tolerance = 1e-9): void {
  assert.ok(
    typeof actual === "number" && Math.abs(actual - expected) <= tolerance,
    `${String(actual)} instead of ${expected}`,
  );
}

/** The one row of a metric of a subject in the window that starts then. */
function rowOf(rows: readonly MetricRow[], start: string, subject: string, metric: string): MetricRow {
  const found = rows.filter(
    (row) => row.window_start === Date.parse(start) && row.subject === subject && row.metric === metric,
  );
  assert.equal(found.length, 1, `${found.length} rows of ${metric} of ${subject} at ${start}`);
  return found[0] as MetricRow;
}

const RATES = [0.1, 0.2, 0.3];
const EVERY_DETECTOR =
  "[psi, jensen-shannon, total-variation, wasserstein, kolmogorov-smirnov, chi-squared, missing-rate, invalid-rate, volume]";

for (const [which, detectors] of [
  ["default detectors", ""],
  ["every detector", `\n    detectors: ${EVERY_DETECTOR}`],
] as const) {
  test(`float32-serving-float64-reference: 32-bit copies are no drift and a real change is, with ${which}`, async () => {
    await using scenario = await Scenario.open({
      config: fieldCaseConfig("float32-serving-float64-reference").replace(
        "windows: [1h]}",
        `windows: [1h]${detectors.replace(/\n {4}/, ", ")}}`,
      ),
      files: { "reference.ndjson": ndjson(3000, (i) => ({ rate: RATES[i % 3] })) },
      now: at(12, 30),
    });
    const hour = (letter: string, from: string, rates: readonly number[]) =>
      Array.from({ length: 1500 }, (_, i) =>
        prediction("price", `${letter}${i}`, Date.parse(from) + 2000 * i, { rate: rates[i % 3] }),
      );
    await scenario.push(hour("a", at(10), [0.10000000149011612, 0.20000000298023224, 0.30000001192092896]));
    await scenario.push(hour("b", at(11), [0.18, 0.2, 0.3]));
    await scenario.evaluate({ final: true });

    const rows = await scenario.metrics({ model: "price", subject: "rate" });
    assert.equal(rows.filter((row) => row.metric === "new-category-rate").length, 0, "rate was taken for a category");
    const calm = rows.filter((row) => row.window_start === Date.parse(at(10)));
    assert.ok(calm.length >= 2);
    for (const row of calm) {
      assert.equal(row.status, "ok", row.metric);
      assert.equal(row.breached, false, row.metric);
      // 6.7e-8 reference deviations for the exact values; bins and 32 bits show nothing at all.
      assert.ok(
        row.value !== null && row.value < (row.metric === "wasserstein" ? 1e-3 : 0.01),
        `${row.metric} ${row.value}`,
      );
    }
    const wasserstein = rowOf(rows, at(11), "rate", "wasserstein");
    close(wasserstein.value, 0.3265986324, Number(detail(wasserstein, "error_bound")));
    assert.equal(wasserstein.breached, true);
    assert.equal(rowOf(rows, at(11), "rate", "jensen-shannon").breached, true);
    if (detectors !== "") {
      close(rowOf(rows, at(11), "rate", "total-variation").value, 1 / 3, 0.005);
      close(rowOf(rows, at(11), "rate", "kolmogorov-smirnov").value, 1 / 3, 0.005);
      for (const metric of ["psi", "total-variation", "kolmogorov-smirnov", "chi-squared"])
        assert.equal(rowOf(rows, at(11), "rate", metric).breached, true, metric);
    }
    assert.deepEqual(scenario.messages(), []);
    // No rule is written; the page tier tells of the real change, and of that alone.
    assert.deepEqual(
      (await scenario.incidents()).map(({ window, onset }) => [window, onset]),
      [["page tier", "2026-03-02T11:00:00.000Z"]],
    );
  });
}

const CHURN = `models:
  - name: churn
    task: binary
    reference: { file: reference.csv }
    windows: [1h]
    min_rows: 10
    detectors: [chi-squared, jensen-shannon, total-variation, psi]`;
const churnReference = (flag: string) =>
  `flag,country\n${Array.from({ length: 50 }, (_, i) => `${flag},${i < 30 ? "DE" : "FR"}\n`).join("")}`;
const churnHour = (letter: string, from: string, ones: number) =>
  Array.from({ length: 10 }, (_, i) =>
    prediction("churn", `${letter}${i}`, from, { flag: i < 10 - ones ? "0" : "1", country: i < 6 ? "DE" : "FR" }),
  );

test("constant-category-on-both-sides: a constant flag is zero with p 1, a new category has the textbook distances", async () => {
  await using scenario = await Scenario.open({
    config: CHURN,
    files: { "reference.csv": churnReference("0") },
    now: at(12, 30),
  });
  await scenario.push(churnHour("a", at(10), 0));
  await scenario.push(churnHour("b", at(11), 2));
  await scenario.evaluate({ final: true });

  const rows = await scenario.metrics({ model: "churn", subject_kind: "feature" });
  assert.equal(rows.length, 2 * 2 * 4);
  for (const row of rows) {
    assert.equal(row.status, "ok", `${row.subject} ${row.metric}`);
    assert.ok(row.value !== null && Number.isFinite(row.value));
  }
  const value = (start: string, subject: string, metric: string) => rowOf(rows, start, subject, metric).value;
  const calm = rows.filter((row) => row.window_start === Date.parse(at(10)));
  assert.equal(calm.filter((row) => row.breached).length, 0);
  for (const metric of ["chi-squared", "jensen-shannon", "total-variation", "psi"])
    close(value(at(10), "flag", metric), 0);
  close(detail(rowOf(rows, at(10), "flag", "chi-squared"), "p_value"), 1);
  close(value(at(10), "country", "total-variation"), 0);
  close(detail(rowOf(rows, at(10), "country", "chi-squared"), "p_value"), 1);

  close(value(at(11), "flag", "total-variation"), 0.2);
  close(value(at(11), "flag", "jensen-shannon"), 0.3286815269);
  close(value(at(11), "flag", "chi-squared"), 10.3448275862);
  close(detail(rowOf(rows, at(11), "flag", "chi-squared"), "p_value"), 0.0012983799);

  // What is shown over all features is finite too.
  for (const route of ["/", "/models/churn", "/models/churn/features/flag", "/metrics"])
    assert.doesNotMatch(await scenario.text(route), /NaN|Infinity/, route);
});

test("constant-category-on-both-sides: a reference without rows is refused by name, and the old one stays in force", async () => {
  await using scenario = await Scenario.open({
    config: CHURN,
    files: { "reference.csv": churnReference("0") },
    now: at(12, 30),
  });
  await scenario.push(churnHour("a", at(10), 0));
  await scenario.evaluate({ final: true });
  const [before] = await scenario.metrics({ subject: "flag", metric: "total-variation" });

  await scenario.write({ "reference.csv": "flag,country\n" });
  await scenario.restart();
  const warning = scenario.log.find((line) => line.includes('"warn"') && line.includes("reference.csv"));
  assert.match(warning ?? "", /model churn.*has no rows.*stays in force/);
  await scenario.push(churnHour("b", at(11), 2));
  await scenario.evaluate({ final: true });
  const rows = await scenario.metrics({ subject: "flag", metric: "total-variation" });
  assert.deepEqual(
    rows.map((row) => row.reference_id),
    [before?.reference_id, before?.reference_id],
  );
  close(rows[1]?.value, 0.2);
});

for (const [what, file, text] of [
  ["columns but no rows", "reference.csv", "flag,country\n"],
  ["not a byte", "reference.csv", ""],
  ["no line", "reference.ndjson", ""],
] as const) {
  test(`constant-category-on-both-sides: a first reference with ${what} is refused by name and with the reason`, async () => {
    await assert.rejects(
      Scenario.open({ config: CHURN.replace("reference.csv", file), files: { [file]: text }, now: at(12, 30) }),
      (thrown) =>
        thrown instanceof Error &&
        thrown.message.includes("churn") &&
        thrown.message.includes(file) &&
        /no rows/.test(thrown.message),
    );
  });
}

for (const [format, file, text] of [
  ["CSV", "reference.csv", churnReference("")],
  ["NDJSON", "reference.ndjson", ndjson(50, (i) => ({ flag: null, country: i < 30 ? "DE" : "FR" }))],
] as const) {
  test(`constant-category-on-both-sides: a flag that is null in every row of a ${format} reference has the one bin missing`, async () => {
    await using scenario = await Scenario.open({
      config: CHURN.replace("reference.csv", file),
      files: { [file]: text },
      now: at(12, 30),
    });
    await scenario.push(churnHour("a", at(10), 0));
    await scenario.evaluate({ final: true });
    const rows = await scenario.metrics({ model: "churn", subject_kind: "feature" });
    assert.equal(rows.length, 8);
    for (const row of rows)
      assert.ok(row.status === "ok" && row.value !== null, `${row.subject} ${row.metric} ${row.detail}`);
    close(rowOf(rows, at(10), "flag", "total-variation").value, 1);
    close(rowOf(rows, at(10), "country", "total-variation").value, 0);
  });
}

const LOAN = (pin: string) => `models:
  - name: loan
    task: binary
    reference: { file: reference.csv }
    windows: [1h]
    features: { amount: numeric${pin} }`;
const zip = (i: number) => String(i % 40).padStart(5, "0");
const loanReference = `zip,amount\n${Array.from({ length: 2000 }, (_, i) => `${zip(i)},${10 + (i % 7)}\n`).join("")}`;
const loanHour = () =>
  Array.from({ length: 400 }, (_, i) =>
    prediction("loan", `z${i}`, Date.parse(at(10)) + 1000 * i, { zip: zip(i), amount: 10 + (i % 7) }),
  );

for (const [part, pin] of [
  ["A, pinned categorical", ", zip: categorical"],
  ["B, not pinned", ""],
] as const) {
  test(`zip-codes-in-a-csv-reference, ${part}: forty codes keep their zeros on both sides`, async () => {
    const detectors =
      "\n    detectors: [jensen-shannon, total-variation, new-category-rate, invalid-rate, missing-rate]";
    await using scenario = await Scenario.open({
      config: LOAN(pin) + detectors,
      files: { "reference.csv": loanReference },
      now: at(12),
    });
    await scenario.push(loanHour());
    await scenario.evaluate({ final: true });
    const rows = await scenario.metrics({ model: "loan", subject_kind: "feature" });
    for (const metric of ["total-variation", "new-category-rate", "missing-rate"])
      close(rowOf(rows, at(10), "zip", metric).value, 0);
    assert.equal(rows.filter((row) => row.breached).length, 0);
    for (const row of rows) if (row.metric === "invalid-rate") close(row.value, 0);
    const amount = rowOf(rows, at(10), "amount", "total-variation");
    assert.ok(amount.value !== null && amount.value <= 0.005, `${amount.value}`);
    assert.equal(
      rows.filter((row) => row.subject === "amount" && row.metric === "new-category-rate").length,
      0,
      "amount became a category",
    );
    const [stored] = await scenario.rows(
      "SELECT kind, categories, bins FROM `references` FINAL WHERE subject = 'zip'",
      z.object({ kind: z.string(), categories: z.array(z.string()), bins: z.array(z.number()) }),
    );
    // Forty codes of fifty rows each, then none in the tail and none new.
    assert.deepEqual(stored, {
      kind: "categorical",
      categories: Array.from({ length: 40 }, (_, i) => zip(i)),
      bins: [...Array.from({ length: 40 }, () => 50), 0, 0],
    });
    assert.ok((await scenario.text("/models/loan/features/zip")).includes("00000"));
  });
}
