/** One benchmark's section of RESULTS.md. */
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { projectRoot } from "./service.ts";

/** Replaces the section, and leaves what other benchmarks wrote. @param rows what was measured, and the figure */
export function writeSection(title: string, how: string, rows: readonly (readonly [string, string])[]): void {
  const file = path.join(projectRoot(), "bench", "RESULTS.md");
  const table = ["| what | figure |", "| --- | ---: |", ...rows.map(([what, figure]) => `| ${what} | ${figure} |`)];
  const section = [`## ${title}`, "", how, "", ...table, ""].join("\n");
  const others = readFileSync(file, "utf8")
    .split(/^(?=## )/m)
    .filter((part) => !part.startsWith(`## ${title}\n`));
  writeFileSync(file, `${others.join("").trimEnd()}\n\n${section}`);
}
