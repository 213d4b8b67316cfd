/** What the page tier's plan says to people, kept in the store for those who only look: the page may be another process. */
import { z } from "zod";
import { sql } from "../../store/sql.ts";
import type { Lane } from "../../store/store.ts";
import { scopeText, type VersionScope } from "../version-scope.ts";
import type { PageTierPlan } from "./watched-streams.ts";

/** Writes what differs from what is there; a plan of some versions says which. */
export async function writePlanNotes(
  lane: Lane,
  model: string,
  prepared: readonly { readonly pageTier: PageTierPlan | null; readonly versions: VersionScope }[],
  now: number,
): Promise<void> {
  const plans = prepared.flatMap(({ pageTier, versions }) => (pageTier === null ? [] : [{ plan: pageTier, versions }]));
  if (plans.length === 0) return;
  const id = plans.map(({ plan }) => plan.planId).join(" ");
  const notes = plans.flatMap(({ plan, versions }) =>
    [...plan.seasons, ...plan.limits].map((note) =>
      versions.only === null ? note : `${scopeText(versions)}: ${note}`,
    ),
  );
  const [known] = await lane.query(
    sql`SELECT plan_id, notes FROM page_tier_notes FINAL WHERE model = ${model}`,
    z.object({ plan_id: z.string(), notes: z.array(z.string()) }),
  );
  if (known?.plan_id === id && JSON.stringify(known.notes) === JSON.stringify(notes)) return;
  await lane.insertRows("page_tier_notes", [{ model, plan_id: id, notes, written_at: now }]);
}
