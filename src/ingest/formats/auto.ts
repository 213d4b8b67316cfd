/** The default: what a message is shows in its headers, and one without headers that tell is native JSON. */
import { z } from "zod";
import { defineFormat } from "../../core/format.ts";
import { jsonOf } from "./cloudevents.ts";
import { isCloudEvent, readCloudEvent } from "./envelope/cloud-event.ts";
import { isKserveType, kserve } from "./kserve.ts";
import { isSeldon, isSeldonType, seldon1 } from "./seldon-1.ts";

export const auto = defineFormat({
  name: "auto",
  title: "By the headers",
  description:
    "Native JSON, unless the headers say that a message is a CloudEvent: those of KServe's payload logger and of Seldon Core 1 are read as `kserve` and `seldon-1` do with their defaults, all others as `cloudevents`.",
  options: z.strictObject({}),
  open(_, context) {
    const ofKserve = kserve.open({}, context);
    const ofSeldon = seldon1.open({}, context);
    return {
      isPlain: (message) => message.headers === undefined || !(isCloudEvent(message) || isSeldon(message)),
      decode(message) {
        if (!isCloudEvent(message)) return ofSeldon.decode(message);
        const event = readCloudEvent(message);
        const type = event.attributes["type"];
        if (isKserveType(type)) return ofKserve.decode(message);
        return isSeldonType(type) ? ofSeldon.decode(message) : jsonOf(event, message.receivedMs);
      },
    };
  },
});
