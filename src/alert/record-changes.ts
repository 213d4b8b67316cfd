/** Explains, plans and writes changes. What was found and decided goes with the incident from there on. */
import type { ModelConfig } from "../config/schema.ts";
import type { Clock } from "../core/clock.ts";
import type { PlannedDelivery } from "../core/delivery.ts";
import { PAGE_TIER } from "../core/evidence.ts";
import type { ActionDecision, Incident, IncidentChange } from "../core/incident.ts";
import type { IncidentBeginning } from "../core/incident-beginning.ts";
import type { CauseReport } from "../core/incident-cause.ts";
import type { Lane } from "../store/store.ts";
import { writeChanges } from "./alert-store.ts";
import type { RecordedChange } from "./incident-changes.ts";
import { arranged } from "./incident-view.ts";

interface Recording {
  readonly lane: Lane;
  readonly clock: Clock;
  readonly models: readonly Pick<ModelConfig, "name" | "owner" | "labels">[];
  readonly planners: readonly ((change: IncidentChange) => Promise<{
    readonly deliveries: readonly PlannedDelivery[];
    readonly actions?: readonly ActionDecision[];
  }>)[];
  readonly enqueue: (deliveries: readonly PlannedDelivery[]) => Promise<void>;
  readonly explain?: (incident: Incident) => Promise<CauseReport | null>;
  readonly findBeginning?: (incident: Incident) => Promise<IncidentBeginning | null>;
}

export async function recordChanges(
  options: Recording,
  changes: readonly RecordedChange[],
): Promise<readonly RecordedChange[]> {
  const decided = new Map<string, readonly ActionDecision[]>();
  const explained = new Map<string, CauseReport>();
  const began = new Map<string, IncidentBeginning>();
  const recorded: RecordedChange[] = [];
  for (const made of changes) {
    const id = made.incident.incident_id;
    const causes = await causesOf(options, made, explained.get(id) ?? made.incident.causes);
    if (causes !== undefined) explained.set(id, causes);
    const owned = { ...ownershipOf(options, made), ...made.incident };
    const explainedChange = {
      ...made,
      incident: causes === undefined ? owned : arranged({ ...owned, causes }),
    };
    const beginning = began.get(id) ?? (await beginningOf(options, explainedChange));
    if (beginning !== undefined) began.set(id, beginning);
    const change =
      beginning === undefined
        ? explainedChange
        : { ...explainedChange, incident: { ...explainedChange.incident, beginning } };
    let actions = decided.get(id) ?? change.incident.actions ?? [];
    for (const plan of options.planners) {
      const { deliveries, actions: more = [] } = await plan(change);
      // At once: the cooldown of the next change's action counts this one's.
      if (deliveries.length > 0) await options.enqueue(deliveries);
      actions = [...actions, ...more];
    }
    decided.set(id, actions);
    const incident = actions.length === 0 ? change.incident : { ...change.incident, actions };
    recorded.push({ ...change, incident, record: { ...change.record, incident } });
  }
  if (recorded.length > 0) await writeChanges(options.lane, recorded, options.clock.now());
  return recorded;
}

/** Whose the model is, as it was when this was first known of the incident: alerts elsewhere are told apart by their labels. */
function ownershipOf({ models }: Recording, { incident }: RecordedChange): Pick<Incident, "owner" | "labels"> {
  if (incident.owner !== undefined || incident.labels !== undefined) return {};
  const { owner, labels = {} } = models.find(({ name }) => name === incident.model) ?? {};
  return {
    ...(owner === undefined ? {} : { owner }),
    ...(Object.keys(labels).length === 0 ? {} : { labels }),
  };
}

/** As it was found at the opening. */
async function beginningOf(
  { findBeginning }: Recording,
  { kind, incident }: RecordedChange,
): Promise<IncidentBeginning | undefined> {
  return incident.beginning ?? (kind === "opened" ? ((await findBeginning?.(incident)) ?? undefined) : undefined);
}

/** Those that are known, unless a member has fired in a later window than they are of, or more urgently. */
async function causesOf(
  { explain }: Recording,
  { kind, incident }: RecordedChange,
  known: CauseReport | undefined,
): Promise<CauseReport | undefined> {
  if (incident.state === "pending") return known;
  const view = explainedView(incident);
  const newest = Math.max(...view.members.filter(({ firing }) => firing).map((member) => member.window_start));
  const wanted =
    known === undefined
      ? kind === "opened" || kind === "escalated"
      : kind === "escalated" || (incident.state !== "resolved" && newest > known.window_start);
  return wanted ? ((await explain?.(view)) ?? known) : known;
}

/**
 * The incident as of one window of its first model: that of the most urgent member that fires, by a rule rather than by the page tier, since
 * a window has rows that can be told apart.
 */
function explainedView(incident: Incident): Incident {
  const own = incident.members.filter(({ model }) => model === undefined);
  const windowOf = ({ window }: (typeof own)[number]) => window ?? incident.window;
  const firing = own.filter((member) => member.firing);
  const chosen = firing.find((member) => windowOf(member) !== PAGE_TIER) ?? firing[0];
  const window = chosen === undefined ? incident.window : windowOf(chosen);
  return { ...incident, window, members: own.filter((member) => windowOf(member) === window) };
}
