// Runs the tests: `npm test`, or `npm test -- unit store` for some folders of test/. Pure unit tests share one process;
// every other file has a process of its own, since the embedded engine allows one data folder a process.
import { spawn } from "node:child_process";
import { existsSync, readdirSync, statSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..");
const tests = path.join(root, "dist", "test");
const wanted = process.argv.slice(2);

function filesBelow(folder) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder).flatMap((name) => {
    const entry = path.join(folder, name);
    if (statSync(entry).isDirectory()) return filesBelow(entry);
    return name.endsWith(".test.js") ? [entry] : [];
  });
}

const folders = readdirSync(tests).filter((name) => statSync(path.join(tests, name)).isDirectory());
const chosen = wanted.length === 0 ? folders : wanted.map((name) => name.replace(/^test\//, ""));
const files = chosen.flatMap((folder) => {
  if (folder === "unit") return [path.join(tests, "unit", "all.js")];
  const entry = path.join(tests, folder);
  return existsSync(entry) && statSync(entry).isDirectory()
    ? filesBelow(entry)
    : [path.join(tests, folder.replace(/\.ts$/, ".js"))];
});

const runner = spawn(
  process.execPath,
  [
    "--enable-source-maps",
    "--test",
    `--test-concurrency=${process.env.TEST_CONCURRENCY ?? 2}`,
    "--test-reporter=spec",
    "--test-timeout=900000",
    ...files,
  ],
  {
    cwd: root,
    stdio: "inherit",
    env: { ...process.env, UV_THREADPOOL_SIZE: "8" },
  },
);
runner.on("exit", (code) => process.exit(code ?? 1));
