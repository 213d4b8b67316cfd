/** The generated indexes of the plug-in folders are those that the generator would write now. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";

test("the indexes of detectors, channels and actions are up to date: npm run generate", () => {
  let root = import.meta.dirname;
  while (!existsSync(path.join(root, "package.json"))) root = path.dirname(root);
  const { status, stderr } = spawnSync(process.execPath, [path.join(root, "scripts/generate.mjs"), "--check"], {
    encoding: "utf8",
  });
  assert.equal(status, 0, stderr);
});
