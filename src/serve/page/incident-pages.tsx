/** The list of incidents, and one incident with its numbers, its changes and what was delivered because of it. */
import { beginningSentence, intervalText, onsetSentence } from "../../alert/beginning-text.ts";
import type { Decision } from "../../alert/decisions.ts";
import { isEvidence, PAGE_TIER } from "../../core/evidence.ts";
import { modelsOf } from "../../core/incident.ts";
import type { Rebuild } from "../../core/rebuild.ts";
import type { Retraining } from "../../core/retraining.ts";
import type { DeliveryView, IncidentMemberView, IncidentView } from "../queries/incidents.ts";
import { Causes } from "./causes.tsx";
import { JudgedBefore } from "./computed-again.tsx";
import { DecisionList, Decisions } from "./decisions.tsx";
import { day, limitText, moment, plural, range, valueText, whole } from "./format.ts";
import { incidentLink, modelLink, subjectLink } from "./links.ts";
import { Blank, Head, Owner, Scroll, type State, StateWord } from "./parts.tsx";
import { Actions, Retrainings } from "./retraining-view.tsx";

function stateOf(incident: IncidentView): State {
  if (incident.state === "resolved") return "steady";
  if (incident.state === "insufficient_data" || incident.state === "error" || incident.state === "pending")
    return "none";
  return incident.severity === "page" ? "page" : "attention";
}

const stateWords = (incident: IncidentView): string =>
  incident.state === "resolved" ? "resolved" : `${incident.state.replaceAll("_", " ")}, ${incident.severity}`;

/** The models of an incident in words: all of a few, the number of many. */
function modelsText(incident: IncidentView): string {
  const models = modelsOf(incident);
  return models.length > 3
    ? `${models.slice(0, 2).join(", ")} and ${models.length - 2} more models`
    : models.join(", ");
}

export function IncidentsPage({
  incidents,
  pending,
  decisions,
  now,
  model,
}: {
  readonly incidents: readonly IncidentView[];
  /** What has breached, not yet often enough. */
  readonly pending: readonly IncidentView[];
  /** Silences and accepted drift that hold now. */
  readonly decisions: readonly Decision[];
  readonly now: number;
  readonly model: string | null;
}) {
  const open = incidents.filter((incident) => incident.state !== "resolved").length;
  return (
    <>
      <h1>Incidents{model === null ? "" : ` of ${model}`}</h1>
      <p class="lead quiet">
        {open === 0 ? "None is open." : `${plural(open, "incident")} open.`} One cause is one incident; it is told once
        and stays open until the limits hold again.
      </p>
      {incidents.length === 0 ? (
        <section>
          <Blank title="No incident yet">
            <p class="quiet">
              An incident opens when a rule of the configuration (models.alerts.rules, or min and max of a KPI) fires.
            </p>
          </Blank>
        </section>
      ) : (
        <section>
          <IncidentTable incidents={incidents} />
        </section>
      )}
      <Standing {...{ pending, decisions, now }} />
    </>
  );
}

function IncidentTable({ incidents }: { readonly incidents: readonly IncidentView[] }) {
  return (
    <Scroll label="Incidents">
      <table>
        <thead>
          <tr>
            <th scope="col">State</th>
            <th scope="col">Incident</th>
            <th scope="col" class="narrow-hide">
              Window
            </th>
            <th scope="col" class="nowrap">
              Opened
            </th>
            <th scope="col" class="nowrap narrow-hide">
              Resolved
            </th>
          </tr>
        </thead>
        <tbody>
          {incidents.map((incident) => (
            <tr class={incident.state === "resolved" ? "dim" : undefined}>
              <td>
                <StateWord state={stateOf(incident)}>{stateWords(incident)}</StateWord>
              </td>
              <th scope="row">
                <a href={incidentLink(incident.incident_id)}>{incident.title}</a>
                <span class="under">{modelsText(incident)}</span>
              </th>
              <td class="narrow-hide nowrap">{incident.window}</td>
              <td class="nowrap">{day(incident.opened_at)}</td>
              <td class="nowrap narrow-hide">{incident.resolved_at === null ? "–" : day(incident.resolved_at)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}

/** What is near to an incident, and what keeps some from being told. */
function Standing({
  pending,
  decisions,
  now,
}: {
  readonly pending: readonly IncidentView[];
  readonly decisions: readonly Decision[];
  readonly now: number;
}) {
  return (
    <>
      {pending.length > 0 && (
        <section>
          <Head title="Pending" note="breached, not yet often enough; nobody is told" />
          <ul>
            {pending.map((one) => (
              <li>
                <a href={incidentLink(one.incident_id)}>{one.title}</a>: {one.reason}
              </li>
            ))}
          </ul>
        </section>
      )}
      {decisions.length > 0 && (
        <section>
          <Head title="Silenced and accepted" note="what holds now" />
          <DecisionList decisions={decisions} now={now} />
        </section>
      )}
    </>
  );
}

interface IncidentProps {
  /** All changes, the newest first. */
  readonly changes: readonly [IncidentView, ...IncidentView[]];
  readonly deliveries: readonly DeliveryView[];
  readonly retrainings: readonly Retraining[];
  /** Those about this incident. */
  readonly decisions: readonly Decision[];
  /** By which the numbers that it was judged by were replaced. */
  readonly rebuild: Rebuild | null;
  /** Clock time, ms. */
  readonly now: number;
}

export function IncidentPage({ changes, deliveries, retrainings, decisions, rebuild, now }: IncidentProps) {
  const [incident] = changes;
  return (
    <>
      <p class="crumbs">
        <a href="/incidents">Incidents</a> /{" "}
        <a href={modelLink(incident.model, incident.window === PAGE_TIER ? {} : { window: incident.window })}>
          {incident.model}
        </a>
      </p>
      <h1>{incident.title}</h1>
      <p class="lead">
        <StateWord state={stateOf(incident)}>{stateWords(incident)}</StateWord> Opened {moment(incident.opened_at)} UTC
        (event time),{" "}
        {incident.window === PAGE_TIER ? "the change most likely began" : "the first window that breached began"}{" "}
        {moment(incident.onset)}.{incident.resolved_at !== null && ` Resolved ${moment(incident.resolved_at)}.`}
        {incident.models !== undefined && ` ${plural(incident.models.length, "model")}: ${modelsText(incident)}.`}
      </p>
      <Owner of={incident} />
      <JudgedBefore rebuild={rebuild} />
      <Beginning incident={incident} />
      <Explanations incident={incident} />
      <section>
        <Head
          title="What fired"
          note="what is news first, then what something else explains; by how far it moved and how much it matters"
        />
        <Members incident={incident} />
      </section>
      {incident.causes !== undefined && <Causes report={incident.causes} incident={incident} />}
      <History changes={changes} retrainings={retrainings} />
      <Retrainings retrainings={retrainings} />
      <Decisions incident={incident} decisions={decisions} now={now} />
      <section>
        <Head title="Deliveries" note="who was told and what was asked, with the newest attempt of each" />
        <Deliveries deliveries={deliveries} />
      </section>
    </>
  );
}

/** Where to look first. */
function Beginning({ incident }: { readonly incident: IncidentView }) {
  const { beginning } = incident;
  const sentences = [onsetSentence(incident), beginningSentence(beginning === undefined ? {} : { beginning })].filter(
    (sentence) => sentence !== undefined,
  );
  return sentences.length === 0 ? null : <p class="quiet">{sentences.join(" ")}</p>;
}

function Explanations({ incident }: { readonly incident: IncidentView }) {
  if (incident.explanations === undefined) return null;
  return (
    <ul class="quiet">
      {incident.explanations.map((one) => (
        <li>
          Explained by {one.text}
          {one.model === incident.model ? "" : ` of ${one.model}`}, since {moment(one.since)} UTC: what began with it is
          muted.
        </li>
      ))}
    </ul>
  );
}

function History({ changes, retrainings }: Pick<IncidentProps, "changes" | "retrainings">) {
  const [incident] = changes;
  return (
    <section class="columns">
      <div>
        <Head title="What happened" note="newest first" />
        <ol class="timeline">
          {changes.map((change) => (
            <li>
              <span class="no">{change.sequence}</span>
              <time dateTime={new Date(change.changed_at).toISOString()}>{moment(change.changed_at)}</time>
              <b>{change.transition.replaceAll("_", " ")}</b>
              <p>{change.reason}</p>
              <p class="quiet">
                {change.state.replaceAll("_", " ")}, {change.severity}.{" "}
                {change.members.filter((member) => member.firing).length} of {plural(change.members.length, "number")}{" "}
                beyond the limit.
              </p>
            </li>
          ))}
        </ol>
      </div>
      <div>
        <Head title="Actions" />
        <Actions model={incident.model} decisions={incident.actions ?? []} retrainings={retrainings} />
      </div>
    </section>
  );
}

function Members({ incident }: { readonly incident: IncidentView }) {
  return (
    <Scroll label="What fired">
      <table>
        <thead>
          <tr>
            <th scope="col">Subject</th>
            <th scope="col">Rule</th>
            <th scope="col" class="num">
              Value
            </th>
            <th scope="col" class="num">
              Limit
            </th>
            <th scope="col" class="narrow-hide">
              Window
            </th>
            <th scope="col" class="num narrow-hide">
              Events
            </th>
            <th scope="col">Now</th>
          </tr>
        </thead>
        <tbody>
          {incident.members.map((member) => (
            <tr>
              <th scope="row" class="value">
                <MemberLink incident={incident} member={member} />
                <span class="under">
                  {[member.finding ?? member.metric, member.segment, member.model].filter(Boolean).join(", ")}
                </span>
                {member.onset_from !== undefined && <span class="under">began {intervalText(member)}</span>}
              </th>
              <td>
                {member.rule}
                {member.window !== undefined && <span class="under">{member.window}</span>}
              </td>
              <td class="num">
                <b>{member.value === null ? "–" : valueText(member.metric, member.value)}</b>
              </td>
              <td class="num">
                {member.threshold === null ? "–" : `${member.direction} ${limitText(member.metric, member.threshold)}`}
              </td>
              <td class="narrow-hide nowrap">{range(member.window_start, member.window_end)}</td>
              <td class="num narrow-hide">{whole(member.n)}</td>
              <td>
                {member.data_missing ? (
                  <StateWord state="none">
                    {member.error === true ? "can't be computed" : "no data to decide"}
                  </StateWord>
                ) : (
                  <StateWord state={memberState(member)}>{member.firing ? "firing" : "cleared"}</StateWord>
                )}
                {member.muted !== undefined && <span class="under">muted: {member.muted}</span>}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}

function memberState({ firing, muted, severity }: IncidentMemberView): State {
  if (!firing) return "steady";
  if (muted !== undefined) return "none";
  return severity === "page" ? "page" : "attention";
}

const windowOf = (incident: IncidentView, member: IncidentMemberView): string => member.window ?? incident.window;

function MemberLink({ incident, member }: { readonly incident: IncidentView; readonly member: IncidentMemberView }) {
  const model = member.model ?? incident.model;
  const series = { model, version: member.version, variant: member.variant };
  // The page tier has no windows of its own to look at: the newest of the model's show what has changed.
  const choice = isEvidence(member.metric) ? {} : { window: windowOf(incident, member), at: member.window_start };
  const isDistribution =
    member.subject_kind === "feature" || member.subject_kind === "prediction" || member.subject_kind === "score";
  const link = isDistribution
    ? subjectLink(series, member.subject_kind, member.subject, choice)
    : modelLink(model, choice);
  const isKpi = member.subject_kind === "kpi" && !isEvidence(member.metric);
  return <a href={link}>{isKpi ? member.metric : member.subject}</a>;
}

const DELIVERY_STATE: Readonly<Record<DeliveryView["state"], readonly [State, string]>> = {
  due: ["none", "waiting"],
  sent: ["steady", "delivered"],
  failed: ["attention", "failed, will be tried again"],
  dead: ["page", "given up"],
};

function Deliveries({ deliveries }: { readonly deliveries: readonly DeliveryView[] }) {
  if (deliveries.length === 0) return <p class="quiet">Nothing was sent: the model names no channel and no action.</p>;
  return (
    <Scroll label="Deliveries">
      <table>
        <thead>
          <tr>
            <th scope="col">Target</th>
            <th scope="col">About</th>
            <th scope="col">State</th>
            <th scope="col" class="num">
              Attempts
            </th>
            <th scope="col" class="nowrap">
              Last
            </th>
            <th scope="col" class="narrow-hide">
              Answer
            </th>
          </tr>
        </thead>
        <tbody>
          {deliveries.map((delivery) => {
            const [state, words] = DELIVERY_STATE[delivery.state];
            return (
              <tr>
                <th scope="row">
                  {delivery.target}
                  <span class="under">{delivery.kind}</span>
                </th>
                <td>{delivery.transition.replaceAll("_", " ")}</td>
                <td>
                  <StateWord state={state}>{words}</StateWord>
                </td>
                <td class="num">{delivery.attempt}</td>
                <td class="nowrap">{moment(delivery.at_ms)}</td>
                <td class="narrow-hide answer">{delivery.answer}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </Scroll>
  );
}
