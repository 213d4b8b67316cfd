import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  BEGINNING,
  type Decision,
  type Entry,
  extend,
  faultOf,
  type Head,
  hashOf,
  standingHeads,
} from "../../../src/audit/chain.ts";

const decision = (id: string): Decision => ({
  kind: "incident",
  id,
  model: "m",
  at: 1000,
  who: "driftline",
  what: "opened, page, firing",
  why: "accuracy fell",
  monitorHash: "abc",
  contentHash: "def",
});

function faults(entries: readonly Entry[]): string[] {
  const found: string[] = [];
  let previous: Head | null = null;
  for (const entry of entries) {
    const fault = faultOf(entry, previous);
    if (fault !== null) found.push(fault);
    previous = entry;
  }
  return found;
}

const chain = (ids: readonly string[]): Entry[] => {
  const first = extend("w", null, ids.slice(0, 2).map(decision), { at: 5, heads: [] });
  return [...first, ...extend("w", first.at(-1) ?? null, ids.slice(2).map(decision), { at: 9, heads: [] })];
};

test("a chain begins with the heads of the others, and goes on where it ended", () => {
  const other = { writer: "v", sequence: 7, hash: "h" };
  const [beginning, ...rest] = extend("w", null, [decision("a")], { at: 5, heads: [other] });
  assert.deepEqual([beginning?.kind, beginning?.sequence, beginning?.previous], [BEGINNING, 0, ""]);
  assert.equal(beginning?.why, '[["v",7,"h"]]');
  assert.deepEqual(
    rest.map(({ sequence, previous }) => [sequence, previous]),
    [[1, beginning?.hash]],
  );
  const entries = chain(["a", "b", "c"]);
  assert.deepEqual(
    entries.map(({ id, sequence }) => [id, sequence]),
    [
      ["w", 0],
      ["a", 1],
      ["b", 2],
      ["c", 3],
    ],
  );
  assert.deepEqual(faults(entries), []);
});

test("any change of any entry shows, and so does one that is left out, doubled or put elsewhere", () => {
  const texts = [
    "kind",
    "id",
    "model",
    "who",
    "what",
    "why",
    "monitorHash",
    "contentHash",
    "previous",
    "hash",
  ] as const;
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.string({ minLength: 1, maxLength: 4 }), { minLength: 2, maxLength: 8 }),
      fc.nat(),
      fc.constantFrom(...texts, "at", "left out", "doubled", "moved"),
      (ids, place, how) => {
        const entries = chain(ids);
        const index = place % (entries.length - 1);
        const entry = entries[index];
        assert.ok(entry !== undefined);
        if (how === "left out") entries.splice(index, 1);
        else if (how === "doubled") entries.splice(index, 0, entry);
        else if (how === "moved") entries.push(...entries.splice(index, 1));
        else if (how === "at") entries[index] = { ...entry, at: entry.at + 1 };
        else entries[index] = { ...entry, [how]: `${entry[how]}x` };
        assert.ok(faults(entries).length > 0, how);
      },
    ),
    { seed: 20260301, numRuns: 300 },
  );
});

test("an entry that was changed and hashed anew breaks the link of the next", () => {
  const entries = chain(["a", "b", "c"]);
  const changed = entries[1];
  assert.ok(changed !== undefined);
  const forged = { ...changed, why: "nothing happened" };
  entries[1] = { ...forged, hash: hashOf(forged) };
  assert.deepEqual(faults(entries), ["entry 2 of w does not follow from the one before it"]);
});

test("of chains that a later one has seen the end of, only the later one's head has to be noted down", () => {
  const heads = (writers: readonly string[]) =>
    writers.map((writer, index) => ({ writer, sequence: index, hash: `hash of ${writer}` }));
  const seen = JSON.stringify([["a", 0, "hash of a"]]);
  const goneOn = JSON.stringify([["b", 0, "an earlier hash of b"]]);
  assert.deepEqual(
    standingHeads(heads(["a", "b", "c"]), ["[]", seen, goneOn]).map(({ writer }) => writer),
    ["b", "c"],
  );
  assert.deepEqual(standingHeads(heads(["a"]), ["no JSON"]), heads(["a"]));
});
