/** Posts every change of an incident or of a model's state, and every digest, as a CloudEvent in structured mode: to a Knative broker, or to whatever else takes CloudEvents. */
import { z } from "zod";
import { defineTarget } from "../../core/delivery.ts";
import { postOnce } from "../../core/http-delivery.ts";
import { headersOption, secretUrl } from "../../core/http-options.ts";
import { CLOUD_EVENTS_JSON, messageEvent } from "../../core/message-event.ts";

export const cloudevents = defineTarget({
  name: "cloudevents",
  title: "CloudEvents",
  description:
    "Posts CloudEvents 1.0 in structured mode, with the type `io.driftline.incident.opened` (or what else happened), the model as source and the incident as subject. A digest's type is `io.driftline.digest`, that of a model's state `io.driftline.model.state`. The id stays the same over retries.",
  options: z.strictObject({
    url: secretUrl("Address that is posted to, for example of a Knative broker."),
    headers: headersOption(),
  }),
  takes: ["incident", "digest", "state"],
  open: ({ url, headers }) => {
    return async (message, signal) =>
      await postOnce(
        fetch,
        {
          url,
          headers: { ...headers, "content-type": CLOUD_EVENTS_JSON },
          body: JSON.stringify(messageEvent(message)),
        },
        signal,
      );
  },
});
