/**
 * `npm run bench:detectors`: false alarms in a million in-control events and median delay until a shift is found, for Driftline's tiers and the
 * rules of other libraries. Seeded: the same command gives the same table. Progress goes to the standard error.
 */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { Command, InvalidArgumentError } from "commander";
import { projectRoot } from "../service.ts";
import { delayCurves } from "./curves.ts";
import { full, Laboratory, quick } from "./measure.ts";
import { measure } from "./plan.ts";
import { type ShownRule, toJson, toMarkdown, toShortMarkdown, toText } from "./report.ts";
import { type Kind, scenes } from "./scenes.ts";

interface Options {
  readonly json?: true;
  readonly write?: true;
  readonly quick?: true;
  readonly only: readonly Kind[];
  readonly seed: number;
}

const kinds = Object.values(scenes).map(({ kind }) => kind);
const options = new Command("bench:detectors")
  .description("False alarms and detection delay of Driftline's tiers and of other libraries' rules.")
  .option("--json", "print the figures as JSON")
  .option("--write", "write bench/DETECTORS.md, docs/images/detection-delay.svg and the short table of the README")
  .option("--quick", "a few streams only, to see that it runs: the figures mean nothing")
  .option("--only <kinds>", `some of ${kinds.join(",")}`, chosenKinds, kinds)
  .option("--seed <n>", "of all random numbers", wholeNumber, 20_260_302)
  .parse()
  .opts<Options>();

const shown: readonly ShownRule[] = [
  { rule: "Driftline notice, panes of 10", chosen: "matched", title: "notice, panes of 10" },
  { rule: "Driftline notice for means, panes of 10", chosen: "matched", title: "notice for means, panes of 10" },
  { rule: "Driftline notice, panes of 100", chosen: "matched", title: "notice, panes of 100" },
  { rule: "Driftline page, panes of 100", chosen: "promised", title: "page, panes of 100" },
];
const laboratory = new Laboratory({ ...(options.quick === true ? quick : full), seed: options.seed });
const measured = measure(laboratory, options.only, (text) => process.stderr.write(`${text}\n`));
process.stdout.write(`${options.json === true ? toJson(measured, options.seed) : toText(measured)}\n`);
if (options.write === true) {
  const command = [
    "npm run bench:detectors",
    ...(process.argv.length > 2 ? ["--", ...process.argv.slice(2)] : []),
  ].join(" ");
  await writeFile(path.join(projectRoot(), "bench", "DETECTORS.md"), toMarkdown(measured, laboratory.effort, command));
  const images = path.join(projectRoot(), "docs", "images");
  await mkdir(images, { recursive: true });
  await writeFile(path.join(images, "detection-delay.svg"), delayCurves(measured.numeric));
  await putIntoReadme(toShortMarkdown(measured, shown));
}

/** Between its two marks, which stay. */
async function putIntoReadme(table: string): Promise<void> {
  const file = path.join(projectRoot(), "README.md");
  const [before, rest] = (await readFile(file, "utf8")).split("<!-- bench:detectors -->\n");
  const after = rest?.split("<!-- /bench:detectors -->")[1];
  if (after === undefined) throw new Error(`${file} has no marks for the table of detectors`);
  await writeFile(file, `${before}<!-- bench:detectors -->\n${table}\n<!-- /bench:detectors -->${after}`);
}

function chosenKinds(text: string): readonly Kind[] {
  return text.split(",").map((name) => {
    const found = kinds.find((kind) => kind === name.trim());
    if (found === undefined) throw new InvalidArgumentError(`choose from ${kinds.join(", ")}.`);
    return found;
  });
}

function wholeNumber(text: string): number {
  if (!/^\d+$/.test(text)) throw new InvalidArgumentError("a whole number.");
  return Number(text);
}
