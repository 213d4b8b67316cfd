// Compiles to dist/ and copies what the service reads at run time. Skips the work when nothing has changed since the last build.
import { execFileSync } from "node:child_process";
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..");
const stamp = path.join(root, "dist", ".built");

/** Newest change in a file or, for a folder, in all that is below it. */
function newest(entry) {
  if (!existsSync(entry)) return 0;
  const status = statSync(entry);
  if (!status.isDirectory()) return status.mtimeMs;
  return readdirSync(entry).reduce((latest, name) => Math.max(latest, newest(path.join(entry, name))), status.mtimeMs);
}

const inputs = [
  "src",
  "detectors",
  "dashboards",
  "test",
  "bench",
  "tsconfig.json",
  "package-lock.json",
  "scripts/build.mjs",
];
const changed = Math.max(...inputs.map((input) => newest(path.join(root, input))));
if (existsSync(stamp) && statSync(stamp).mtimeMs >= changed) process.exit(0);

// A file that was deleted or renamed must not live on in dist/ as a test that still runs.
rmSync(path.join(root, "dist"), { recursive: true, force: true });
execFileSync(process.execPath, [path.join(root, "node_modules/typescript/bin/tsc"), "-p", root], { stdio: "inherit" });
const assets = [["src/serve/assets", "dist/src/serve/assets"]];
for (const [from, to] of assets) {
  if (!existsSync(path.join(root, from))) continue;
  mkdirSync(path.join(root, to), { recursive: true });
  cpSync(path.join(root, from), path.join(root, to), { recursive: true });
}

// `npx driftline` in a clone runs this build; without the link npx would install the package anew in its cache.
const main = path.join(root, "dist/src/main.js");
chmodSync(main, 0o755);
const link = path.join(root, "node_modules/.bin/driftline");
rmSync(link, { force: true });
symlinkSync(path.relative(path.dirname(link), main), link);
writeFileSync(stamp, "");
