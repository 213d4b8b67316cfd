/** The product-limit estimate against published numbers, and what it says of members that are too young. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ageAtShare, kaplanMeier } from "../../../src/math/kaplan-meier.ts";

/** Weeks of remission of 21 patients under 6-MP; a plus: still in remission when last seen (Freireich et al. 1963; Gehan 1965). */
const REMISSION = "6 6 6 6+ 7 9+ 10 10+ 11+ 13 16 17+ 19+ 20+ 22 23 25+ 32+ 32+ 34+ 35+";

test("remission of leukaemia: the estimates of Kalbfleisch & Prentice, The Statistical Analysis of Failure Time Data, 1.1", () => {
  const groups = REMISSION.split(" ").map((text) => {
    const week = Number.parseInt(text, 10);
    const isSeen = !text.endsWith("+");
    // A step is a week; who leaves in a week was there through it.
    const events = Array.from({ length: 40 }, (_, step) => (isSeen && step === week ? 1 : 0));
    return { n: 1, events, followed: week + 1 };
  });
  const shares = kaplanMeier(groups, 40);
  const remaining = (week: number) => Math.round((1 - (shares[week] ?? 0)) * 1000) / 1000;
  assert.deepEqual([5, 6, 7, 10, 13, 16, 22, 23].map(remaining), [1, 0.857, 0.807, 0.753, 0.69, 0.627, 0.538, 0.448]);
  assert.equal(shares.length, 36, "nobody was seen for longer than 35 weeks");
});

test("where all are old enough it is the plain share; those that are too young change nothing", () => {
  const old = { n: 10, events: [2, 3, 1], followed: 3 };
  assert.deepEqual(
    kaplanMeier([old], 3).map((share) => Math.round(share * 1e12) / 1e12),
    [0.2, 0.5, 0.6],
  );
  const young = { n: 1000, events: [0, 0, 0], followed: 0 };
  assert.deepEqual(kaplanMeier([old, young], 3), kaplanMeier([old], 3));
  assert.deepEqual(kaplanMeier([young], 3), []);
  assert.deepEqual(kaplanMeier([], 3), []);
  assert.deepEqual(kaplanMeier([{ n: 2, events: [2, 0], followed: 2 }], 2), [1, 1]);
});

test("the age at which a share is reached lies between steps in a straight line", () => {
  assert.equal(ageAtShare([0.2, 0.6], [10, 20], 0.4), 15);
  assert.equal(ageAtShare([0.2, 0.6], [10, 20], 0.1), 5);
  assert.equal(ageAtShare([0.2, 0.6], [10, 20], 0.7), null);
  assert.equal(ageAtShare([], [10, 20], 0.1), null);
});
