/** Field cases of references and features: each test names its case. Events are written as ingestion would store them. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { DriftlineError } from "../../src/core/errors.ts";
import { prepareModel } from "../../src/evaluate/prepare-model.ts";
import { assertNear, findRow, openStage } from "../support/evaluation-stage.ts";
import { modelConfig, type WrittenEvent } from "../support/event-writer.ts";

const T0 = Date.parse("2026-03-02T10:00:00Z");
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const clock = { now: () => T0 + 48 * HOUR, sleep: () => Promise.resolve() };
const { lane, scene, referenceFile, close } = await openStage(clock);
after(close);

test("constant-category-on-both-sides: a constant has the statistic 0 and p 1, and a reference without rows is refused by name", async () => {
  const file = await referenceFile(
    "constant.ndjson",
    Array.from({ length: 50 }, (_, i) => ({ flag: "0", country: i < 30 ? "DE" : "FR" })),
  );
  const detectors = ["chi-squared", "jensen-shannon", "total-variation", "psi"];
  const written = { name: "flags", task: "binary", reference: { file }, windows: ["1h"], min_rows: 10, detectors };
  const { evaluation, write, rows } = await scene(written);
  const hour = (start: number, flags: readonly string[]): WrittenEvent[] =>
    flags.map((flag, i) => ({
      kind: "prediction",
      id: `${start}-${i}`,
      timestamp: start + i * MINUTE,
      prediction: 0,
      features: { flag, country: i < 6 ? "DE" : "FR" },
    }));
  await write(
    [
      ...hour(
        T0,
        Array.from({ length: 10 }, () => "0"),
      ),
      ...hour(T0 + HOUR, [...Array.from({ length: 8 }, () => "0"), "1", "1"]),
    ],
    0,
  );
  await evaluation.run({ final: true });
  const found = await rows("1h");
  for (const metric of ["chi-squared", "jensen-shannon", "total-variation", "psi"]) {
    const row = findRow(found, T0, metric, "flag");
    assert.deepEqual([row.status, row.breached], ["ok", false], metric);
    assertNear(row.value, 0, metric === "psi" ? 0.05 : 1e-12);
  }
  assert.equal(JSON.parse(findRow(found, T0, "chi-squared", "flag").detail).p_value, 1);
  assertNear(findRow(found, T0, "total-variation", "country").value, 0);
  assertNear(findRow(found, T0 + HOUR, "total-variation", "flag").value, 0.2);
  assertNear(findRow(found, T0 + HOUR, "jensen-shannon", "flag").value, 0.3286815269);
  assertNear(findRow(found, T0 + HOUR, "chi-squared", "flag").value, 10.3448275862);
  assertNear(JSON.parse(findRow(found, T0 + HOUR, "chi-squared", "flag").detail).p_value, 0.0012983799);

  const empty = await referenceFile("empty.csv", ["flag,country"]);
  const refused = await prepareModel(lane, modelConfig({ ...written, reference: { file: empty } }), clock);
  assert.match(refused.warnings[0] ?? "", /flags: reference .*empty\.csv has no rows.*stays in force/);
  await assert.rejects(
    prepareModel(lane, modelConfig({ ...written, name: "flags2", reference: { file: empty } }), clock),
    (thrown) =>
      thrown instanceof DriftlineError &&
      thrown.code === "reference_refused" &&
      /flags2.*empty\.csv has no rows/.test(thrown.message),
  );
  const nulls = await referenceFile(
    "nulls.ndjson",
    Array.from({ length: 50 }, (_, i) => ({ flag: null, country: i < 30 ? "DE" : "FR" })),
  );
  const always = await scene({ ...written, name: "flags3", reference: { file: nulls } });
  await always.write(
    hour(
      T0,
      Array.from({ length: 10 }, () => "0"),
    ),
    0,
  );
  await always.evaluation.run({ final: true });
  assertNear(findRow(await always.rows("1h"), T0, "total-variation", "flag").value, 1);
  assertNear(findRow(await always.rows("1h"), T0, "total-variation", "country").value, 0);
});

test("zip-codes-in-a-csv-reference: codes keep their zeros, pinned or not", async () => {
  const zip = (i: number) => String(i % 40).padStart(5, "0");
  const file = await referenceFile("zip.csv", [
    "zip,amount",
    ...Array.from({ length: 2000 }, (_, i) => `${zip(i)},${10 + (i % 7)}`),
  ]);
  for (const [name, features] of [
    ["zip_pinned", { zip: "categorical", amount: "numeric" }],
    ["zip_inferred", { amount: "numeric" }],
  ] as const) {
    const { evaluation, write, rows, prepared } = await scene({
      name,
      task: "binary",
      reference: { file },
      features,
      windows: ["1h"],
      detectors: ["total-variation", "new-category-rate"],
    });
    const subject = prepared.reference?.subjects.find((item) => item.subject === "zip");
    assert.equal(subject?.kind, "categorical");
    assert.deepEqual(new Set(subject?.categories), new Set(Array.from({ length: 40 }, (_, i) => zip(i))));
    assert.equal(prepared.schema.features.find((feature) => feature.name === "amount")?.kind, "numeric");
    await write(
      Array.from({ length: 400 }, (_, i) => ({
        kind: "prediction",
        id: `z${i}`,
        timestamp: T0 + i * 5000,
        prediction: 1,
        features: { zip: zip(i), amount: 10 + (i % 7) },
      })),
      0,
    );
    await evaluation.run({ final: true });
    const found = await rows("1h");
    assertNear(findRow(found, T0, "total-variation", "zip").value, 0);
    assertNear(findRow(found, T0, "new-category-rate", "zip").value, 0);
    assert.ok((findRow(found, T0, "total-variation", "amount").value ?? 1) <= 0.005);
    assert.deepEqual(
      found.filter((row) => row.breached && row.subject_kind === "feature"),
      [],
    );
  }
});

test("feature-names-with-dots-and-quotes: twelve hostile names are twelve features, each with its own mean", async () => {
  const names = [
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
  const line = `{${names.map((name, i) => `${JSON.stringify(name)}:${i + 1}`).join(",")}}`;
  const file = await referenceFile(
    "hostile.ndjson",
    Array.from({ length: 100 }, () => line),
  );
  const pins = JSON.parse(`{${names.map((name) => `${JSON.stringify(name)}:"numeric"`).join(",")}}`);
  for (const [name, features] of [
    ["hostile", {}],
    ["hostile_pinned", pins],
  ] as const) {
    const { evaluation, write, rows, prepared } = await scene({
      name,
      task: "regression",
      reference: { file },
      features,
      windows: ["1h"],
      min_rows: 1,
      detectors: ["total-variation"],
    });
    assert.deepEqual(prepared.schema.features.map((feature) => feature.name).sort(), [...names].sort());
    const values = new Map<string, unknown>(names.map((feature, i) => [feature, i + 1]));
    await write(
      Array.from({ length: 20 }, (_, i) => ({
        kind: "prediction",
        id: `r${i}`,
        timestamp: T0 + i * MINUTE,
        prediction: 1,
        features: values,
      })),
      0,
    );
    await evaluation.run({ final: true });
    const found = await rows("1h");
    assert.deepEqual(
      [...new Set(found.filter((row) => row.subject_kind === "feature").map((row) => row.subject))].sort(),
      [...names].sort(),
    );
    for (const [i, subject] of names.entries()) {
      const row = findRow(found, T0, "total-variation", subject);
      assert.deepEqual([row.n, row.value, row.breached], [20, 0, false], subject);
      const reference = prepared.reference?.subjects.find((item) => item.subject === subject);
      if (reference?.kind === "numeric") assert.equal(reference.mean, i + 1);
      else assert.deepEqual(reference?.categories, [String(i + 1)]);
    }
  }
});
