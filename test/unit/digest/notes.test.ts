/** What a digest says is missing at a model, and how often it says so. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { notesOf } from "../../../src/digest/notes.ts";

const NO_REFERENCE = "No reference is configured: its drift can't be judged.";
const running = { now: 100, before: 100 };

test("that there is no reference is told when the model is new, and then once a week", () => {
  assert.deepEqual(notesOf({ reference: undefined }, running, [], false), []);
  assert.deepEqual(notesOf({ reference: undefined }, running, [], true), [NO_REFERENCE]);
  assert.deepEqual(notesOf({ reference: undefined }, { now: 100, before: 0 }, [], false), [NO_REFERENCE]);
});

test("silence is told each day", () => {
  assert.deepEqual(notesOf({ reference: undefined }, { now: 0, before: 1200 }, [], false), [
    "No events in this time, after 1,200 in the one before.",
  ]);
});
