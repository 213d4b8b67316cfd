/** The short table: per shift the tiers beside the soonest of all others, which are the matched rules that are not Driftline's. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Row } from "../../../bench/detectors/plan.ts";
import { toShortMarkdown } from "../../../bench/detectors/report.ts";

const row = (rule: string, chosen: string, perMillion: number, delays: readonly (number | null)[]): Row => ({
  rule,
  chosen,
  threshold: 1,
  falseAlarms: { alarms: 1, events: 1, perMillion },
  delays,
});

test("the short table names the soonest matched rule of others and leaves out what was not found", () => {
  const nothing = { shifts: [], rows: [] };
  const numeric = {
    shifts: ["mean +0.2", "sd ×1.3", "Laplace"],
    rows: [
      row("Driftline notice", "matched", 9, [30, 4000, null]),
      row("Driftline notice", "promised", 3, [1, 1, 1]),
      row("ADWIN", "matched", 10, [20, null, null]),
      row("KS", "matched", 10, [25, 1234.4, null]),
      row("KS", "p < 0.05", 44.6, [5, 6, 7]),
    ],
  };
  const shown = [{ rule: "Driftline notice", chosen: "matched", title: "notice" }];
  assert.deepEqual(toShortMarkdown({ numeric, category: nothing, missing: nothing }, shown).split("\n"), [
    "| shift | notice | soonest of all others |",
    "| --- | ---: | ---: |",
    "| mean +0.2 | 30 | 20 (ADWIN) |",
    "| sd ×1.3 | 4,000 | 1,234 (KS) |",
    "| Laplace | — | — |",
    "",
    "As they come, the rules of others have rates of their own:",
    "",
    "| rule | false alarms in 1M events | mean +0.2 | sd ×1.3 | Laplace |",
    "| --- | ---: | ---: | ---: | ---: |",
    "| KS, p < 0.05 | 45 | 5 | 6 | 7 |",
  ]);
});
