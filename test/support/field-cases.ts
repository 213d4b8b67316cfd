/** Situations in which users of other monitors got wrong numbers, silence or noise: `test/fixtures/field-cases.jsonl`, one a line. */
import { readFileSync } from "node:fs";
import { z } from "zod";
import { projectFile } from "./project-file.ts";

const fieldCase = z.object({
  id: z.string(),
  input: z.object({ config: z.string().optional(), lines: z.array(z.string()).optional() }),
});

function fieldCaseOf(id: string): z.output<typeof fieldCase> {
  const text = readFileSync(projectFile("test/fixtures/field-cases.jsonl"), "utf8");
  for (const line of text.split("\n")) {
    if (line === "") continue;
    const found = fieldCase.parse(JSON.parse(line));
    if (found.id === id) return found;
  }
  throw new Error(`there is no field case ${id}`);
}

/** The lines of a case exactly as they are sent, those that are broken on purpose included. */
export function fieldCaseLines(id: string): readonly string[] {
  const { lines } = fieldCaseOf(id).input;
  if (lines === undefined) throw new Error(`the field case ${id} has no lines`);
  return lines;
}

/** The configuration of a case, as written. */
export function fieldCaseConfig(id: string): string {
  const { config } = fieldCaseOf(id).input;
  if (config === undefined) throw new Error(`the field case ${id} has no configuration`);
  return config;
}
