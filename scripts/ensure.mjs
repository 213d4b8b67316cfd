// Runs before `npm start` and `npm test`: installs and builds what is missing, so that both work on a fresh clone.
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, statSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..");
const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
if (major < 20 || (major === 20 && minor < 20)) {
  console.error(`Driftline needs Node 20.20 or newer; this is ${process.version}.`);
  process.exit(1);
}

const lock = path.join(root, "package-lock.json");
const installed = path.join(root, "node_modules", ".package-lock.json");
if (!existsSync(installed) || statSync(installed).mtimeMs < statSync(lock).mtimeMs) {
  // Not `npm ci`: it refuses a lock file that lacks the engine's packages of other platforms, which not every registry serves.
  console.error("Installing dependencies (once) …");
  const install = spawnSync(
    "npm",
    ["install", "--no-save", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"],
    { cwd: root, stdio: "inherit", shell: process.platform === "win32" },
  );
  if (install.status !== 0) process.exit(install.status ?? 1);
}
execFileSync(process.execPath, [path.join(root, "scripts", "build.mjs")], { stdio: "inherit" });
