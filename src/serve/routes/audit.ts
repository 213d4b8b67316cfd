/** Whether decisions still are what they were. */
import { z } from "zod";
import { verifyAudit } from "../../audit/verify.ts";
import { getRoute, jsonAnswer, noInput } from "../route.ts";

export const auditRoute = getRoute({
  path: "/v1/audit",
  summary: "Verifies the chains of the audit: how many entries they have, their heads, and what is wrong with them.",
  audience: "api",
  produces: "application/json",
  params: noInput,
  query: z.object({
    head: z
      .string()
      .optional()
      .describe("Hashes that were noted down earlier, with commas between: each must be one of an entry."),
  }),
  async handle({ store }, { query }) {
    const noted = (query.head ?? "").split(",").flatMap((hash) => (hash.trim() === "" ? [] : [hash.trim()]));
    return jsonAnswer(await verifyAudit(store.lane("serve"), noted));
  },
});
