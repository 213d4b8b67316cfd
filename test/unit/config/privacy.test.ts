import assert from "node:assert/strict";
import { test } from "node:test";
import { privacyOf } from "../../../src/config/privacy.ts";
import { load, problems } from "./load-text.ts";

const model = (privacy: string, more = "") =>
  `models:\n  - name: m\n    task: binary\n${more}    privacy: ${privacy}\n`;

test("a name goes before patterns, and attributions of dropped features are dropped", () => {
  const [read] = load(model("{ key: 0123456789abcdef, features: { 'a.*': drop, a.b: hash, x: drop } }")).models;
  const privacy = read === undefined ? null : privacyOf(read);
  assert.deepEqual(
    ["a.b", "a.c", "b"].map((name) => privacy?.feature(name)),
    ["hash", "drop", null],
  );
  assert.deepEqual([privacy?.attribution("x"), privacy?.attribution("a.b")], ["drop", null]);
  assert.equal(privacy?.hash("Atlantis"), privacy?.hash("Atlantis"));
  const [other] = load(model("{ key: fedcba9876543210, id: hash }")).models;
  assert.notEqual(other === undefined ? null : privacyOf(other)?.hash("Atlantis"), privacy?.hash("Atlantis"));
});

test("hashes need a key that can't be guessed, and a hash is no number", () => {
  assert.deepEqual(problems(model("{ id: hash }")), [
    "4:5  models[0].privacy: hashes need a key: without one anybody could guess what they stand for",
  ]);
  assert.deepEqual(problems(model("{ key: short, features: { x: hash } }", "    features: { x: numeric }\n")), [
    "4:20  models[0].features.x: is hashed (privacy.features), and a hash is no number; make it categorical, or drop it",
    "5:21  models[0].privacy.key: at least 16 characters",
  ]);
});
