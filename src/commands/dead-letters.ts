/** `driftline dead-letters list|show|redrive`: what could not be read, why, and reading it again. */
import { Command, InvalidArgumentError, Option } from "commander";
import { DriftlineError } from "../core/errors.ts";
import { deadLetterBytes, listDeadLetters, redriveDeadLetters } from "../requests/dead-letters-request.ts";
import { type LetterId, letterId, parseLetterId } from "../serve/queries/dead-letters.ts";
import { configOption, readConfig, timeOf } from "./options.ts";

interface Chosen {
  readonly config: string;
  readonly reason?: string;
  readonly source?: string;
  readonly since?: number;
}

const filtered = (command: Command): Command =>
  command
    .addOption(configOption())
    .option("--reason <reason>", "only of this reason, for example unknown_model")
    .option("--source <name>", "only of sources whose name begins so, for example kafka:ml.predictions")
    .addOption(new Option("--since <time>", "only those that came at or after this (ISO 8601, UTC)").argParser(timeOf));

function idOf(text: string): LetterId {
  const id = parseLetterId(text);
  if (id === null) throw new InvalidArgumentError("expected an id as `dead-letters list` prints it.");
  return id;
}

export const deadLettersCommand = (): Command =>
  new Command("dead-letters")
    .description("Messages that could not become an event: list them, show one, read them again.")
    .addCommand(listCommand())
    .addCommand(showCommand())
    .addCommand(redriveCommand());

const listCommand = (): Command =>
  filtered(new Command("list"))
    .description("List them, the newest first.")
    .addOption(new Option("--limit <count>", "at most so many").argParser(Number).default(50))
    .option("--all", "those too that have been redriven")
    .option("--json", "a line of JSON each")
    .action(async ({ config, limit, all, json, ...filter }: Chosen & { limit: number; all?: true; json?: true }) => {
      const letters = await listDeadLetters(readConfig(config), limit, {
        ...filter,
        ...(all === true ? {} : { redriven: false }),
      });
      if (json === true) {
        for (const letter of letters) process.stdout.write(`${JSON.stringify({ id: letterId(letter), ...letter })}\n`);
        return;
      }
      if (letters.length === 0) process.stdout.write("none\n");
      for (const letter of letters) {
        const redriven = letter.redriven_ms === null ? "" : ", redriven";
        const at = new Date(letter.received_ms).toISOString();
        process.stdout.write(`${letterId(letter)}\n  ${at}  ${letter.reason}${redriven}: ${escaped(letter.detail)}\n`);
      }
    });

const showCommand = (): Command =>
  new Command("show")
    .description("Show one: why it could not be read, and its bytes; what is no printable text is written as \\xNN.")
    .argument("<id>", "as `list` prints it", idOf)
    .addOption(configOption())
    .action(async (id: LetterId, options: { config: string }) => {
      const config = readConfig(options.config);
      const [letter] = await listDeadLetters(config, 1, { id });
      if (letter === undefined) throw new DriftlineError("not_found", `there is no dead letter ${letterId(id)}`);
      const bytes = (await deadLetterBytes(config, id)) ?? Buffer.alloc(0);
      process.stdout.write(
        `${[
          `id        ${letterId(id)}`,
          `came      ${new Date(letter.received_ms).toISOString()}`,
          `reason    ${letter.reason}`,
          `detail    ${escaped(letter.detail)}`,
          `format    ${letter.format || "unknown"}`,
          `redriven  ${letter.redriven_ms === null ? "no" : new Date(letter.redriven_ms).toISOString()}`,
          `bytes     ${bytes.length}`,
          "",
          escapedBytes(bytes),
        ].join("\n")}\n`,
      );
    });

const redriveCommand = (): Command =>
  filtered(new Command("redrive"))
    .description(
      "Read them again by the mapping and models of now: those that are events by now are stored once and marked, the rest stays.",
    )
    .argument("[id]", "one, as `list` prints it", idOf)
    .option("--all", "all of them")
    .option("--json", "print the result as JSON")
    .addHelpText("after", "\nSafe to repeat.\n\nExample:\n  driftline dead-letters redrive --reason unknown_model")
    .action(async (id: LetterId | undefined, options: Chosen & { all?: true; json?: true }) => {
      const { config, all, json, ...filter } = options;
      if (id === undefined && Object.keys(filter).length === 0 && all !== true)
        throw new DriftlineError(
          "request_invalid",
          "name an id, --reason, --source or --since; --all takes all of them",
        );
      const result = await redriveDeadLetters(readConfig(config), { ...filter, ...(id === undefined ? {} : { id }) });
      if (json === true) {
        process.stdout.write(`${JSON.stringify(result)}\n`);
        return;
      }
      const stay = result.stay
        .map(({ reason, count, detail }) => `  ${count} × ${reason}: ${escaped(detail)}\n`)
        .join("");
      process.stdout.write(
        `${result.redriven} of ${result.looked_at} are stored now${stay === "" ? "" : "; these stay:"}\n${stay}`,
      );
    });

/** Without what a terminal would obey. */
const escaped = (text: string): string =>
  text.replace(/[\p{Cc}\p{Cf}]/gu, (sign) => `\\u${(sign.codePointAt(0) ?? 0).toString(16).padStart(4, "0")}`);

/** Text as it is, line ends included; all other bytes as \xNN. */
function escapedBytes(bytes: Buffer): string {
  const text = bytes.toString("utf8");
  if (!text.includes("\uFFFD")) return text.split("\n").map(escaped).join("\n");
  return [...bytes]
    .map((byte) => (byte >= 32 && byte < 127 ? String.fromCharCode(byte) : `\\x${byte.toString(16).padStart(2, "0")}`))
    .join("");
}
