/** How a reference may be named, and what its names come to. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  referenceProblem,
  referenceSchema,
  selectionOf,
  selectionText,
  trailingProblem,
  trailingWarning,
} from "../../../src/config/references.ts";

const problem = (written: unknown) => referenceProblem(referenceSchema.parse(written));

describe("the sources of a reference", () => {
  it("takes one place", () => {
    for (const written of [
      { file: "r.parquet" },
      { feast: { path: "training.parquet", entities: ["driver_id"] } },
      { from: "2026-09-01", to: "2026-10-01T00:00:00Z" },
      { first: 20_000 },
      { version: "7" },
      { version: "7", first: 500 },
      { trailing: { length: "28d" } },
      { file: "r.parquet", trailing: { length: "28d", lag: "1d", every: "12h" } },
    ])
      assert.equal(problem(written), null, JSON.stringify(written));
  });

  it("says what is wrong with any other", () => {
    const wrong: readonly (readonly [unknown, RegExp])[] = [
      [{}, /says not where/],
      [{ file: "r.parquet", first: 500 }, /file, first: name one/],
      [{ from: "2026-09-01" }, /belong together/],
      [{ from: "2026-10-01", to: "2026-09-01" }, /from must lie before to/],
      [{ file: "r.parquet", version: "7" }, /events of the store/],
    ];
    for (const [written, message] of wrong) assert.match(problem(written) ?? "", message, JSON.stringify(written));
  });

  it("warns of what a trailing reference does not see, beside the fixed one that the page tier keeps", () => {
    const trailing = referenceSchema.parse({ trailing: { length: "28d" } });
    assert.match(
      trailingWarning(trailing) ?? "",
      /the 28d that end 7d before them: a change slower than that is never seen .* after 35d at the latest/,
    );
    assert.deepEqual(selectionOf(trailing), { version: null, kind: "first", first: 20_000 });
    assert.equal(selectionOf({ ...trailing, file: "r.parquet" }), null);
    assert.equal(trailingWarning(referenceSchema.parse({ file: "r.parquet" })), null);
    assert.equal(referenceSchema.safeParse({ trailing: "30d" }).success, false);
  });

  it("refuses a trailing reference whose events retention takes", () => {
    const trailing = referenceSchema.parse({ trailing: { length: "28d" } });
    assert.match(trailingProblem(trailing, 30 * 86_400_000) ?? "", /reaches 36d back .* retention \(30d\)/);
    assert.equal(trailingProblem(trailing, 36 * 86_400_000), null);
    assert.equal(trailingProblem(trailing, undefined), null);
  });

  it("refuses times without a zone and days that are none", () => {
    for (const from of ["2026-09-01T06:00:00", "yesterday", "2026-13-01"])
      assert.equal(referenceSchema.safeParse({ from, to: "2026-12-01" }).success, false, from);
  });

  it("says which events are meant", () => {
    assert.equal(selectionOf({}), null);
    const range = selectionOf({ from: "2026-09-01T02:00:00+02:00", to: "2026-10-01" });
    assert.ok(range !== null);
    assert.equal(selectionText(range), "events from 2026-09-01T00:00:00Z to 2026-10-01T00:00:00Z");
    const version = selectionOf({ version: "7" });
    assert.ok(version !== null);
    assert.equal(selectionText(version), "the first 20000 events of version 7");
  });
});
