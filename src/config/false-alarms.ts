/** The page tier's two settings: how many false alarms a model may raise in how long, and how small a change does not matter. */
import { z } from "zod";
import { durationText, parseDuration } from "./duration.ts";

/** At most this many false alarms in this time, in milliseconds, of each version of a model. */
export interface FalseAlarmBudget {
  readonly alarms: number;
  readonly perMs: number;
}

const DAY = 86_400_000;
const SHORTEST_MS = DAY;

/** `1 per 30d`, or `off`: null. */
export const falseAlarmsSchema = z
  .union([z.string(), z.literal(false)])
  .transform((written, context): FalseAlarmBudget | null => {
    if (written === false || written.trim() === "off") return null;
    const match = /^\s*([1-9]\d{0,3})\s+per\s+(\S+)\s*$/.exec(written);
    const perMs = parseDuration(match?.[2] ?? "");
    if (match !== null && perMs !== null && perMs >= SHORTEST_MS) return { alarms: Number(match[1]), perMs };
    context.addIssue({
      code: "custom",
      message: `"${written}" is no budget of false alarms; write for example "1 per 30d" (at least a day), or off`,
    });
    return z.NEVER;
  })
  .meta({ budget: true });

/** As the schema reads it. */
export const budgetText = (budget: FalseAlarmBudget | null): string =>
  budget === null ? "off" : `${budget.alarms} per ${durationText(budget.perMs)}`;

const share = (least: number) => z.number().min(least).max(0.5);

export const ignoreBelowSchema = share(0.001);
export const ignoreRareBelowSchema = share(0.0001);
