/** What is not sure, asked on a terminal. Enter takes what stands in brackets. */
import { createInterface } from "node:readline/promises";
import { type Choices, roles } from "../onboarding/find-fields.ts";
import { isClassTold } from "../onboarding/task.ts";
import type { Understood } from "../onboarding/understand.ts";
import type { Questions } from "./init.ts";

export function terminalQuestions(
  input: NodeJS.ReadableStream,
  output: NodeJS.WritableStream,
): Questions & { close(): void } {
  const terminal = createInterface({ input, output });
  const ask = async (question: string, likeliest: string): Promise<string> => {
    const answer = (await terminal.question(`${question} [${likeliest}] `)).trim();
    return answer === "" ? likeliest : answer;
  };
  const choose = async (question: string, options: readonly string[]): Promise<string> => {
    const listed = options.map((option, index) => `  ${index + 1}) ${option}`).join("\n");
    for (;;) {
      const answer = await ask(`${question}\n${listed}\n`, "1");
      const chosen = options[Number(answer) - 1] ?? options.find((option) => option === answer);
      if (chosen !== undefined) return chosen;
    }
  };
  return {
    async source(title: string, { fields }: Understood): Promise<Choices> {
      const chosen: Record<string, string | null> = {};
      for (const role of roles) {
        const found = fields[role];
        if (found === undefined || found.others.length === 0) continue;
        const answer = await choose(`${title}: which field is the ${role}?`, [found.path, ...found.others, NONE]);
        chosen[role] = answer === NONE ? null : answer;
      }
      return chosen;
    },
    model: (title, likeliest) => ask(`${title}: the events name no model. What is it called?`, likeliest),
    positive: async (model, classes) =>
      isClassTold(classes)
        ? (classes[1] ?? "")
        : choose(`${model}: which class is the positive one?`, [...classes].reverse()),
    async referenceShare() {
      const answer = await ask(
        "Which share of the sample, from its beginning, is to be the reference that drift is measured from? none, or for example 0.3",
        "none",
      );
      const share = Number(answer);
      return share > 0 && share <= 1 ? share : null;
    },
    close: () => terminal.close(),
  };
}

const NONE = "none of them";
