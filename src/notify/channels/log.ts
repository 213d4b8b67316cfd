/** Writes one JSON line per notification, for a log collector or a person at the terminal. */
import { z } from "zod";
import { defineTarget, type HumanMessage, isDigest, isOver } from "../../core/delivery.ts";
import { groupsOf } from "../../core/digest.ts";

export const log = defineTarget({
  name: "log",
  title: "Log",
  description: "Writes one line of JSON per message to standard error.",
  options: z.strictObject({
    stream: z
      .enum(["stdout", "stderr"])
      .default("stderr")
      .describe("Where the lines go; standard output belongs to what a command prints."),
  }),
  takes: ["incident", "digest"],
  open: ({ stream }) => {
    return (message) => {
      const { title, link, idempotencyKey } = message;
      const line = JSON.stringify({
        time: new Date().toISOString(),
        level: !isDigest(message) && !isOver(message) ? "warn" : "info",
        msg: title,
        ...aboutOf(message),
        key: idempotencyKey,
        ...(link === "" ? {} : { link }),
      });
      return new Promise((resolve) => {
        process[stream].write(`${line}\n`, (error) =>
          resolve(
            error instanceof Error
              ? { status: "failed", retryable: true, reason: "the stream is closed" }
              : { status: "delivered" },
          ),
        );
      });
    };
  },
});

/** Entries of a group that a line of the log names. */
const ENTRIES_MAX = 5;

function aboutOf(message: HumanMessage): Record<string, unknown> {
  if (!isDigest(message)) {
    const { transition, lines, incident } = message;
    const { model, window, severity, incident_id } = incident;
    return { transition, lines, model, window, severity, incident: incident_id };
  }
  const { digest, period } = message;
  const sentences = digest.models.items.flatMap((model) =>
    groupsOf(model, ENTRIES_MAX).flatMap(({ entries, more }) => [
      ...entries.map(({ sentence }) => `${model.model}: ${sentence}`),
      ...(more > 0 ? [`${model.model}: and ${more} more`] : []),
    ]),
  );
  return {
    digest: digest.name,
    date: digest.date,
    period,
    lines: [digest.summary, ...sentences],
    audit_heads: digest.audit_heads.map(({ hash }) => hash),
  };
}
