/** What people have decided about an incident, or in general, and how to decide: the page itself writes nothing. */
import { comparedText } from "../../alert/accepted-baselines.ts";
import type { Decision } from "../../alert/decisions.ts";
import { isInForce } from "../../alert/decisions.ts";
import { concernsModel, silencesMatching } from "../../alert/telling.ts";
import type { IncidentView } from "../queries/incidents.ts";
import { moment } from "./format.ts";
import { Head } from "./parts.tsx";

const WORDS: Readonly<Record<string, string>> = {
  silence: "Silenced",
  acknowledgement: "Acknowledged",
  acceptance: "Accepted as the new normal",
  feedback: "Feedback",
};

/** Those that speak of an incident, its models, or anything that takes part in it. */
export function decisionsAbout(decisions: readonly Decision[], incident: IncidentView, now: number): Decision[] {
  const subjects = new Set(incident.members.map(({ subject }) => subject));
  return decisions.filter((decision) => {
    if (decision.incident_id !== "") return decision.incident_id === incident.incident_id;
    if (decision.kind === "acceptance") return decision.model === incident.model && subjects.has(decision.subject);
    return (
      isInForce(decision, now) && concernsModel(decision, incident) && silencesMatching(decision.matchers, incident)
    );
  });
}

/** "subject RELP of census" of what a silence or an acceptance is about. */
function about({ kind, matchers, model, subject, segment, verdict }: Decision): string {
  if (kind === "silence")
    return Object.entries(matchers)
      .map(([name, text]) => `${name} ${text}`)
      .join(", ");
  if (kind === "acceptance") return `${subject} of ${model}${segment === "" ? "" : `, ${segment}`}`;
  return verdict;
}

export function DecisionList({ decisions, now }: { readonly decisions: readonly Decision[]; readonly now: number }) {
  return (
    <dl class="facts">
      {decisions.map((decision) => {
        const { kind, owner, reason, at, until, ended, baseline } = decision;
        const what = about(decision);
        const state =
          ended !== null
            ? `taken back by ${ended.owner} ${moment(ended.at)} UTC`
            : until === null
              ? ""
              : until <= now
                ? `expired ${moment(until)} UTC`
                : `until ${moment(until)} UTC`;
        return (
          <>
            <dt>{WORDS[kind] ?? kind}</dt>
            <dd>
              {[what, `by ${owner}`, state].filter(Boolean).join(", ")}
              {baseline !== null && isInForce(decision, now) && <small>{comparedText(baseline)}</small>}
              <small>
                {moment(at)} UTC{reason === "" ? "" : `: ${reason}`}
              </small>
            </dd>
          </>
        );
      })}
    </dl>
  );
}

/** Decisions about one incident, and the commands that make one. */
export function Decisions({
  incident,
  decisions,
  now,
}: {
  readonly incident: IncidentView;
  readonly decisions: readonly Decision[];
  readonly now: number;
}) {
  const [subject = "…"] = incident.members
    .filter(({ subject_kind }) => subject_kind !== "kpi" && subject_kind !== "model")
    .map((member) => member.subject);
  const commands = [
    `driftline acknowledge ${incident.incident_id} --owner you`,
    `driftline silence --model ${incident.model} --for 7d --owner you --reason "…"`,
    `driftline accept --model ${incident.model} --subject ${JSON.stringify(subject)} --for 90d --owner you --reason "…"`,
    `driftline feedback ${incident.incident_id} noise --owner you`,
  ];
  return (
    <section>
      <Head title="Decisions" note="who took it on, what is silenced or accepted, and whether it was real" />
      {decisions.length === 0 ? (
        <p class="quiet">Nobody has decided anything yet.</p>
      ) : (
        <DecisionList decisions={decisions} now={now} />
      )}
      <details>
        <summary>Decide</summary>
        <p class="quiet">
          From the command line, or by the routes of the same names (<a href="/v1/openapi.json">OpenAPI</a>). Each is
          kept with who and why.
        </p>
        <pre>{commands.join("\n")}</pre>
      </details>
    </section>
  );
}
