/** Every golden case of the fixtures through the library, to its tolerance: the same check that `npm run golden` makes of any file. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { checkCase, differencesOf } from "../../golden/check.ts";
import { goldenFunctions, skippedKinds } from "../../golden/table.ts";
import { allGoldenCases } from "../../support/golden.ts";

for (const golden of allGoldenCases()) {
  test(`golden ${golden.id}`, (context) => {
    const outcome = checkCase(golden);
    if (outcome.status === "skipped") context.skip(outcome.reason);
    assert.notEqual(outcome.status, "failed", outcome.status === "failed" ? outcome.reason : "");
  });
}

test("every golden kind of the fixtures but one has a function, and every function has a case", () => {
  const kinds = new Set(allGoldenCases().map(({ kind }) => kind));
  assert.deepEqual([...skippedKinds.keys()], ["esr"]);
  assert.deepEqual([...kinds].sort(), [...goldenFunctions.keys(), ...skippedKinds.keys()].sort());
});

test("golden ids are distinct over all files", () => {
  const ids = allGoldenCases().map(({ id }) => id);
  assert.deepEqual(
    ids.filter((id, index) => ids.indexOf(id) !== index),
    [],
  );
});

test("a kind without a function fails with its name, and so does an input that the function refuses", () => {
  const golden = { id: "x", kind: "no_such_kind", params: {}, inputs: {}, expected: {}, tolerance: 1e-10 };
  const unknown = checkCase(golden);
  assert.ok(unknown.status === "failed" && unknown.reason.includes('"no_such_kind"'));
  assert.equal(checkCase({ ...golden, kind: "ks_2samp" }).status, "failed");
  assert.equal(checkCase({ ...golden, kind: "esr" }).status, "skipped");
});

test("the tolerance is relative above 1 and absolute below, and what is missing is a difference", () => {
  const differs = (actual: unknown, expected: unknown) => differencesOf(actual, expected, 1e-3, "").length > 0;
  assert.ok(!differs(1000.9, 1000) && differs(1001.1, 1000));
  assert.ok(!differs(0.0109, 0.01) && differs(0.0111, 0.01));
  assert.ok(differs({ a: 1 }, { a: 1, b: 2 }) && !differs({ a: 1, b: 2 }, { a: 1 }));
  assert.ok(differs([1, 2], [1, 2, 3]) && differs([1, 2, 3], [1, 2]) && !differs(Float64Array.of(1, 2), [1, 2]));
  assert.ok(!differs(Number.NaN, "nan") && differs(0, "nan") && differs(Number.NaN, 0) && !differs(-Infinity, "-inf"));
  assert.ok(differs("1", 1) && differs(undefined, null) && !differs(null, null));
});
