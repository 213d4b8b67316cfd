import assert from "node:assert/strict";
import { test } from "node:test";
import { watermarkOf } from "../../../src/evaluate/watermark.ts";

const at = (partition: number, maxTimestamp: number, seenAt: number) => ({
  source: "s",
  partition,
  maxTimestamp,
  seenAt,
});
const feeding = new Set(["0/s", "1/s"]);

test("the watermark is the least partition's greatest event time less the allowed lateness", () => {
  assert.equal(watermarkOf([at(0, 5000, 9000), at(1, 3000, 9000)], feeding, 1000, 9000), 2000);
});

test("a partition that does not feed the model neither holds it back nor moves it", () => {
  assert.equal(watermarkOf([at(0, 5000, 9000), at(2, 100, 9000)], feeding, 0, 9000), 5000);
  assert.equal(watermarkOf([at(2, 100, 9000)], feeding, 0, 9000), Number.NEGATIVE_INFINITY);
});

test("an idle partition advances by the time it has been idle, and never past now", () => {
  assert.equal(watermarkOf([at(0, 5000, 9000)], feeding, 0, 10_500), 6500);
  assert.equal(watermarkOf([at(0, 5000, 9000)], feeding, 1000, 1_000_000), 5000 + 991_000 - 1000);
  assert.equal(watermarkOf([at(0, 8900, 9000)], feeding, 0, 9050), 8950);
});

test("an event stamped ahead of the clock closes nothing that lies after now", () => {
  assert.equal(watermarkOf([at(0, 50_000, 9000)], feeding, 1000, 9000), 8000);
});
