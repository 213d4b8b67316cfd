import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { canonicalJson } from "../../../src/config/canonical-json.ts";
import { durationText, parseDuration } from "../../../src/config/duration.ts";
import { describeConfig } from "../../../src/config/redact.ts";
import { substitute } from "../../../src/config/substitution.ts";
import { DriftlineError } from "../../../src/core/errors.ts";
import { load } from "./load-text.ts";

/** The file is accepted or refused; nothing else happens. */
function loadOrRefuse(text: string): void {
  try {
    load(text, { environment: { TOKEN: "t" } });
  } catch (thrown) {
    if (!(thrown instanceof DriftlineError)) throw thrown;
    assert.equal(thrown.code, "config_invalid");
  }
}

test("no bytes make the loader do anything but accept or refuse", () => {
  const bytes = fc.uint8Array({ maxLength: 200 }).map((array) => Buffer.from(array).toString("utf8"));
  fc.assert(fc.property(bytes, loadOrRefuse), { numRuns: 300 });
});

test("no text of YAML's own signs makes the loader do anything but accept or refuse", () => {
  const pieces = fc.constantFrom(
    "models",
    "name",
    "task",
    "binary",
    ": ",
    "- ",
    "\n",
    "  ",
    "{",
    "}",
    "[",
    "]",
    "&a ",
    "*a",
    "!t ",
    "${TOKEN}",
    "${",
    '"',
    "'",
    "#",
    "|",
    ">",
    "?",
    "%",
    "---\n",
    "...",
    "<<",
    "1e400",
    "\t",
    "\u0000",
    "__proto__",
  );
  fc.assert(
    fc.property(fc.array(pieces, { maxLength: 40 }), (parts) => loadOrRefuse(parts.join(""))),
    { numRuns: 500 },
  );
});

test("no value in place of any setting makes the loader do anything but accept or refuse", () => {
  const keys = fc.constantFrom(
    "store",
    "sources",
    "events",
    "models",
    "channels",
    "server",
    "evaluation",
    "ingest",
    "use",
    "name",
    "task",
    "windows",
    "kpis",
    "detectors",
    "alerts",
    "rules",
    "features",
    "classes",
    "actions",
    "reference",
  );
  const tree = fc.letrec<{ node: unknown }>((tie) => ({
    node: fc.oneof(
      { maxDepth: 5 },
      fc.constantFrom<unknown>(
        "psi",
        "kafka",
        "slack",
        "binary",
        "1h",
        "accuracy < 0.5",
        "",
        null,
        0,
        -1,
        true,
        "${TOKEN}",
        "${UNSET}",
      ),
      fc.array(tie("node"), { maxLength: 3 }),
      fc.dictionary(keys, tie("node"), { maxKeys: 4 }),
    ),
  })).node;
  const roots = fc.dictionary(keys, tree).map((data) => JSON.stringify(data));
  fc.assert(fc.property(roots, loadOrRefuse), { numRuns: 300 });
});

const duration = fc
  .tuple(fc.integer({ min: 1, max: 500 }), fc.constantFrom("m", "h", "d"))
  .map(([count, unit]) => `${count}${unit}`);
const config = fc.record({
  server: fc.record({ port: fc.integer({ min: 0, max: 65_535 }), public_url: fc.webUrl() }),
  evaluation: fc.record({ every: duration }),
  models: fc.uniqueArray(
    fc.record({
      name: fc.stringMatching(/^[a-z][a-z0-9._-]{0,20}$/),
      task: fc.constant("binary"),
      windows: fc.uniqueArray(duration, { minLength: 1, maxLength: 3, selector: parseDuration }),
      label_horizon: duration,
      false_alarms: fc.constantFrom("1 per 30d", "off", "3 per 1w"),
      features: fc.dictionary(
        fc.string().filter((key) => key !== "__proto__" && key !== "<<"),
        fc.constantFrom("numeric", "categorical", "vector", "ignore"),
        { maxKeys: 3 },
      ),
      classes: fc.constantFrom([0, 1], ["no", "yes"], [false, true], ["a: b", "#"]),
      detectors: fc.constantFrom(["psi"], [{ use: "psi", threshold: 0.3 }, "wasserstein"]),
      kpis: fc.constantFrom([], ["accuracy"], [{ name: "k", sql: "countIf(match(features.s, '^a$'))", max: 5 }]),
      alerts: fc.record({ rules: fc.constantFrom([], ["psi breached for 2 of 3 windows"]), renotify_every: duration }),
    }),
    { minLength: 1, maxLength: 2, selector: (model) => model.name },
  ),
});

test("the effective configuration, written down, is read as the same configuration", () => {
  fc.assert(
    fc.property(config, (written) => {
      const loaded = load(JSON.stringify(written));
      assert.deepEqual(load(describeConfig(loaded)), loaded);
    }),
    { numRuns: 60 },
  );
});

test("a duration is written as the text that gives it back", () => {
  fc.assert(fc.property(fc.nat(), (ms) => assert.equal(parseDuration(durationText(ms)), ms)));
});

test("a value that is put in is never expanded, whatever it is", () => {
  fc.assert(
    fc.property(fc.string(), (value) => {
      assert.equal(substitute("<${A}|${A}>", { A: value, B: "LEAK" }).text, `<${value}|${value}>`);
    }),
  );
  assert.equal(substitute("${A}", { A: "${B}$${B}", B: "LEAK" }).text, "${B}$${B}");
});

test("canonical JSON does not depend on the order of keys", () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (data) => {
      const reversed = Object.fromEntries(Object.entries(data).reverse());
      assert.equal(canonicalJson(reversed), canonicalJson(data));
    }),
  );
});
