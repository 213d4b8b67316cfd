import assert from "node:assert/strict";
import { test } from "node:test";
import { durationText } from "../../../src/config/duration.ts";
import { windowGrid } from "../../../src/core/window-grid.ts";
import { step } from "../../../src/serve/page/drift-grid.tsx";
import { cellText, decimal, percent, range, short, trimmed, valueText, whole } from "../../../src/serve/page/format.ts";
import { subjectLink } from "../../../src/serve/page/links.ts";
import { brokenLine } from "../../../src/serve/page/models-table.tsx";
import { modelAdvice } from "../../../src/serve/page/sentences.tsx";
import { withGaps } from "../../../src/serve/queries/grid.ts";

test("numbers have a true minus, thousands, units, and no false precision", () => {
  assert.equal(whole(-12_345), "−12,345");
  assert.equal(decimal(-0.04, 1), "0.0");
  assert.equal(percent(0.0784), "7.8\u00a0%");
  assert.equal(valueText("total-variation", 0.2444), "24.4\u00a0%");
  assert.equal(valueText("chi-squared", 12_345.6), "12,346");
  assert.equal(cellText("f1", 0.7793), ".779");
  assert.equal(trimmed(0.1), "0.1");
  assert.equal(trimmed(95), "95");
  assert.equal(short(0.00001), "1.0e−5");
});

test("a breach of the model as a whole names the features that carry it", () => {
  const detail = (value: unknown) => ({ detail: JSON.stringify(value) });
  assert.equal(
    modelAdvice(
      detail({
        carried_by: [
          ["age", 0.6],
          ["income", 0.3],
          ["x", 0.05],
          ["y", 0.05],
        ],
      }),
    ),
    "Carried by age, income, x: see what has changed in them, or between them.",
  );
  assert.match(modelAdvice(detail({ first: "a", second: "b" })), /^a and b no longer go together/);
  assert.equal(modelAdvice(detail({ carried_by: "nonsense" })), "See whether the traffic is as it should be.");
});

test("windows shorter than a day show their times", () => {
  assert.equal(
    range(Date.parse("2026-03-02T10:00:00Z"), Date.parse("2026-03-02T10:05:00Z")),
    "2 Mar 2026 10:00 – 10:05",
  );
  assert.equal(
    range(Date.parse("2017-09-24T21:40:00Z"), Date.parse("2018-01-07T19:12:30Z")),
    "24 Sep 2017 – 7 Jan 2018",
  );
});

test("orange means breached, whatever the number; grey steps stay below", () => {
  assert.equal(step(0.2, false, 0.05), 2);
  assert.equal(step(0.051, true, 0.05), 3);
  assert.equal(step(0.31, true, 0.05), 6);
  assert.equal(step(0.001, false, 0.05), 0);
  assert.equal(step(1, true, null), 3);
});

test("feature-names-with-dots-and-quotes: every name has an address that a browser leaves alone", () => {
  const series = { model: "m", version: "1", variant: "" };
  for (const name of [
    "a.b",
    "größe",
    "x`y",
    'q"r',
    "it's",
    "back\\slash",
    "%2E",
    "__proto__",
    "constructor",
    "x'); DROP TABLE predictions; --",
    "a/b",
    ".",
    "..",
    "",
    "?",
    "#",
  ]) {
    const url = new URL(subjectLink(series, "feature", name), "http://localhost");
    const inQuery = url.searchParams.get("name");
    const inPath = url.pathname.split("/").slice(4).map(decodeURIComponent).join("/");
    assert.equal(inQuery ?? inPath, name);
    assert.equal(url.pathname.split("/")[3], "features");
  }
});

test("gaps-are-not-zero: windows without a row become columns, and a line breaks at a null", () => {
  const at = (minute: number) => ({ start: minute * 60_000, end: (minute + 5) * 60_000, present: true });
  const grid = windowGrid(300_000, "UTC");
  const columns = withGaps([at(0), at(5), at(20)], grid, 10);
  assert.deepEqual(
    columns.map((column) => [column.start / 60_000, column.present]),
    [
      [0, true],
      [5, true],
      [10, false],
      [15, false],
      [20, true],
    ],
  );
  assert.equal(withGaps([at(0), at(5000)], grid, 12).length, 12);
  const path = brokenLine(
    [1, 0.5, null, null, 1],
    (index) => index,
    (value) => value,
  );
  assert.deepEqual(path.match(/[ML]/g), ["M", "L", "M"]);
});

test("panes are named as the store names them", () => {
  assert.deepEqual([60_000, 86_400_000, 90_000, 5_400_000].map(durationText), ["1m", "1d", "90s", "90m"]);
});
