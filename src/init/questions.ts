/** What is not sure, asked on a terminal. Enter takes what stands in brackets; Ctrl-C or the end of the input ends it all. */
import { createInterface, type Interface } from "node:readline";
import { DriftlineError } from "../core/errors.ts";
import { type Choices, roles } from "../onboarding/find-fields.ts";
import { isClassTold } from "../onboarding/task.ts";
import type { Understood } from "../onboarding/understand.ts";
import type { Questions } from "./init.ts";

export function terminalQuestions(
  input: NodeJS.ReadableStream,
  output: NodeJS.WritableStream,
): Questions & { close(): void } {
  const lines = new AnswerLines(input, output);
  const ask = async (question: string, likeliest: string): Promise<string> => {
    const answer = (await lines.next(`${question} [${likeliest}] `)).trim();
    return answer === "" ? likeliest : answer;
  };
  const choose = async (question: string, options: readonly string[]): Promise<string> => {
    const listed = options.map((option, index) => `  ${index + 1}) ${option}\n`).join("");
    for (;;) {
      output.write(`${question}\n${listed}`);
      const answer = await ask("number or name", "1");
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
      for (;;) {
        const answer = await ask(
          "Which share of the sample, from its beginning, is to be the reference that drift is measured from? none, or for example 0.3",
          "none",
        );
        if (answer === "none") return null;
        const share = Number(answer);
        if (share > 0 && share <= 1) return share;
        output.write(`${answer}: a number above 0, at most 1, is expected, or none\n`);
      }
    },
    close: () => lines.close(),
  };
}

const NONE = "none of them";

/** Lines of the input, those that were typed ahead of their question included. The terminal is taken with the first question and not before: until then Ctrl-C is a signal. */
class AnswerLines {
  readonly #input: NodeJS.ReadableStream;
  readonly #output: NodeJS.WritableStream;
  readonly #ahead: string[] = [];
  #terminal: Interface | null = null;
  #ended = false;
  #settle: (() => void) | null = null;

  constructor(input: NodeJS.ReadableStream, output: NodeJS.WritableStream) {
    this.#input = input;
    this.#output = output;
  }

  /** @throws DriftlineError where no more lines come */
  async next(prompt: string): Promise<string> {
    const terminal = this.#open();
    if (this.#ahead.length === 0 && !this.#ended) {
      terminal.setPrompt(prompt);
      terminal.prompt();
      await new Promise<void>((resolve) => {
        this.#settle = resolve;
      });
    }
    const line = this.#ahead.shift();
    if (line !== undefined) return line;
    throw new DriftlineError(
      "request_invalid",
      "the questions were not answered, so nothing was written; --yes asks none",
    );
  }

  #open(): Interface {
    if (this.#terminal !== null) return this.#terminal;
    const terminal = createInterface({ input: this.#input, output: this.#output });
    terminal.on("line", (line) => {
      this.#ahead.push(line);
      this.#settle?.();
    });
    terminal.on("close", () => {
      this.#ended = true;
      this.#settle?.();
    });
    this.#terminal = terminal;
    return terminal;
  }

  close(): void {
    this.#terminal?.close();
  }
}
