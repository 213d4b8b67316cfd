/** Writes one JSON line per notification, for a log collector or a person at the terminal. */
import { z } from "zod";
import { defineTarget, isOver } from "../../core/delivery.ts";

export const log = defineTarget({
  name: "log",
  title: "Log",
  description: "Writes one line of JSON per notification to standard error.",
  options: z.strictObject({
    stream: z
      .enum(["stdout", "stderr"])
      .default("stderr")
      .describe("Where the lines go; standard output belongs to what a command prints."),
  }),
  open: ({ stream }) => {
    return (notification) => {
      const { transition, title, lines, incident, link, idempotencyKey } = notification;
      const line = JSON.stringify({
        time: new Date().toISOString(),
        level: isOver(notification) ? "info" : "warn",
        msg: title,
        transition,
        lines,
        model: incident.model,
        window: incident.window,
        severity: incident.severity,
        incident: incident.incident_id,
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
