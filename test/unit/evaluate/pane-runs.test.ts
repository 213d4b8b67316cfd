import assert from "node:assert/strict";
import { test } from "node:test";
import { nearPanes, runsOf } from "../../../src/evaluate/pane-runs.ts";

test("starts that lie close together are taken together, in order and once", () => {
  assert.deepEqual(runsOf([30, 10, 20, 90, 20], 10), [[10, 20, 30], [90]]);
  assert.deepEqual(runsOf([], 10), []);
});

test("neighbouring panes become one range; very many scattered ones a few ranges that hold them all", () => {
  assert.equal(nearPanes([0, 60_000, 120_000], 60_000).text.match(/timestamp >=/g)?.length, 1);
  const scattered = Array.from({ length: 1000 }, (_, i) => i * 600_000);
  const { text } = nearPanes(scattered, 60_000);
  assert.ok((text.match(/timestamp >=/g)?.length ?? 0) <= 100);
  assert.ok(text.length < 20_000);
  assert.equal(nearPanes([], 60_000).text, "false");
});
