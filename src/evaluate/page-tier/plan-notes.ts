/** What the page tier's plan says to people, kept in the store for those who only look: the page may be another process. */
import { z } from "zod";
import { sql } from "../../store/sql.ts";
import type { Lane } from "../../store/store.ts";
import type { PageTierPlan } from "./watched-streams.ts";

/** Writes what differs from what is there. */
export async function writePlanNotes(lane: Lane, model: string, plan: PageTierPlan, now: number): Promise<void> {
  const notes = [...plan.seasons, ...plan.limits];
  const [known] = await lane.query(
    sql`SELECT plan_id, notes FROM page_tier_notes FINAL WHERE model = ${model}`,
    z.object({ plan_id: z.string(), notes: z.array(z.string()) }),
  );
  if (known?.plan_id === plan.planId && JSON.stringify(known.notes) === JSON.stringify(notes)) return;
  await lane.insertRows("page_tier_notes", [{ model, plan_id: plan.planId, notes, written_at: now }]);
}
