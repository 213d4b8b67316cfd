/** Forgetting an id, or all that is about one entity: rows leave the store. */
import { forget, forgetEntitySchema, forgetIdSchema } from "../forget.ts";
import { deleteRoute, jsonAnswer } from "../route.ts";

const forgetIdRoute = deleteRoute({
  path: "/v1/ids/:id",
  summary: "Forgets an id: its predictions, labels and dead letters leave the store, of one model or of all.",
  audience: "api",
  produces: "application/json",
  params: forgetIdSchema.pick({ id: true }),
  query: forgetIdSchema.omit({ id: true }),
  async handle({ store, models, clock }, { params, query }) {
    const place = { lane: store.lane("serve"), models, now: clock.now() };
    return jsonAnswer(await forget(place, { ...query, ...params }));
  },
});

const forgetEntityRoute = deleteRoute({
  path: "/v1/entities/:entity",
  summary:
    "Forgets an entity, where labels are joined by one: its predictions, its labels and dead letters leave the store, of one model or of all.",
  audience: "api",
  produces: "application/json",
  params: forgetEntitySchema.pick({ entity: true }),
  query: forgetEntitySchema.omit({ entity: true }),
  async handle({ store, models, clock }, { params, query }) {
    const place = { lane: store.lane("serve"), models, now: clock.now() };
    return jsonAnswer(await forget(place, { ...query, ...params }));
  },
});

export const forgetRoutes = [forgetIdRoute, forgetEntityRoute];
