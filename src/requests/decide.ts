/** A decision from the command line: through the running service where one holds the folder, else straight into the configured store. */
import { type DecisionKind, type DecisionRequest, decide } from "../alert/decide.ts";
import type { Config } from "../config/schema.ts";
import { systemClock } from "../core/clock.ts";
import { throughService } from "./service-call.ts";

/** Where the running service takes a decision of a kind, and what stays for the body. */
const routes: { readonly [Kind in DecisionKind]: (request: DecisionRequest[Kind]) => readonly [string, unknown] } = {
  silence: (request) => ["/v1/silences", withDuration(request)],
  acceptance: (request) => ["/v1/acceptances", withDuration(request)],
  acknowledgement: ({ incident_id, ...body }) => [`/v1/incidents/${incident_id}/acknowledge`, body],
  feedback: ({ incident_id, ...body }) => [`/v1/incidents/${incident_id}/feedback`, body],
  end: ({ decision_id, ...body }) => [`/v1/decisions/${decision_id}/end`, body],
};

/** A request has been read already: its duration is a number of milliseconds. */
const withDuration = ({ for: ms, ...request }: { readonly for?: number | undefined }) => ({
  ...request,
  ...(ms === undefined ? {} : { for: `${ms}ms` }),
});

/** @throws DriftlineError with what was wrong */
export async function decideFromHere<Kind extends DecisionKind>(
  config: Config,
  kind: Kind,
  request: DecisionRequest[Kind],
): Promise<string> {
  const [route, body] = routes[kind](request);
  return await throughService(
    config,
    { route, body },
    (answer) => answer,
    async (store) => {
      const place = { lane: store.lane("serve"), models: config.models, now: systemClock.now() };
      return JSON.stringify({ decision_id: await decide(place, kind, request) });
    },
  );
}
