/** Posts every change of an incident as a CloudEvent in structured mode: to a Knative broker, or to whatever else takes CloudEvents. */
import { z } from "zod";
import { type Delivery, defineTarget } from "../../core/delivery.ts";
import { postOnce } from "../../core/http-delivery.ts";
import { headersOption, secretUrl } from "../../core/http-options.ts";
import { CLOUD_EVENTS_JSON, incidentEvent } from "../../core/incident-event.ts";
import { stateEvent } from "../../core/model-state.ts";

export const cloudevents = defineTarget({
  name: "cloudevents",
  title: "CloudEvents",
  description:
    "Posts CloudEvents 1.0 in structured mode, with the type `io.driftline.incident.opened` (or what else happened), the model as source and the incident as subject. The id stays the same over retries. A model's state has the type `io.driftline.model.state`.",
  options: z.strictObject({
    url: secretUrl("Address that is posted to, for example of a Knative broker."),
    headers: headersOption(),
  }),
  open: (chosen) => (notification, signal) => post(chosen, incidentEvent(notification), signal),
  openStates: (chosen) => (notification, signal) => post(chosen, stateEvent(notification), signal),
});

const post = (
  { url, headers }: { readonly url: string; readonly headers: Readonly<Record<string, string>> },
  event: Readonly<Record<string, unknown>>,
  signal: AbortSignal,
): Promise<Delivery> =>
  postOnce(
    fetch,
    { url, headers: { ...headers, "content-type": CLOUD_EVENTS_JSON }, body: JSON.stringify(event) },
    signal,
  );
