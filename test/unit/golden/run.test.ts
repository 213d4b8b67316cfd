/** The command over a file of golden cases: what it prints and how it ends. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";

// Runs from the sources and from dist.
const command = path.join(import.meta.dirname, "../../golden", `run${path.extname(import.meta.filename)}`);

function run(text: string): { readonly lines: readonly string[]; readonly status: number | null } {
  const folder = mkdtempSync(path.join(tmpdir(), "driftline-golden-"));
  try {
    writeFileSync(path.join(folder, "cases.json"), text);
    const { stdout, status } = spawnSync(process.execPath, [...process.execArgv, command, "cases.json"], {
      encoding: "utf8",
      env: { ...process.env, INIT_CWD: folder, NODE_TEST_CONTEXT: undefined },
    });
    return { lines: stdout.trimEnd().split("\n"), status };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const inputs = { a: { values: [1, 2, 3] }, b: { values: [2, 3, 4] } };
const file = (...cases: readonly object[]) => JSON.stringify({ versions: {}, default_tol: 1e-10, cases });

test("golden: the last line counts, failing ids are named, and one failure is the exit status 1", () => {
  const { lines, status } = run(
    file(
      { id: "good", kind: "kuiper", inputs, expected: { V: 1 / 3 } },
      { id: "bad", kind: "kuiper", inputs, expected: { V: 0.5 } },
      { id: "strange", kind: "no_such_kind", inputs, expected: {} },
      { id: "old", kind: "esr", inputs, expected: {} },
    ),
  );
  assert.equal(status, 1);
  assert.equal(lines.at(-1), "1 passed, 2 failed");
  const ids = (word: string) =>
    lines.filter((line) => line.startsWith(`${word} `)).map((line) => line.split(/[ :]/)[1]);
  assert.deepEqual(ids("failed"), ["bad", "strange"]);
  assert.deepEqual(ids("skipped"), ["old"]);
});

test("golden: a file whose cases all pass ends with the exit status 0", () => {
  const { lines, status } = run(file({ id: "good", kind: "kuiper", inputs, expected: { V: 1 / 3 } }));
  assert.equal(status, 0);
  assert.deepEqual(lines, ["1 passed, 0 failed"]);
});

test("golden: what is no such file is refused, not counted as passed", () => {
  assert.equal(run("[]").status, 2);
});
