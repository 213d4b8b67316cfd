/** Retrainings on the page: how those of an incident stand, and the page on which one is approved. */
import type { Retraining, RetrainingState } from "../../core/retraining.ts";
import { moment } from "./format.ts";
import { incidentLink } from "./links.ts";
import { Head, type State, StateWord } from "./parts.tsx";

const STATES: Readonly<Record<RetrainingState, readonly [State, string]>> = {
  dry_run: ["none", "dry run, nothing was sent"],
  awaiting_approval: ["attention", "waits for approval"],
  approved: ["none", "approved"],
  rejected: ["none", "rejected"],
  expired: ["attention", "nobody approved it in time"],
  requested: ["none", "requested"],
  accepted: ["none", "accepted"],
  waiting: ["attention", "accepted, but not begun"],
  running: ["none", "running"],
  given_up: ["page", "the request was given up"],
  timed_out: ["page", "nothing was heard of it in its time"],
  failed: ["page", "failed"],
  done: ["steady", "done"],
  succeeded: ["none", "succeeded, followed"],
  recovered: ["steady", "succeeded, and it helped"],
  not_recovered: ["page", "succeeded, and it did not help"],
};

interface Decision {
  readonly action: string;
  /** Left out: the incident's own. */
  readonly model?: string | undefined;
  readonly requested: boolean;
  readonly reason: string;
}

/** What was decided of the actions that have come to no retraining. */
export function Actions({
  model: lead,
  decisions,
  retrainings,
}: {
  /** The incident's own; actions of others say theirs. */
  readonly model: string;
  readonly decisions: readonly Decision[];
  readonly retrainings: readonly Retraining[];
}) {
  const keyOf = (of: Pick<Retraining, "model" | "action">) => JSON.stringify([of.model, of.action]);
  const known = new Set(retrainings.map(keyOf));
  const others = decisions.filter(({ action, model = lead }) => !known.has(keyOf({ model, action })));
  if (decisions.length === 0 && known.size === 0) return <p class="quiet">No action is configured for this model.</p>;
  return (
    <dl class="facts">
      {others.map((decision) => (
        <>
          <dt>{nameOf(decision)}</dt>
          <dd>
            {decision.requested ? "requested" : "not requested"}
            <small>{decision.reason}</small>
          </dd>
        </>
      ))}
      {retrainings.map((retraining) => (
        <>
          <dt>{nameOf({ ...retraining, model: retraining.model === lead ? undefined : retraining.model })}</dt>
          <dd>
            <StateOf retraining={retraining} />
            <small>{retraining.message}</small>
          </dd>
        </>
      ))}
    </dl>
  );
}

/** "webhook", "webhook of fraud". */
export const nameOf = ({ action, model }: { readonly action: string; readonly model?: string | undefined }): string =>
  model === undefined ? action : `${action} of ${model}`;

/** What has happened to each retraining of an incident. */
export function Retrainings({ retrainings }: { readonly retrainings: readonly Retraining[] }) {
  return (
    <>
      {retrainings.map((retraining) => (
        <section>
          <Head title={`Retraining by ${retraining.action}`} note={facts(retraining).join(", ")} />
          <ol class="timeline">
            {[...retraining.events].reverse().map(({ event, at, detail }, index, all) => (
              <li>
                <span class="no">{all.length - index}</span>
                <time dateTime={new Date(at).toISOString()}>{moment(at)}</time>
                <b>{event.replaceAll("_", " ")}</b>
                <p>{saidOf(detail)}</p>
              </li>
            ))}
          </ol>
        </section>
      ))}
    </>
  );
}

function saidOf({ message, by, approval_until: until, version }: Retraining["events"][number]["detail"]): string {
  return [
    ...(until === undefined ? [] : [`waits for approval until ${moment(until)} UTC`]),
    ...(by === undefined ? [] : [`by ${by}`]),
    ...(version === undefined ? [] : [`version ${version}`]),
    ...(message === undefined ? [] : [message]),
  ].join(", ");
}

function StateOf({ retraining }: { readonly retraining: Retraining }) {
  const [state, words] = STATES[retraining.state];
  return <StateWord state={state}>{words}</StateWord>;
}

function facts({ retraining_id, run_id, version, reference }: Retraining): string[] {
  return [
    retraining_id,
    ...(run_id === "" ? [] : [`run ${run_id}`]),
    ...(version === "" ? [] : [`version ${version} has come of it`]),
    ...(reference === "" ? [] : [`its reference is ${reference}`]),
  ];
}

export interface ApprovalProps {
  readonly retraining: Retraining;
  readonly title: string;
  readonly token: string;
  readonly until: number;
}

/** Opening the page decides nothing: programs that look at links before people do must not approve. */
export function ApprovalPage({ retraining, title, token, until }: ApprovalProps) {
  const open = retraining.state === "awaiting_approval";
  const isRollback = retraining.events.some(({ detail }) => detail.does === "roll_back");
  return (
    <>
      <p class="crumbs">
        <a href={incidentLink(retraining.incident_id)}>Incident</a>
      </p>
      <h1>
        {isRollback ? "Roll back" : "Retrain"} {retraining.model}?
      </h1>
      <p class="lead">{title}</p>
      <section>
        <Head title={retraining.action} />
        {open ? (
          <form method="post" action={`/retrainings/${retraining.retraining_id}`}>
            <input type="hidden" name="token" value={token} />
            <p>
              <label>
                Your name <input type="text" name="by" maxLength={100} autocomplete="name" />
              </label>
            </p>
            <p>
              <button type="submit" name="decision" value="approve">
                Approve
              </button>{" "}
              <button type="submit" name="decision" value="reject">
                Reject
              </button>
            </p>
            <p class="quiet">Until {moment(until)} UTC; after that nothing is sent.</p>
          </form>
        ) : (
          <p>
            <StateOf retraining={retraining} />
          </p>
        )}
      </section>
    </>
  );
}
