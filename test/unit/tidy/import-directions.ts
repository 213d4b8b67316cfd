/** Who may import whom, as a table: the data flows one way, and stations meet in the store and in app.ts alone. */

/** A layer may import itself and what stands here. */
export const allowed: Readonly<Record<string, readonly string[]>> = {
  "src/core": [],
  "src/math": [],
  detectors: ["src/core", "src/math"],
  "src/sequential": ["src/core", "src/math"],
  "src/notify/channels": ["src/core", "src/math"],
  "src/act/actions": ["src/core", "src/math"],
  "src/ingest/formats": ["src/core", "src/math"],
  "src/config": ["src/core", "src/math", "detectors", "src/notify/channels", "src/act/actions", "src/ingest/formats"],
  "src/telemetry": ["src/core", "src/config"],
  "src/onboarding": ["src/core", "src/config"],
  "src/store": ["src/core"],
  "src/audit": ["src/core", "src/store"],
  "src/alert": ["src/core", "src/math", "src/sequential", "src/config", "src/store", "src/telemetry"],
  "src/deliver": ["src/core", "src/config", "src/store", "src/telemetry"],
  "src/ingest": ["src/core", "src/math", "src/config", "src/store", "src/telemetry", "src/ingest/formats"],
  "src/sidecar": ["src/core", "src/telemetry"],
  "src/evaluate": ["src/core", "src/math", "src/sequential", "src/config", "src/store", "src/telemetry", "detectors"],
  "src/digest": ["src/core", "src/config", "src/store", "src/telemetry", "src/alert"],
  "src/notify": [
    "src/core",
    "src/config",
    "src/store",
    "src/telemetry",
    "src/alert",
    "src/deliver",
    "src/notify/channels",
  ],
  "src/act": ["src/core", "src/config", "src/store", "src/telemetry", "src/alert", "src/deliver", "src/act/actions"],
  "src/serve": [
    "src/core",
    "src/math",
    "src/sequential",
    "src/config",
    "src/store",
    "src/telemetry",
    "src/alert",
    "src/deliver",
    "src/audit",
  ],
};

/** The layer of a path: the longest that it lies below; `src` (main.ts, commands, requests, service) may import everything. */
export function layerOf(file: string): string {
  const layers = Object.keys(allowed).filter((layer) => file.startsWith(`${layer}/`));
  return layers.sort((a, b) => b.length - a.length)[0] ?? "src";
}

/** What is wrong with the imports of a file, in words; empty if nothing is. */
export function wrongImports(file: string, text: string): string[] {
  const from = layerOf(file);
  if (from === "src") return [];
  const wrong: string[] = [];
  for (const match of text.matchAll(/(?:from|import)\s*\(?\s*"(\.{1,2}\/[^"]+)"/g)) {
    const target = resolve(file, match[1] ?? "");
    const to = layerOf(target);
    if (to !== from && !(allowed[from] ?? []).includes(to))
      wrong.push(`${file} (${from}) must not import ${target} (${to})`);
  }
  return wrong;
}

function resolve(file: string, specifier: string): string {
  const parts = file.split("/").slice(0, -1);
  for (const part of specifier.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== ".") parts.push(part);
  }
  return parts.join("/");
}
