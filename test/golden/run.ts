/**
 * `npm run golden -- FILE.json`: runs any file of golden cases (test/fixtures/golden/README.md has the format) through the library. Prints
 * the ids that fail and as the last line `N passed, M failed`; the exit status is 1 if any failed, 2 if the file cannot be read.
 */
import path from "node:path";
import { type GoldenCase, readGoldenFile } from "../support/golden.ts";
import { checkCase } from "./check.ts";

function run(cases: readonly GoldenCase[]): number {
  const count = { passed: 0, failed: 0, skipped: 0 };
  for (const golden of cases) {
    const outcome = checkCase(golden);
    count[outcome.status]++;
    if (outcome.status !== "passed") console.log(`${outcome.status} ${golden.id}: ${outcome.reason}`);
  }
  if (count.skipped > 0) console.log(`${count.skipped} skipped`);
  console.log(`${count.passed} passed, ${count.failed} failed`);
  return count.failed > 0 ? 1 : 0;
}

function main(): number {
  const [file] = process.argv.slice(2);
  if (file === undefined) {
    console.error("Usage: npm run golden -- FILE.json");
    return 2;
  }
  // npm runs scripts in the project's folder and leaves the caller's in INIT_CWD.
  const resolved = path.resolve(process.env["INIT_CWD"] ?? process.cwd(), file);
  let cases: readonly GoldenCase[];
  try {
    cases = readGoldenFile(resolved);
  } catch (error) {
    console.error(
      `${resolved} cannot be read as golden cases: ${error instanceof Error ? error.message : String(error)}`,
    );
    return 2;
  }
  return run(cases);
}

process.exitCode = main();
