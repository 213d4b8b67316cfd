/** The list of incidents, and one incident with its numbers, its changes and what was delivered because of it. */
import { beginningSentence, intervalText, onsetSentence } from "../../alert/beginning-text.ts";
import { isEvidence, PAGE_TIER } from "../../core/evidence.ts";
import type { DeliveryView, IncidentMemberView, IncidentView } from "../queries/incidents.ts";
import { Causes } from "./causes.tsx";
import { day, limitText, moment, plural, range, valueText, whole } from "./format.ts";
import { incidentLink, modelLink, subjectLink } from "./links.ts";
import { Blank, Head, Scroll, type State, StateWord } from "./parts.tsx";

function stateOf(incident: IncidentView): State {
  if (incident.state === "resolved") return "steady";
  return incident.severity === "page" ? "page" : "attention";
}

const stateWords = (incident: IncidentView): string =>
  incident.state === "resolved" ? "resolved" : `${incident.state}, ${incident.severity}`;

export function IncidentsPage({
  incidents,
  model,
}: {
  readonly incidents: readonly IncidentView[];
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
                      <span class="under">{incident.model}</span>
                    </th>
                    <td class="narrow-hide nowrap">{incident.window}</td>
                    <td class="nowrap">{day(incident.opened_at)}</td>
                    <td class="nowrap narrow-hide">
                      {incident.resolved_at === null ? "–" : day(incident.resolved_at)}
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          </Scroll>
        </section>
      )}
    </>
  );
}

interface IncidentProps {
  /** All changes, the newest first. */
  readonly changes: readonly [IncidentView, ...IncidentView[]];
  readonly deliveries: readonly DeliveryView[];
}

export function IncidentPage({ changes, deliveries }: IncidentProps) {
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
      </p>
      <Beginning incident={incident} />
      <section>
        <Head
          title="What fired"
          note={incident.window === PAGE_TIER ? "by the page tier" : `windows of ${incident.window}`}
        />
        <Members incident={incident} />
      </section>
      {incident.causes !== undefined && <Causes report={incident.causes} incident={incident} />}
      <section class="columns">
        <div>
          <Head title="What happened" note="newest first" />
          <ol class="timeline">
            {changes.map((change) => (
              <li>
                <span class="no">{change.sequence}</span>
                <time dateTime={new Date(change.changed_at).toISOString()}>{moment(change.changed_at)}</time>
                <b>{change.transition.replaceAll("_", " ")}</b>
                <p>
                  {change.state}, {change.severity}. {change.members.filter((member) => member.firing).length} of{" "}
                  {plural(change.members.length, "number")} beyond the limit.
                </p>
              </li>
            ))}
          </ol>
        </div>
        <div>
          <Head title="Actions" />
          {incident.actions === undefined || incident.actions.length === 0 ? (
            <p class="quiet">No action is configured for this model.</p>
          ) : (
            <dl class="facts">
              {incident.actions.map((action) => (
                <>
                  <dt>{action.action}</dt>
                  <dd>
                    {action.requested ? "requested" : "not requested"}
                    <small>{action.reason}</small>
                  </dd>
                </>
              ))}
            </dl>
          )}
        </div>
      </section>
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
                {member.segment !== undefined && ` where ${member.segment}`}
                <span class="under">{member.finding ?? member.metric}</span>
                {member.onset_from !== undefined && <span class="under">began {intervalText(member)}</span>}
              </th>
              <td>{member.rule}</td>
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
                  <StateWord state="none">no data to decide</StateWord>
                ) : (
                  <StateWord state={member.firing ? (member.severity === "page" ? "page" : "attention") : "steady"}>
                    {member.firing ? "firing" : "cleared"}
                  </StateWord>
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}

function MemberLink({ incident, member }: { readonly incident: IncidentView; readonly member: IncidentMemberView }) {
  const series = { model: incident.model, version: member.version, variant: member.variant };
  // The page tier has no windows of its own to look at: the newest of the model's show what has changed.
  const choice = isEvidence(member.metric) ? {} : { window: incident.window, at: member.window_start };
  const isDistribution =
    member.subject_kind === "feature" || member.subject_kind === "prediction" || member.subject_kind === "score";
  const link = isDistribution
    ? subjectLink(series, member.subject_kind, member.subject, choice)
    : modelLink(incident.model, choice);
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
