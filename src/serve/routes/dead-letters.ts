/** Messages that could not become an event: which, why, their bytes, and reading them again. */
import { z } from "zod";
import { DriftlineError } from "../../core/errors.ts";
import {
  countByReason,
  type LetterId,
  parseLetterId,
  readLetterBytes,
  selectDeadLetters,
} from "../queries/dead-letters.ts";
import { getRoute, jsonAnswer, noInput, postRoute } from "../route.ts";

const HOUR = 3_600_000;
const iso = (ms: number | null): string | null => (ms === null ? null : new Date(ms).toISOString());

const idText = z
  .string()
  .transform((text, context): LetterId => {
    const id = parseLetterId(text);
    if (id !== null) return id;
    context.addIssue({ code: "custom", message: "expected <source>/<partition>/<offset>/<item>" });
    return z.NEVER;
  })
  .describe("Of one letter: `<source>/<partition>/<offset>/<item>`.");
const common = { audience: "api", produces: "application/json" } as const;

export const deadLetterRoutes = [
  getRoute({
    ...common,
    path: "/v1/dead-letters",
    summary:
      "Messages that could not become an event, the newest first, and how many there are by format and reason; `raw` is cut after 2,000 bytes.",
    params: noInput,
    query: z.object({
      limit: z.coerce.number().int().min(1).max(10_000).default(100).describe("Rows at most; the newest come first."),
      reason: z.string().optional().describe("Only of this reason."),
      source: z.string().optional().describe("Only of sources whose name begins so: `kafka:ml.predictions`."),
      since: z.coerce.number().optional().describe("Only those that came at or after this, ms since 1970."),
      redriven: z
        .enum(["true", "false"])
        .optional()
        .transform((text) => (text === undefined ? undefined : text === "true"))
        .describe("Whether they have been read again and stored; left out: all."),
      id: idText.optional(),
    }),
    async handle({ store, clock }, { query }) {
      const lane = store.lane("serve");
      const { limit, ...filter } = query;
      const letters = await selectDeadLetters(lane, limit, filter);
      const counts = await countByReason(lane, clock.now() - HOUR);
      return jsonAnswer({
        counts: counts.map(({ recent, ...count }) => ({ ...count, last_hour: recent })),
        dead_letters: letters.map((letter) => ({
          ...letter,
          received_at: iso(letter.received_ms),
          redriven_at: iso(letter.redriven_ms),
        })),
      });
    },
  }),
  getRoute({
    ...common,
    path: "/v1/dead-letters/bytes",
    summary: "All bytes that are kept of one dead letter, as base64.",
    params: noInput,
    query: z.object({ id: idText }),
    async handle({ store }, { query }) {
      const bytes = await readLetterBytes(store.lane("serve"), query.id);
      if (bytes === null) throw new DriftlineError("not_found", "there is no such dead letter");
      return jsonAnswer({ raw_base64: bytes });
    },
  }),
  postRoute({
    ...common,
    path: "/v1/dead-letters/redrive",
    summary:
      "Reads dead letters again by the mapping of now: what is an event by now is stored once and marked, the rest stays.",
    body: z.strictObject({
      reason: z.string().min(1).optional().describe("Only of this reason."),
      source: z.string().min(1).optional().describe("Only of sources whose name begins so."),
      since: z.number().optional().describe("Only those that came at or after this, ms since 1970."),
      id: idText.optional(),
    }),
    async handle({ redrive }, { body }) {
      if (redrive === null)
        throw new DriftlineError("store_unavailable", "this process does not ingest; ask one that has the role ingest");
      return jsonAnswer(await redrive(body));
    },
  }),
];
