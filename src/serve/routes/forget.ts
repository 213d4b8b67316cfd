/** Forgetting an id: its rows leave the store. */
import { forget, forgetRequestSchema } from "../forget.ts";
import { deleteRoute, jsonAnswer } from "../route.ts";

export const forgetRoute = deleteRoute({
  path: "/v1/ids/:id",
  summary: "Forgets an id: its predictions, labels and dead letters leave the store, of one model or of all.",
  audience: "api",
  produces: "application/json",
  params: forgetRequestSchema.pick({ id: true }),
  query: forgetRequestSchema.omit({ id: true }),
  async handle({ store, models, clock }, { params, query }) {
    const place = { lane: store.lane("serve"), models, now: clock.now() };
    return jsonAnswer(await forget(place, { ...query, ...params }));
  },
});
