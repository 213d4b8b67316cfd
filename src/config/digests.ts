/** `digests:` — summaries of a day or a week, sent to channels at a local time. */
import { z } from "zod";

export const weekdays = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"] as const;

export const digestSchema = z
  .strictObject({
    name: z
      .string()
      .regex(/^[A-Za-z0-9][A-Za-z0-9._ -]{0,59}$/, "letters, digits, spaces, '.', '_' and '-', at most 60")
      .optional()
      .describe("What its title says; it tells digests apart. Left out: `daily` or `weekly`."),
    channels: z.array(z.string()).min(1).describe("Names of channels that it is sent to."),
    every: z.enum(["day", "week"]).default("day").describe("How often it comes, and how much time it covers."),
    weekday: z.enum(weekdays).optional().describe("Of weekly ones the day on which they come; left out: monday."),
    at: z
      .string()
      .regex(/^(?:[01]\d|2[0-3]):[0-5]\d$/, "a time of day such as 08:00")
      .default("08:00")
      .describe(
        "Local time at which it comes. A time that daylight saving skips comes after the gap, a repeated one once.",
      ),
    timezone: z.string().default("UTC").describe("IANA time zone of `at`, for example Europe/Berlin."),
    models: z.array(z.string()).min(1).optional().describe("Names of the models that it is about; left out: all."),
  })
  .transform(({ name, ...rest }) => ({ ...rest, name: name ?? (rest.every === "day" ? "daily" : "weekly") }));

export type DigestConfig = z.output<typeof digestSchema>;

/** Its due times as a cron expression of five fields. */
export function digestCron({ every, weekday, at }: Pick<DigestConfig, "every" | "weekday" | "at">): string {
  const [hour, minute] = at.split(":").map(Number);
  const day = every === "day" ? "*" : String((weekdays.indexOf(weekday ?? "monday") + 1) % 7);
  return `${minute ?? 0} ${hour ?? 8} * * ${day}`;
}
