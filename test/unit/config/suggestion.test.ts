import assert from "node:assert/strict";
import { test } from "node:test";
import { editDistance, nearest } from "../../../src/config/suggestion.ts";

test("the edit distance counts insertions, deletions, changes and swaps of neighbours", () => {
  assert.equal(editDistance("", "abc"), 3);
  assert.equal(editDistance("kitten", "sitting"), 3);
  assert.equal(editDistance("treshold", "threshold"), 1);
  assert.equal(editDistance("acuracy", "accuracy"), 1);
  assert.equal(editDistance("psi", "pis"), 1);
});

test("the nearest name is suggested only where it is near", () => {
  assert.equal(nearest("roc-auc", ["accuracy", "roc_auc"]), "roc_auc");
  assert.equal(nearest("JensenShannon", ["psi", "jensen-shannon"]), "jensen-shannon");
  assert.equal(nearest("kafak", ["kafka", "file"]), "kafka");
  assert.equal(nearest("bananas", ["kafka", "file"]), null);
  assert.equal(nearest("x".repeat(1000), ["kafka"]), null);
});
