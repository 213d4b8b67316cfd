/** The default: what a message is shows in its headers, and one without headers that tell is native JSON. */
import { z } from "zod";
import { defineFormat } from "../../core/format.ts";
import { jsonOf } from "./cloudevents.ts";
import { isCloudEvent, readCloudEvent } from "./envelope/cloud-event.ts";
import { isKserveType, kserve } from "./kserve.ts";

export const auto = defineFormat({
  name: "auto",
  title: "By the headers",
  description:
    "Native JSON, unless the headers say that a message is a CloudEvent: those of KServe's payload logger are read as `kserve` does with its defaults, all others as `cloudevents`.",
  options: z.strictObject({}),
  open(_, context) {
    const ofKserve = kserve.open({}, context);
    return {
      isPlain: (message) => !isCloudEvent(message),
      decode(message) {
        const event = readCloudEvent(message);
        return isKserveType(event.attributes["type"]) ? ofKserve.decode(message) : jsonOf(event, message.receivedMs);
      },
    };
  },
});
